using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>Whether host and kernel have what an ADD needs, for STATUS: nothing is made where anybody sees it.</summary>
internal static class BridgeSupport
{
    private const string BridgeName = "bridge";
    private const string PortName = "port";

    /// <summary>Looks at the link that has the bridge's name, and tries VLANs if the configuration has any.</summary>
    /// <exception cref="CniException">Code 50: an ADD would fail.</exception>
    internal static void Require(BridgeConfig config)
    {
        try
        {
            using var host = RouteSocket.Open();
            if (host.FindLink(config.BridgeName) is { } present)
                BridgeDevice.RequireBridge(present, CniError.PluginNotAvailable);
            if (config.UsesVlans)
                TryVlans();
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"bridge: cannot try what the kernel has: {error.Message}", inner: error);
        }
    }

    // ip link add bridge type bridge; ip link add port master bridge type veth; bridge vlan add dev port vid 1
    private static void TryVlans()
    {
        using var nowhere = NetworkNamespace.Create();
        using var route = RouteSocket.Open(nowhere);
        var links = new NetlinkBatch();
        links.AddLink(new LinkSettings { Name = BridgeName, Kind = new Netlink.Rtnetlink.Bridge() });
        links.AddLink(new LinkSettings { Name = PortName, Kind = new Veth(new LinkSettings { Name = "peer" }) });
        route.Execute(links);
        var port = route.FindLink(PortName)!.Index;
        var vlan = new NetlinkBatch();
        vlan.SetLink(port, new LinkSettings { Master = route.FindLink(BridgeName)!.Index });
        // The judge, for some kernels without VLANs ignore a bridge's option that asks for them (net/bridge/br_netlink.c).
        vlan.AddBridgeVlans(port, [new BridgeVlan(1, Pvid: true, Untagged: true)]);
        if (route.TryExecute(vlan) is [var error, ..])
            throw new CniException(CniError.PluginNotAvailable, $"bridge: the kernel lacks VLANs of bridges (CONFIG_BRIDGE_VLAN_FILTERING), which \"vlan\" and \"vlanTrunk\" need: {error.Message}", inner: error);
    }
}
