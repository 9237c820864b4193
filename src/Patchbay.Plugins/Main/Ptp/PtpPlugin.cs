using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Ptp;

/// <summary>ptp: joins a container to the host by a veth pair of its own, routed. docs/ptp.md.</summary>
internal sealed class PtpPlugin : CniPlugin
{
    private const int ContainerInterfaceIndex = 1;

    public override string Name => "ptp";

    public override CniResult Add(PluginRequest request)
    {
        var config = PtpConfig.Read(request.Config);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var mtu = HostMtu.Choose(sandbox.Host.Route, config.Mtu, config.MtuOverhead);
        var undo = new Rollback();
        try
        {
            // Before the IPAM: an interface that exists belongs to an attachment that lives, and undoing a second ADD must not free its addresses.
            var pair = VethPair.Create(sandbox.Container, sandbox.HostNamespace, request.IfName, mtu, address: null);
            undo.Push(() => Sandbox.DeleteLink(sandbox.Container.Route, request.IfName));
            var ipam = IpamDelegate.Add(request, undo);
            if (ipam.Ips.Count == 0)
                throw new CniException(CniError.Internal, "IPAM plugin returned missing IP config");
            foreach (var ip in ipam.Ips)
            {
                if (ip.Gateway is null)
                    throw new CniException(CniError.InvalidNetworkConfig, $"address {ip.Address} has no gateway: ptp routes through it, so the IPAM must name one (\"gateway\")");
            }

            IpForwarding.Enable(sandbox.Host.Sysctl, ipam.Ips.Select(ip => ip.Address.Address));
            PendingWork? masquerade = null;
            if (config.IpMasq)
            {
                undo.Push(() =>
                {
                    masquerade?.Dispose(); // what is still being added would come after its removal
                    Masquerade.Remove(request, ipam.Ips);
                });
                masquerade = Masquerade.Start(request, config.IpMasqBackend, ipam.Ips);
            }

            var host = ConfigureHost(sandbox.Host, pair, ipam.Ips);
            var result = ipam with
            {
                Interfaces =
                [
                    new() { Name = host.Name, Mac = host.Address?.ToString(), Mtu = host.Mtu },
                    new() { Name = pair.Container.Name, Mac = pair.Container.Address?.ToString(), Mtu = pair.Container.Mtu, Sandbox = request.NetnsPath },
                ],
                Ips = [.. ipam.Ips.Select(ip => ip with { Interface = ContainerInterfaceIndex })],
            };
            // Only two hosts are on this cable: nobody else can have the addresses, so there is nothing to wait for.
            sandbox.Container.Sysctl.TryWrite($"ipv6/conf/{request.IfName}/accept_dad", "0");
            InterfaceConfiguration.Apply(sandbox.Container, sandbox.ContainerNamespace, pair.Container, result, pointToPoint: true);
            masquerade?.Complete();
            return IpamDelegate.WithConfiguredDns(request, result);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request) => MasqueradedLink.Delete(request);

    public override void Check(PluginRequest request)
    {
        IpamDelegate.Check(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("ptp: Required prevResult missing");
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var container = InterfaceCheck.Present(sandbox.Container.Route, InterfaceCheck.Find(result, request.IfName, request.NetnsPath), "container");
        if (container.Kind != Veth.KindName)
            throw InterfaceCheck.Failed($"container interface \"{container.Name}\" is not a veth (it is {container.Kind ?? "a physical interface"})");
        InterfaceCheck.Addresses(sandbox.Container.Route, container, result);
        InterfaceCheck.Routes(sandbox.Container.Route, result);
        CheckHost(sandbox.Host.Route, container, result);
        if (request.Config.IpMasq && !Masquerade.Exists(request))
            throw InterfaceCheck.Failed($"masquerading of container \"{request.ContainerId}\" on network \"{request.Config.Name}\" is missing");
    }

    public override void GarbageCollect(PluginRequest request) => MasqueradedLink.Collect(request);

    public override void Status(PluginRequest request)
    {
        var config = PtpConfig.Read(request.Config);
        if (request.Config.IpamType.Length == 0)
            throw new CniException(CniError.InvalidNetworkConfig, "ptp: no plugin name provided: \"ipam\" with a \"type\" is required, for the addresses and their gateways");
        if (config.IpMasq)
            Masquerade.RequireBackend(config.IpMasqBackend);
        IpamDelegate.Status(request);
    }

    // ip addr add GATEWAY/32 dev vethX; ip link set vethX up; ip route add IP/32 dev vethX scope host
    private static Link ConfigureHost(NetworkStack host, VethPair pair, IReadOnlyList<CniIp> ips)
    {
        Link? link = null;
        host.Sysctl.TryWrite($"ipv6/conf/{pair.HostName}/accept_ra", "0");
        var batch = new NetlinkBatch();
        foreach (var ip in ips)
        {
            batch.AddAddress(new InterfaceAddress
            {
                Link = pair.HostIndex,
                Address = ip.Gateway!,
                PrefixLength = ip.Address.IsIPv4 ? 32 : 128,
                Flags = ip.Address.IsIPv4 ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            });
        }

        batch.SetLink(pair.HostIndex, new LinkSettings { Up = true });
        foreach (var ip in ips)
            batch.AddRoute(HostRoute(pair.HostIndex, pair.HostName, ip.Address));
        batch.GetLink(pair.HostIndex, found => link = found);
        host.Route.Execute(batch);
        return link!;
    }

    private static Route HostRoute(int link, string name, IpPrefix address) => new()
    {
        Family = RouteSocket.FamilyOf(address.Address),
        Destination = new IPNetwork(address.Address, address.IsIPv4 ? 32 : 128),
        Link = link,
        LinkName = name,
        Scope = RouteScope.Host,
    };

    private static void CheckHost(RouteSocket host, Link container, CniResult result)
    {
        var link = host.FindLink(container.LowerIndex);
        if (link is null || link.LowerIndex != container.Index)
            throw InterfaceCheck.Failed($"the host's end of \"{container.Name}\" (index {container.LowerIndex}) is missing");
        foreach (var ip in result.Ips)
        {
            var wanted = HostRoute(link.Index, link.Name, ip.Address);
            if (!host.ListRoutes(wanted.Family, table: 0).Any(r => r.Link == link.Index && r.Destination.Equals(wanted.Destination)))
                throw InterfaceCheck.Failed($"the host has no route to {ip.Address.Address} on \"{link.Name}\"");
        }
    }
}
