using Patchbay.Lab.Plan;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Looks at everything that a lab is about: five lists of each of its namespaces.</summary>
internal static class Observer
{
    public static Observation Observe(Topology topology, Places places)
    {
        places.Update(topology.Nodes);
        var ownership = topology.Ownership;
        var nodes = new Dictionary<string, ObservedNode>(StringComparer.Ordinal);
        // To list the VLANs of one port, the kernel goes through all ports: only where some are wished.
        var tagged = topology.Devices().Where(device => device.AccessVlan is not null || device.TrunkVlans.Count > 0).Select(device => device.Name).ToHashSet(StringComparer.Ordinal);
        var featured = topology.Devices().Where(device => device.Features.Count > 0).ToLookup(device => device.Node, device => device.Name);
        foreach (var node in topology.Nodes)
        {
            if (places.TryGet(node.Name, out var place))
                nodes[node.Name] = WithFeatures(Observe(node, place!, ownership, tagged), place!, featured[node.Name]);
        }

        return new Observation { Nodes = nodes, StrayNamespaces = StrayNamespaces(topology), OvsBridges = OvsWiring.List(topology.Lab, places.OvsSocket) };
    }

    private static ObservedNode Observe(LabNode node, Place place, Ownership ownership, HashSet<string> tagged)
    {
        var links = place.Route.ListLinks();
        var own = new HashSet<int>();
        foreach (var link in links)
        {
            if (ownership.Owns(link) || ownership.LoanOf(link) is not null || (node.Kind == NodeKind.Namespace && link.Flags.HasFlag(LinkFlags.Loopback) && ownership.MarkOf(link) is not null))
                own.Add(link.Index);
        }

        var devices = new Dictionary<string, ObservedDevice>(StringComparer.Ordinal);
        var details = own.Count == 0 ? null : new Details(place.Route);
        foreach (var link in links)
            devices[link.Name] = own.Contains(link.Index) ? details!.Of(link, tagged.Contains(link.Name)) with { Loan = ownership.LoanOf(link) } : new ObservedDevice { Link = link };
        return new ObservedNode
        {
            Name = node.Name,
            Foreign = node.Kind == NodeKind.Namespace && !links.Any(link => own.Contains(link.Index) && link.Flags.HasFlag(LinkFlags.Loopback)),
            Devices = devices,
            Sysctls = ReadSysctls(node, place),
            Rules = RulesOf(place, ownership),
        };
    }

    private static ObservedNode WithFeatures(ObservedNode node, Place place, IEnumerable<string> names)
    {
        var wanted = names.Where(name => node.Devices.TryGetValue(name, out var device) && device.Owned).ToList();
        if (wanted.Count == 0)
            return node;
        using var ethtool = EthtoolSocket.Open(place.Namespace);
        var devices = new Dictionary<string, ObservedDevice>(node.Devices, StringComparer.Ordinal);
        foreach (var name in wanted)
            devices[name] = devices[name] with { Features = ethtool.GetFeatures(name) };
        return node with { Devices = devices };
    }

    private static Dictionary<string, string?> ReadSysctls(LabNode node, Place place)
    {
        var values = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (node.Sysctls.Count == 0)
            return values;
        using var settings = SysctlDirectory.Open(place.Namespace);
        foreach (var (path, _) in node.Sysctls)
            values[path] = settings.Read(path);
        return values;
    }

    private static string? RulesOf(Place place, Ownership ownership)
    {
        if (!place.Nftables.IsAvailable())
            return null;
        foreach (var table in place.Nftables.ListTables(NftFamily.Inet))
        {
            if (table.Name == ownership.Table)
                return table.Comment ?? "";
        }

        return null;
    }

    /// <summary>Namespaces with this lab's name and mark that no node has any more.</summary>
    private static List<string> StrayNamespaces(Topology topology)
    {
        var wanted = topology.Nodes.Select(node => Path.GetFileName(node.Path)).ToHashSet(StringComparer.Ordinal);
        return [.. OwnNamespaces(topology.Ownership, name => !wanted.Contains(name))];
    }

    /// <summary>The names below /run/netns of namespaces that a lab made.</summary>
    public static IReadOnlyList<string> OwnNamespaces(Ownership ownership, Predicate<string> candidate)
    {
        if (!Directory.Exists(NamedNamespace.Directory))
            return [];
        var candidates = Directory.EnumerateFiles(NamedNamespace.Directory, $"{ownership.Lab}-*").Select(path => Path.GetFileName(path))
            .Where(name => candidate(name)).Select(name => (name, NamedNamespace.PathOf(name))).ToList();
        if (candidates.Count == 0)
            return [];
        var own = new List<string>();
        foreach (var place in Place.OpenAll(candidates))
        {
            using (place)
            {
                if (place.Route.FindLink("lo") is { } loopback && ownership.MarkOf(loopback) is not null)
                    own.Add(place.Node);
            }
        }

        return own;
    }

    /// <summary>What hangs at the interfaces of one namespace, listed once for all of them.</summary>
    private sealed class Details
    {
        private readonly RouteSocket _route;
        private readonly ILookup<int, InterfaceAddress> _addresses;
        private readonly ILookup<int, Route> _routes;
        private readonly ILookup<int, Qdisc> _qdiscs;

        public Details(RouteSocket route)
        {
            _route = route;
            _addresses = route.ListAddresses().ToLookup(address => address.Link);
            _routes = route.ListRoutes(AddressFamily.IPv4, 0).Concat(route.ListRoutes(AddressFamily.IPv6, 0)).ToLookup(each => each.Link);
            _qdiscs = route.ListQdiscs().ToLookup(qdisc => qdisc.Link);
        }

        public ObservedDevice Of(Link link, bool vlans)
        {
            var (egress, other) = Shaping.Read([.. _qdiscs[link.Index]]);
            return new ObservedDevice
            {
                Link = link,
                Owned = true,
                Addresses = [.. _addresses[link.Index]],
                Routes = [.. _routes[link.Index]],
                Egress = egress,
                OtherQdisc = other,
                RedirectIndex = _qdiscs[link.Index].Any(qdisc => qdisc.Kind == Ingress.KindName) ? RedirectOf(link.Index) : 0,
                Vlans = vlans && link.PortKind == Bridge.KindName ? _route.ListBridgeVlans(link.Index) : [],
            };
        }

        private int RedirectOf(int index)
        {
            foreach (var filter in _route.ListFilters(index, TcHandle.IngressQdisc))
            {
                if (filter.Kind != U32Filter.KindName)
                    continue;
                foreach (var action in U32Filter.Decode(filter).Actions)
                {
                    if (action is Mirred { Operation: MirredOperation.EgressRedirect } redirect)
                        return redirect.Link;
                }
            }

            return 0;
        }
    }
}
