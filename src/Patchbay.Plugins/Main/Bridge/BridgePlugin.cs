using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>bridge: joins a container to a bridge on the host by a veth pair. docs/bridge.md.</summary>
internal sealed class BridgePlugin : CniPlugin
{
    // The carrier of both ends normally is there at once; the reference waits this long in steps.
    private const int PortTimeoutMilliseconds = 2500;

    private const int ContainerInterfaceIndex = 2;

    public override string Name => "bridge";

    public override CniResult Add(PluginRequest request)
    {
        var config = BridgeConfig.Read(request.Config, request.Args);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var device = new BridgeDevice(sandbox.Host, config);
        var bridge = device.Ensure();
        var pair = VethPair.Create(sandbox.Container, sandbox.HostNamespace, request.IfName, device.Mtu, config.Mac);
        var undo = new Rollback();
        undo.Push(() => Sandbox.DeleteLink(sandbox.Container.Route, request.IfName));
        try
        {
            var port = JoinBridge(sandbox, config, bridge, pair);
            if (config.MacSpoofCheck)
            {
                undo.Push(() => SpoofCheck.Remove(request).Dispose());
                SpoofCheck.Add(request, pair.HostName, pair.Container.Address!.Value);
            }

            SetDuplicateDetection(sandbox.Container.Sysctl, request.IfName, config.EnableDad);
            CniResult result;
            Link? vlan = null;
            PendingWork? masquerade = null;
            if (request.Config.IpamType.Length > 0)
            {
                var ipam = IpamDelegate.Add(request, undo);
                result = Address(ipam, config, Interfaces(request, bridge, port, pair));
                if (config.IpMasq)
                {
                    undo.Push(() =>
                    {
                        masquerade?.Dispose(); // what is still being added would come after its removal
                        Masquerade.Remove(request, result.Ips);
                    });
                    masquerade = Masquerade.Start(request, config.IpMasqBackend, result.Ips);
                }

                InterfaceConfiguration.Apply(sandbox.Container, sandbox.ContainerNamespace, pair.Container, result, config.EnableDad);
                if (config.IsGateway)
                    vlan = device.AddGateways(bridge, [.. result.Ips.Where(ip => ip.Gateway is not null)]);
            }
            else
            {
                result = new CniResult { Interfaces = Interfaces(request, bridge, port, pair) };
                if (!config.DisableContainerInterface)
                    SetUp(sandbox.Container.Route, pair.Container.Index);
            }

            if (!config.DisableContainerInterface)
                WaitForPort(sandbox.Host.Route, pair.HostIndex, pair.HostName);
            masquerade?.Complete();
            return Finish(request, result, sandbox, bridge, vlan);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    // The spoof check stays until the link is gone.
    public override void Delete(PluginRequest request) => MasqueradedLink.Delete(request, () => SpoofCheck.Remove(request));

    public override void Check(PluginRequest request)
    {
        var config = BridgeConfig.Read(request.Config, request.Args);
        IpamDelegate.Check(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("Required prevResult missing");
        BridgeCheck.Run(request, config, result);
        if (config.IpMasq && !Masquerade.Exists(request))
            throw InterfaceCheck.Failed($"masquerading of container \"{request.ContainerId}\" on network \"{request.Config.Name}\" is missing");
    }

    public override void GarbageCollect(PluginRequest request) =>
        MasqueradedLink.Collect(request, valid => SpoofCheck.Collect(request.Config.Name, valid));

    public override void Status(PluginRequest request)
    {
        var config = BridgeConfig.Read(request.Config, request.Args);
        if (config.IpMasq)
            Masquerade.RequireBackend(config.IpMasqBackend);
        if (config.MacSpoofCheck)
            SpoofCheck.RequireKernel();
        BridgeSupport.Require(config);
        IpamDelegate.Status(request);
    }

    // ip link set vethX master BRIDGE up; bridge link set dev vethX hairpin … isolated …; bridge vlan …
    private static Link JoinBridge(Sandbox sandbox, BridgeConfig config, Link bridge, VethPair pair)
    {
        Link? port = null;
        var batch = new NetlinkBatch();
        sandbox.Host.Sysctl.TryWrite($"ipv6/conf/{pair.HostName}/accept_ra", "0");
        batch.SetLink(pair.HostIndex, new LinkSettings { Master = bridge.Index, Up = true });
        if (config.HairpinMode || config.PortIsolation) // a new port is neither
            batch.SetBridgePort(pair.HostIndex, new BridgePort { Hairpin = config.HairpinMode, Isolated = config.PortIsolation });
        BridgePorts.SetVlans(sandbox.Host.Route, batch, pair.HostIndex, config.Vlan, config.VlanTrunk, config.PreserveDefaultVlan);
        batch.GetLink(pair.HostIndex, link => port = link);
        sandbox.Host.Route.Execute(batch);
        return port!;
    }

    private static List<CniInterface> Interfaces(PluginRequest request, Link bridge, Link port, VethPair pair) =>
    [
        new() { Name = bridge.Name, Mac = bridge.Address?.ToString(), Mtu = bridge.Mtu },
        new() { Name = port.Name, Mac = port.Address?.ToString(), Mtu = port.Mtu },
        new() { Name = pair.Container.Name, Mac = pair.Container.Address?.ToString(), Mtu = pair.Container.Mtu, Sandbox = request.NetnsPath },
    ];

    /// <summary>The IPAM's result with the plugin's own gateway and default routes, and the container's interface for each address.</summary>
    internal static CniResult Address(CniResult ipam, BridgeConfig config, IReadOnlyList<CniInterface> interfaces)
    {
        if (ipam.Ips.Count == 0)
            throw new CniException(CniError.Internal, "IPAM plugin returned missing IP config");
        var routes = new List<CniRoute>(ipam.Routes);
        var ips = new List<CniIp>();
        foreach (var given in ipam.Ips)
        {
            var ip = given with { Interface = ContainerInterfaceIndex };
            if (config.IsGateway && ip.Gateway is null)
                ip = ip with { Gateway = BridgeDevice.FirstAddressOf(ip.Address) };
            if (config.IsDefaultGateway && !routes.Exists(r => r.Dst.IsIPv4 == ip.Address.IsIPv4 && r.Dst.PrefixLength == 0 && r.Gw is not null))
                routes.Add(new CniRoute { Dst = new IpPrefix(ip.Address.IsIPv4 ? System.Net.IPAddress.Any : System.Net.IPAddress.IPv6Any, 0), Gw = ip.Gateway });
            ips.Add(ip);
        }

        return ipam with { Interfaces = interfaces, Ips = ips, Routes = routes };
    }

    private static void SetDuplicateDetection(SysctlDirectory sysctl, string name, bool detect)
    {
        if (detect)
            sysctl.TryWrite($"ipv6/conf/{name}/enhanced_dad", "1");
        sysctl.TryWrite($"ipv6/conf/{name}/accept_dad", detect ? "1" : "0");
        // Neighbours learn of a new owner of the address when the link comes up.
        sysctl.TryWrite($"ipv4/conf/{name}/arp_notify", "1");
    }

    private static void SetUp(RouteSocket route, int index)
    {
        var batch = new NetlinkBatch();
        batch.SetLink(index, new LinkSettings { Up = true });
        route.Execute(batch);
    }

    private static void WaitForPort(RouteSocket host, int index, string name)
    {
        if (State() == OperationalState.Up)
            return;
        using var monitor = RouteMonitor.Open(RouteGroup.Link);
        var deadline = Environment.TickCount64 + PortTimeoutMilliseconds;
        while (State() is var state && state != OperationalState.Up)
        {
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !monitor.Receive((int)left, static _ => { }))
                throw new CniException(CniError.Internal, $"bridge port in error state: {state.ToString().ToLowerInvariant()} (\"{name}\" has no carrier after {PortTimeoutMilliseconds} ms)");
        }

        OperationalState State() => host.FindLink(index)?.State ?? OperationalState.NotPresent;
    }

    // The bridge's Ethernet address and MTU may have changed with its first port, and the reference names the present ones.
    private static CniResult Finish(PluginRequest request, CniResult result, Sandbox sandbox, Link bridge, Link? vlan)
    {
        var interfaces = new List<CniInterface>(result.Interfaces);
        var present = sandbox.Host.Route.FindLink(bridge.Index);
        interfaces[0] = interfaces[0] with { Mac = present?.Address?.ToString(), Mtu = present?.Mtu ?? bridge.Mtu };
        if (vlan is not null)
            interfaces.Add(new CniInterface { Name = vlan.Name, Mac = vlan.Address?.ToString(), Mtu = vlan.Mtu });
        return IpamDelegate.WithConfiguredDns(request, result with { Interfaces = interfaces });
    }
}
