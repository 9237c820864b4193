using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>
/// What a container needs: its address, a rule that sends the mesh's destinations to a table of their own, the routes of that table, and its other
/// routes kept to its other addresses.
/// </summary>
internal static class ContainerSide
{
    private const byte Kernel = 2; // RTPROT_KERNEL
    private const byte RouterAdvertisement = 9; // RTPROT_RA
    private const ushort RTA_CACHEINFO = 12, RTA_PREF = 20; // what the kernel reports of every IPv6 route

    /// <summary>Makes what is missing, in an order in which each step finds what it needs: the kernel wants a source to exist, and a gateway to be on a link.</summary>
    /// <exception cref="CniException">Another interface of the container is on the mesh, or table or rule are used otherwise.</exception>
    internal static void Apply(NetworkStack container, Link link, Reservation reservation, bool deprecated, Rollback undo)
    {
        RequireAlone(container.Route, link, reservation);
        foreach (var each in new[] { "lo", link.Name })
        {
            // Off where the network is IPv4's only, or where the engine's image has it so.
            if (container.Sysctl.Read($"ipv6/conf/{each}/disable_ipv6") is not "0")
                container.Sysctl.Write($"ipv6/conf/{each}/disable_ipv6", "0");
        }

        container.Sysctl.TryWrite($"ipv6/conf/{link.Name}/keep_addr_on_down", "1");
        undo.Push(() => Remove(container.Route, link, reservation));
        var batch = new NetlinkBatch();
        AddAddress(batch, container.Route, link, reservation, deprecated);
        Pin(batch, container.Route, link, undo);
        foreach (var route in RoutesOf(reservation, link))
            batch.AddRoute(route, RouteAddition.Replace); // also one whose source was lost when its address was deleted
        if (!container.Route.ListRules(AddressFamily.IPv6).Any(rule => IsOwn(rule, reservation)))
            batch.AddRule(RuleOf(reservation));
        try
        {
            container.Route.Execute(batch);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.Internal, $"yggoverlay: cannot put {reservation.Address} on \"{link.Name}\": {error.Message}", inner: error);
        }
    }

    /// <summary>Takes away what <see cref="Apply"/> made, but for the pins, which do no harm and go with the interface.</summary>
    /// <param name="container">The container.</param>
    /// <param name="link">Its interface; null when it is gone, and with it addresses and routes.</param>
    /// <param name="reservation">What was made.</param>
    internal static void Remove(RouteSocket container, Link? link, Reservation reservation)
    {
        var batch = new NetlinkBatch();
        batch.DeleteRule(RuleOf(reservation), Tolerated.Missing);
        if (link is not null)
        {
            foreach (var route in RoutesOf(reservation, link).Reverse())
                batch.DeleteRoute(route, Tolerated.Missing);
            batch.DeleteAddress(AddressOf(reservation, link, AddressFlags.None), Tolerated.Missing);
        }

        container.Execute(batch);
    }

    /// <summary>What is not as an ADD leaves it; null for nothing.</summary>
    internal static string? Drift(RouteSocket container, Link link, Reservation reservation)
    {
        var address = container.ListAddresses(link.Index).FirstOrDefault(each => each.Address.Equals(reservation.Address));
        if (address is null)
            return $"address {reservation.Address} is missing on \"{link.Name}\"";
        if ((address.Flags & (AddressFlags.Tentative | AddressFlags.DuplicateDetected)) != 0)
            return $"address {reservation.Address} on \"{link.Name}\" is not usable ({address.Flags})";
        if (!container.ListRules(AddressFamily.IPv6).Any(rule => IsOwn(rule, reservation)))
            return $"the rule \"to {MeshAddress.Mesh} lookup {reservation.Table}\" of priority {reservation.Priority} is missing in the container";
        var routes = container.ListRoutes(AddressFamily.IPv6, table: 0);
        foreach (var wanted in RoutesOf(reservation, link))
        {
            var found = routes.FirstOrDefault(each => each.Table == wanted.Table && each.Link == link.Index && each.Destination.Equals(wanted.Destination));
            if (found is null || !Equals(found.Gateway, wanted.Gateway))
                return $"the container's route {wanted} is missing";
            if (!Equals(found.PreferredSource, wanted.PreferredSource))
                return $"the container's route {wanted} has {(found.PreferredSource is { } source ? $"source {source}" : "no source")} where it should have {wanted.PreferredSource}";
        }

        return Unpinned(routes, link, container.ListAddresses(link.Index)).Select(route => $"the container's route {route} has no source, so it may take the mesh's").FirstOrDefault();
    }

    // Two interfaces on the mesh would need two tables, and would by the same name have the same address.
    private static void RequireAlone(RouteSocket container, Link link, Reservation reservation)
    {
        foreach (var address in container.ListAddresses())
        {
            if (address.Link != link.Index && MeshAddress.IsOfSubnet(address.Address))
                throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: the container has {address.Address} on \"{container.FindLink(address.Link)?.Name}\" already: one network of a container can be on the mesh, leave yggoverlay out of \"{reservation.Network}\"");
        }

        var foreign = container.ListRoutes(AddressFamily.IPv6, table: 0).FirstOrDefault(route => route.Table == reservation.Table && route.Link != link.Index);
        if (foreign is not null)
            throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: routing table {reservation.Table} of the container is in use ({foreign}): set \"yggTableID\" to another one");
    }

    private static void AddAddress(NetlinkBatch batch, RouteSocket container, Link link, Reservation reservation, bool deprecated)
    {
        var wanted = AddressOf(reservation, link, AddressFlags.NoDuplicateDetection | (deprecated ? AddressFlags.Deprecated : AddressFlags.None));
        foreach (var address in container.ListAddresses(link.Index))
        {
            if (!MeshAddress.IsOfSubnet(address.Address))
                continue;
            // The same address otherwise, or that of another key.
            if (address.Address.Equals(wanted.Address) && address.PrefixLength == wanted.PrefixLength && address.Flags.HasFlag(AddressFlags.Deprecated) == deprecated
                && (address.Flags & (AddressFlags.Tentative | AddressFlags.DuplicateDetected)) == 0)
                return;
            batch.DeleteAddress(address, Tolerated.Missing);
        }

        batch.AddAddress(wanted);
    }

    // Replaced in place: the kernel would else take whichever address looks nearest, and that may be the mesh's (RFC 6724, rules 6 and 8).
    private static void Pin(NetlinkBatch batch, RouteSocket container, Link link, Rollback undo)
    {
        var addresses = container.ListAddresses(link.Index);
        var unpinned = Unpinned(container.ListRoutes(AddressFamily.IPv6), link, addresses).ToList();
        if (unpinned.Count == 0)
            return;
        undo.Push(() =>
        {
            var back = new NetlinkBatch();
            foreach (var route in unpinned)
                back.AddRoute(route, RouteAddition.Replace, Tolerated.Anything);
            container.Execute(back);
        });
        foreach (var route in unpinned)
            batch.AddRoute(route with { PreferredSource = SourceFor(route, addresses) }, RouteAddition.Replace);
    }

    // The kernel's own lead to the subnets of addresses, which are nearest themselves. Those of routers have a lifetime that a replacement would not have.
    private static IEnumerable<Route> Unpinned(IEnumerable<Route> routes, Link link, IReadOnlyList<InterfaceAddress> addresses) => routes.Where(route =>
        route.Table == Route.MainTable && route.Type == RouteType.Unicast && route.PreferredSource is null && route.Protocol is not (Kernel or RouterAdvertisement)
        && (route.NextHops.Count > 0 ? route.NextHops.All(hop => hop.Link == link.Index) : route.Link == link.Index)
        && route.Destination is not { BaseAddress: { IsIPv6LinkLocal: true } or { IsIPv6Multicast: true } }
        && route.Other.All(other => other.Type is RTA_CACHEINFO or RTA_PREF)
        && SourceFor(route, addresses) is not null);

    private static IPAddress? SourceFor(Route route, IReadOnlyList<InterfaceAddress> addresses)
    {
        InterfaceAddress[] own = [.. addresses.Where(each => RouteSocket.FamilyOf(each.Address) == AddressFamily.IPv6 && !each.Address.IsIPv6LinkLocal && !MeshAddress.IsOfSubnet(each.Address)
            && (each.Flags & (AddressFlags.Tentative | AddressFlags.DuplicateDetected)) == 0)];
        var gateway = route.Gateway ?? (route.NextHops.Count > 0 ? route.NextHops[0].Gateway : null);
        return (own.FirstOrDefault(each => gateway is not null && new IpPrefix(each.Address, each.PrefixLength).Network.Contains(gateway)) ?? own.FirstOrDefault())?.Address;
    }

    private static InterfaceAddress AddressOf(Reservation reservation, Link link, AddressFlags flags) =>
        new() { Link = link.Index, Address = reservation.Address, PrefixLength = MeshAddress.PrefixLength, Flags = flags };

    private static IEnumerable<Route> RoutesOf(Reservation reservation, Link link)
    {
        var gateway = MeshAddress.GatewayOf(reservation.Subnet);
        var route = new Route { Family = AddressFamily.IPv6, Link = link.Index, LinkName = link.Name, Table = reservation.Table, PreferredSource = reservation.Address };
        yield return route with { Destination = reservation.Mode == WiringMode.Bridge ? reservation.Subnet : new IPNetwork(gateway, 128) };
        yield return route with { Destination = MeshAddress.Mesh, Gateway = gateway };
    }

    private static Rule RuleOf(Reservation reservation) =>
        new() { Family = AddressFamily.IPv6, Destination = MeshAddress.Mesh, Table = reservation.Table, Priority = reservation.Priority };

    private static bool IsOwn(Rule rule, Reservation reservation) =>
        rule.Destination.Equals(MeshAddress.Mesh) && rule.Table == reservation.Table && (rule.Priority ?? 0) == reservation.Priority && rule.Source is null && !rule.Inverted && rule.Action == 1;
}
