using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>CHECK: bridge, pair, port, addresses and routes are as the result of the ADD says.</summary>
internal static class BridgeCheck
{
    internal static void Run(PluginRequest request, BridgeConfig config, CniResult result)
    {
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var expected = InterfaceCheck.Find(result, request.IfName, request.NetnsPath);
        var bridge = CheckBridge(sandbox.Host.Route, config, result);
        var container = InterfaceCheck.Present(sandbox.Container.Route, expected, "container");
        if (container.Kind != Veth.KindName)
            throw InterfaceCheck.Failed($"container interface \"{container.Name}\" is not a veth (it is {container.Kind ?? "a physical interface"})");
        CheckPort(sandbox.Host.Route, config, result, bridge, container);
        InterfaceCheck.Addresses(sandbox.Container.Route, container, result);
        InterfaceCheck.Routes(sandbox.Container.Route, result);
    }

    private static Link CheckBridge(RouteSocket host, BridgeConfig config, CniResult result)
    {
        var expected = result.Interfaces.FirstOrDefault(i => i.Sandbox is null && i.Name == config.BridgeName)
            ?? throw InterfaceCheck.Failed($"prevResult has no bridge \"{config.BridgeName}\"");
        var bridge = InterfaceCheck.Present(host, expected, "bridge");
        if (bridge.Kind != Netlink.Rtnetlink.Bridge.KindName)
            throw InterfaceCheck.Failed($"interface \"{bridge.Name}\" is not a bridge (it is {bridge.Kind ?? "a physical interface"})");
        if (config.PromiscMode && bridge.Promiscuity == 0)
            throw InterfaceCheck.Failed($"bridge \"{bridge.Name}\" is not in promiscuous mode");
        return bridge;
    }

    private static void CheckPort(RouteSocket host, BridgeConfig config, CniResult result, Link bridge, Link container)
    {
        var port = host.FindLink(container.LowerIndex);
        if (port is null || port.Kind != Veth.KindName || port.LowerIndex != container.Index)
            throw InterfaceCheck.Failed($"the host's end of \"{container.Name}\" (index {container.LowerIndex}) is missing");
        var expected = result.Interfaces.FirstOrDefault(i => i.Sandbox is null && i.Name == port.Name)
            ?? throw InterfaceCheck.Failed($"the host's end of \"{container.Name}\" is \"{port.Name}\", which prevResult does not have");
        if (!string.IsNullOrEmpty(expected.Mac) && !string.Equals(expected.Mac, port.Address?.ToString(), StringComparison.OrdinalIgnoreCase))
            throw InterfaceCheck.Failed($"host interface \"{port.Name}\" has Mac {port.Address} where prevResult has {expected.Mac}");
        if (port.Master != bridge.Index)
            throw InterfaceCheck.Failed($"host interface \"{port.Name}\" is not a port of bridge \"{bridge.Name}\"");

        var settings = BridgePort.Decode(port);
        if (settings.Hairpin is { } hairpin && hairpin != config.HairpinMode)
            throw InterfaceCheck.Failed($"hairpin mode of bridge port \"{port.Name}\" is {hairpin}, the configuration says {config.HairpinMode}");
        if (settings.Isolated is { } isolated && isolated != config.PortIsolation)
            throw InterfaceCheck.Failed($"isolation of bridge port \"{port.Name}\" is {isolated}, the configuration says {config.PortIsolation}");
        if (!config.UsesVlans)
            return;
        var present = host.ListBridgeVlans(port.Index);
        var access = config.Vlan == 0 ? 1 : config.Vlan;
        foreach (var id in config.VlanTrunk.Append(access))
        {
            if (!present.Any(v => v.Id == id && (id != access || v.Pvid)))
                throw InterfaceCheck.Failed($"bridge port \"{port.Name}\" is not in VLAN {id}");
        }
    }
}
