using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Gives a container's interface the addresses and routes of a result, and sets it up.</summary>
internal static class InterfaceConfiguration
{
    // As long as the reference plugins wait for duplicate address detection; RFC 4862 needs 1 to 2 s.
    private const int DetectionTimeoutMilliseconds = 5000;

    /// <summary>Configures the interface.</summary>
    /// <param name="stack">The container's stack.</param>
    /// <param name="sandbox">The container's namespace.</param>
    /// <param name="link">The interface.</param>
    /// <param name="result">Addresses with an interface index, and routes.</param>
    /// <param name="detectDuplicates">Let the kernel look for other owners of the IPv6 addresses, and wait for it.</param>
    /// <param name="pointToPoint">Only the gateway is on the link; the rest of the network is behind it.</param>
    /// <exception cref="CniException">The result does not fit the interface, or the kernel refused.</exception>
    internal static void Apply(NetworkStack stack, NetworkNamespace sandbox, Link link, CniResult result, bool detectDuplicates = false, bool pointToPoint = false)
    {
        if (result.Interfaces.Count == 0)
            throw new CniException(CniError.Internal, "no interfaces to configure");
        var batch = new NetlinkBatch();
        IPAddress? gateway4 = null, gateway6 = null;
        var hasIPv6 = false;
        var own = new List<CniIp>();
        foreach (var ip in result.Ips)
        {
            if (ip.Interface is not { } index)
                continue;
            if (index < 0 || index >= result.Interfaces.Count || result.Interfaces[index].Name != link.Name)
                throw new CniException(CniError.Internal, $"failed to add IP addr {ip.Address} to \"{link.Name}\": invalid interface index {index}");
            var isIPv6 = RouteSocket.FamilyOf(ip.Address.Address) == AddressFamily.IPv6;
            if (isIPv6 && !hasIPv6)
            {
                hasIPv6 = true;
                PrepareIPv6(stack.Sysctl, link.Name);
            }

            if (isIPv6)
                gateway6 ??= ip.Gateway;
            else
                gateway4 ??= ip.Gateway;
            own.Add(ip);
            batch.AddAddress(new InterfaceAddress
            {
                Link = link.Index,
                Address = ip.Address.Address,
                PrefixLength = ip.Address.PrefixLength,
                Broadcast = InterfaceAddress.BroadcastOf(ip.Address.Address, ip.Address.PrefixLength),
                // Without detection the address is usable at once, not when the kernel's work queue comes to it.
                Flags = (isIPv6 && !detectDuplicates ? AddressFlags.NoDuplicateDetection : AddressFlags.None)
                    | (pointToPoint ? AddressFlags.NoPrefixRoute : AddressFlags.None),
            });
        }

        batch.SetLink(link.Index, new LinkSettings { Up = true });
        if (detectDuplicates && gateway6 is not null)
        {
            using var monitor = sandbox.Run(() => RouteMonitor.Open(RouteGroup.IPv6Address));
            Execute(stack.Route, batch, link);
            batch.Clear();
            WaitForDetection(stack, monitor, link);
        }

        if (pointToPoint)
            RouteThroughGateways(batch, link, own);
        var routes = new List<Route>();
        foreach (var route in result.Routes)
        {
            // A default route of the IPAM's without a gateway, and that of isDefaultGateway: the same, told twice.
            var wanted = ToKernel(route, link, gateway4, gateway6);
            if (routes.Contains(wanted))
                continue;
            routes.Add(wanted);
            batch.AddRoute(wanted, RouteAddition.Beside);
        }

        Execute(stack.Route, batch, link);
    }

    // The kernel's requests know the interface by its index, people know it by its name.
    private static void Execute(RouteSocket route, NetlinkBatch batch, Link link)
    {
        try
        {
            route.Execute(batch);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.Internal, $"failed to configure \"{link.Name}\": {error.Message}", inner: error);
        }
    }

    // ip route add GATEWAY dev IF scope link src IP; ip route add NETWORK via GATEWAY dev IF src IP. Beside those of another interface
    // of the container on the same network.
    private static void RouteThroughGateways(NetlinkBatch batch, Link link, IReadOnlyList<CniIp> ips)
    {
        foreach (var ip in ips)
        {
            var route = new Route
            {
                Family = RouteSocket.FamilyOf(ip.Address.Address),
                Link = link.Index,
                LinkName = link.Name,
                PreferredSource = ip.Address.Address,
            };
            batch.AddRoute(route with { Destination = new IPNetwork(ip.Gateway!, ip.Address.IsIPv4 ? 32 : 128), Scope = RouteScope.Link }, RouteAddition.Beside);
            batch.AddRoute(route with { Destination = ip.Address.Network, Gateway = ip.Gateway }, RouteAddition.Beside);
        }
    }

    private static Route ToKernel(CniRoute route, Link link, IPAddress? gateway4, IPAddress? gateway6)
    {
        var network = route.Dst.Network;
        var family = RouteSocket.FamilyOf(network.BaseAddress);
        return new Route
        {
            Family = family,
            Destination = network,
            Gateway = route.Gw ?? (family == AddressFamily.IPv4 ? gateway4 : gateway6),
            Link = link.Index,
            LinkName = link.Name,
            Priority = (uint)route.Priority,
            Table = (uint)(route.Table ?? (int)Route.MainTable),
            Scope = (RouteScope)(route.Scope ?? 0),
            Mtu = (uint)route.Mtu,
            AdvertisedMss = (uint)route.AdvMss,
        };
    }

    // The engine's image may have IPv6 off for new interfaces; addresses must survive the link going down and up.
    private static void PrepareIPv6(SysctlDirectory sysctl, string name)
    {
        foreach (var each in (ReadOnlySpan<string>)["lo", name])
        {
            var path = $"ipv6/conf/{each}/disable_ipv6";
            if (sysctl.Read(path) is not (null or "0"))
                sysctl.Write(path, "0");
        }

        sysctl.TryWrite($"ipv6/conf/{name}/keep_addr_on_down", "1"); // since Linux 4.6
    }

    private static void WaitForDetection(NetworkStack stack, RouteMonitor monitor, Link link)
    {
        var deadline = Environment.TickCount64 + DetectionTimeoutMilliseconds;
        while (true)
        {
            var tentative = false;
            foreach (var address in stack.Route.ListAddresses(link.Index))
            {
                if (address.Flags.HasFlag(AddressFlags.DuplicateDetected))
                    throw new CniException(CniError.Internal, $"IPv6 address {address.Address} on \"{link.Name}\" is in use by another host (duplicate address detection failed)");
                tentative |= address.Flags.HasFlag(AddressFlags.Tentative);
            }

            if (!tentative)
                return;
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !monitor.Receive((int)left, static _ => { }))
            {
                // A link without carrier detects nothing; its addresses become usable when it has one.
                if (stack.Route.FindLink(link.Index) is { State: OperationalState.Up })
                    throw new CniException(CniError.Internal, $"IPv6 addresses on \"{link.Name}\" are still tentative after {DetectionTimeoutMilliseconds} ms");
                return;
            }
        }
    }
}
