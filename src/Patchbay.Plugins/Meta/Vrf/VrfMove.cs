using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Vrf;

/// <summary>Puts an interface into a VRF with all its addresses and routes.</summary>
/// <remarks>
/// The kernel takes a link that joins or leaves a VRF down and up again (drivers/net/vrf.c, cycle_netdev), by which it loses IPv6 addresses and the routes that
/// somebody added; IPv4 addresses and the routes to their networks follow by themselves.
/// </remarks>
internal static class VrfMove
{
    // The kernel's work queue makes the addresses valid, in milliseconds; the limit is for when it never does.
    private const int LimitMilliseconds = 5000;

    // include/uapi/linux/rtnetlink.h: RTPROT_KERNEL, the kernel's own; RTPROT_RA, which the next router advertisement brings again.
    private const byte RTPROT_KERNEL = 2, RTPROT_RA = 9;
    private const byte RT_SCOPE_UNIVERSE = 0;

    /// <summary>Moves the interface.</summary>
    /// <param name="netns">The container's namespace.</param>
    /// <param name="socket">Its routes.</param>
    /// <param name="link">The interface, which has no master.</param>
    /// <param name="vrf">The VRF's index.</param>
    /// <param name="table">The VRF's table.</param>
    /// <param name="undo">How to get back.</param>
    internal static void Join(NetworkNamespace netns, RouteSocket socket, Link link, int vrf, uint table, Rollback undo)
    {
        var addresses = socket.ListAddresses(link.Index).Where(IsKept).Select(each => each with { Flags = WithoutDetection(each.Flags) }).ToList();
        var routes = Added(socket, link);
        undo.Push(() => Move(netns, socket, link, master: 0, Route.MainTable, addresses, routes));
        Move(netns, socket, link, vrf, table, addresses, [.. routes.Select(each => each.Table == Route.MainTable ? each with { Table = table } : each)]);
    }

    private static void Move(
        NetworkNamespace netns, RouteSocket socket, Link link, int master, uint table, List<InterfaceAddress> addresses, List<Route> routes)
    {
        using var monitor = addresses.Count == 0 ? null : RouteMonitor.Open(netns, RouteGroup.IPv6Address, RouteGroup.IPv6Route);
        var batch = new NetlinkBatch();
        batch.SetLink(link.Index, new LinkSettings { Master = master });
        foreach (var each in addresses)
            batch.AddAddress(each, Tolerated.Existing); // keep_addr_on_down may have kept it
        socket.Execute(batch);
        if (monitor is not null)
            Wait(socket, monitor, link, table, addresses);
        batch.Clear();
        foreach (var each in routes.OrderBy(each => each.Gateway is not null || each.NextHops.Count > 0))
            batch.AddRoute(each with { LinkName = link.Name }, RouteAddition.Replace);
        socket.Execute(batch);
    }

    // All that the kernel does not bring back itself, in whatever table.
    private static List<Route> Added(RouteSocket socket, Link link)
    {
        var routes = new List<Route>();
        foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            routes.AddRange(socket.ListRoutes(family, table: 0).Where(each =>
                each.Type == RouteType.Unicast && each.Protocol is not (RTPROT_KERNEL or RTPROT_RA) && each.Table != Route.LocalTable
                && (each.NextHops.Count > 0 ? each.NextHops.All(hop => hop.Link == link.Index) : each.Link == link.Index)));
        }

        return routes;
    }

    private static bool IsKept(InterfaceAddress address) =>
        RouteSocket.FamilyOf(address.Address) == AddressFamily.IPv6 && address.Scope == RT_SCOPE_UNIVERSE && address.Flags.HasFlag(AddressFlags.Permanent);

    // It had the address before: nobody else can have it.
    private static AddressFlags WithoutDetection(AddressFlags flags) => (flags & AddressFlags.NoPrefixRoute) | AddressFlags.NoDuplicateDetection;

    // A route may name the address as its source only when it is valid, and it is reachable when the table has it as local.
    private static void Wait(RouteSocket socket, RouteMonitor monitor, Link link, uint table, List<InterfaceAddress> addresses)
    {
        var deadline = Environment.TickCount64 + LimitMilliseconds;
        while (!IsThere(socket, link, table, addresses))
        {
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !monitor.Receive((int)left, static _ => { }))
                throw new CniException(CniError.Internal, $"the IPv6 addresses of \"{link.Name}\" are not back in table {table} after {LimitMilliseconds} ms: {string.Join(", ", addresses)}");
        }
    }

    private static bool IsThere(RouteSocket socket, Link link, uint table, List<InterfaceAddress> addresses)
    {
        var valid = socket.ListAddresses(link.Index)
            .Where(each => (each.Flags & (AddressFlags.Tentative | AddressFlags.DuplicateDetected)) == 0).Select(each => each.Address).ToHashSet();
        if (!addresses.All(each => valid.Contains(each.Address)))
            return false;
        var local = table == Route.MainTable ? Route.LocalTable : table;
        var routes = socket.ListRoutes(AddressFamily.IPv6, local);
        return addresses.All(each => routes.Any(route => route.Destination is { PrefixLength: 128 } destination && destination.BaseAddress.Equals(each.Address)));
    }
}
