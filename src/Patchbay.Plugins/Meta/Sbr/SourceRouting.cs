using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Sbr;

/// <summary>Moves an interface's routes from the main table into tables that only packets from its own addresses look at.</summary>
internal sealed class SourceRouting
{
    private readonly RouteSocket _socket;
    private readonly Link _link;
    private readonly SbrConfig _config;
    private readonly Rollback _undo;
    private readonly NetlinkBatch _additions = new();
    private readonly NetlinkBatch _removals = new();
    private readonly NetlinkBatch _undoAdditions = new();
    private readonly NetlinkBatch _undoRemovals = new();

    private SourceRouting(RouteSocket socket, Link link, SbrConfig config, Rollback undo) => (_socket, _link, _config, _undo) = (socket, link, config, undo);

    /// <summary>Makes rules and tables; what fails is undone by the caller.</summary>
    internal static void Apply(RouteSocket socket, Link link, IReadOnlyList<CniIp> ips, SbrConfig config, Rollback undo) =>
        new SourceRouting(socket, link, config, undo).Apply(ips);

    /// <summary>The gateway for packets from an address; null when there is none.</summary>
    internal static IPAddress? GatewayOf(CniIp ip, SbrConfig config) => StaticGateway(ip, config) ?? ip.Gateway;

    private static IPAddress? StaticGateway(CniIp ip, SbrConfig config) => ip.Address.IsIPv4 ? config.Gateway4 : config.Gateway6;

    private void Apply(IReadOnlyList<CniIp> ips)
    {
        if (_config.Table is { } table)
        {
            foreach (var ip in ips)
                AddRule(ip, table);
        }
        else
        {
            var used = RoutingTables.InUse(_socket);
            foreach (var family in ips.GroupBy(ip => RouteSocket.FamilyOf(ip.Address.Address)))
                Move(family.Key, [.. family], used);
        }

        // First all that is new, then away with the old: a gateway is known by the routes of the main table.
        _undo.Push(() => _socket.TryExecute(_undoAdditions));
        _socket.Execute(_additions);
        _undo.Push(() => _socket.TryExecute(_undoRemovals));
        _socket.Execute(_removals);
    }

    private void Move(AddressFamily family, IReadOnlyList<CniIp> ips, HashSet<uint> used)
    {
        var routes = _socket.ListRoutes(family).Where(each => OwnRules.IsThrough(each, _link)).OrderBy(HasGateway).ToList();
        foreach (var ip in ips)
        {
            var table = RoutingTables.Take(used, OwnRules.FirstTable);
            AddRule(ip, table);
            // What belongs to no address goes with every one, or it would be lost.
            var own = routes.Where(each => IsOf(each, ip) || !ips.Any(other => IsOf(each, other))).ToList();
            if (StaticGateway(ip, _config) is not null)
                own.RemoveAll(IsDefault);
            foreach (var each in own)
                AddRoute(each with { Table = table });
            if (GatewayOf(ip, _config) is { } gateway && !own.Exists(IsDefault))
                AddRoute(new Route { Family = family, Gateway = gateway, Link = _link.Index, LinkName = _link.Name, Table = table });
        }

        var kept = _config.AddSourceHints ? AddHints(family, ips, routes) : [];
        foreach (var each in routes.AsEnumerable().Reverse())
        {
            if (!IsLinkLocal(each) && !kept.Contains(each))
                Remove(each);
        }
    }

    // ip rule add from IP lookup TABLE
    private void AddRule(CniIp ip, uint table)
    {
        var rule = OwnRules.From(ip.Address.Address, table);
        _additions.AddRule(rule);
        _undoAdditions.DeleteRule(rule, Tolerated.Missing);
    }

    private void AddRoute(Route route)
    {
        _additions.AddRoute(route with { LinkName = _link.Name }, RouteAddition.Beside);
        _undoAdditions.DeleteRoute(Plain(route), Tolerated.Missing);
    }

    private void Remove(Route route)
    {
        _removals.DeleteRoute(Plain(route), Tolerated.Missing);
        _undoRemovals.AddRoute(route, RouteAddition.Beside, Tolerated.Existing);
    }

    // ip route replace SUBNET dev IF src IP scope link. The routes that stay: those to neighbours.
    private List<Route> AddHints(AddressFamily family, IReadOnlyList<CniIp> ips, List<Route> routes)
    {
        var kept = new List<Route>();
        foreach (var ip in ips)
        {
            var subnet = ip.Address.Network;
            if (subnet.PrefixLength == (ip.Address.IsIPv4 ? 32 : 128))
                continue;
            var present = routes.Find(each => each.Destination is { } destination && destination.Equals(subnet));
            var hint = new Route
            {
                Family = family,
                Destination = subnet,
                Link = _link.Index,
                LinkName = _link.Name,
                PreferredSource = ip.Address.Address,
                Scope = RouteScope.Link,
                Priority = present?.Priority ?? 0,
            };
            _removals.AddRoute(hint, RouteAddition.Replace);
            if (present is not null)
            {
                kept.Add(present); // replaced, so there is nothing to remove
                _undoRemovals.AddRoute(present, RouteAddition.Replace);
            }
            else
            {
                _undoRemovals.DeleteRoute(hint, Tolerated.Missing);
            }
        }

        // IPv6 has no scopes: what has no gateway is on the link.
        kept.AddRange(routes.Where(each => family == AddressFamily.IPv4 ? each.Scope == RouteScope.Link : !HasGateway(each) && !IsDefault(each)));
        return kept;
    }

    // Metrics do not identify a route.
    private static Route Plain(Route route) => route with { Mtu = 0, AdvertisedMss = 0 };

    // fe80::/10: neighbours are found by these on every link, so they are nobody's to move.
    private static bool IsLinkLocal(Route route) => route.Destination is { BaseAddress.IsIPv6LinkLocal: true };

    private static bool HasGateway(Route route) => route.Gateway is not null || route.NextHops.Count > 0;

    private static bool IsDefault(Route route) => route.Destination is null;

    // By its source, else by its gateway; one without either belongs to all.
    private static bool IsOf(Route route, CniIp ip)
    {
        var subnet = ip.Address.Network;
        if (route.PreferredSource is { } source)
            return subnet.Contains(source);
        if (route.Gateway is { } gateway)
            return subnet.Contains(gateway);
        return route.NextHops.Count == 0 || route.NextHops.Any(hop => hop.Gateway is { } each && subnet.Contains(each));
    }
}
