using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Carries out a plan in few, large batches: one datagram for all interfaces, one for the settings of each namespace.</summary>
internal sealed class Realizer(Topology topology, Places places)
{
    private readonly Ownership _ownership = topology.Ownership;

    /// <summary>Makes it so: namespaces and interfaces first, then, after another look, what is set at them.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    /// <exception cref="PlanException">Something of somebody else's is in the way.</exception>
    public void Apply(LabPlan plan, bool keepStrays = false)
    {
        if (plan.Structure.Any())
        {
            Build(plan);
            plan = Planner.Compare(topology, Observer.Observe(topology, places), keepStrays);
        }

        Settle(plan);
        // Last: what ran in a namespace cannot be made again, should anything fail.
        foreach (var stray in plan.Changes.OfType<RemoveNamespace>())
            NodeProcesses.RemoveNamespace(stray.Name, topology.Lab);
    }

    private void Build(LabPlan plan)
    {
        GiveBack([.. plan.Structure.OfType<ReturnDevice>()]);
        Remove([.. plan.Structure.OfType<RemoveDevice>()]);
        OvsWiring.RemovePorts(topology.Lab, places.OvsSocket, [.. plan.Structure.OfType<RemoveOvsPort>()]);
        OvsWiring.Remove(topology.Lab, places.OvsSocket, [.. plan.Structure.OfType<RemoveOvsBridge>().Select(change => change.Name)]);
        // What a node that goes has on loan may be lent to another.
        foreach (var stray in plan.Structure.OfType<RemoveNamespace>())
            Loans.ReturnFrom(NamedNamespace.PathOf(stray.Name), _ownership);
        MakeNodes([.. plan.Structure.OfType<AddNode>().Select(change => change.Node)]);
        MakeSegments([.. plan.Structure.OfType<AddSegment>().Select(change => change.Segment)]);
        MakeLinks([.. plan.Structure.OfType<AddLink>().Select(change => change.Link)]);
    }

    private void Remove(List<RemoveDevice> devices)
    {
        foreach (var ofNode in devices.GroupBy(device => device.Node))
        {
            if (!places.TryGet(ofNode.Key, out var place))
                continue;
            var batch = new NetlinkBatch();
            foreach (var device in ofNode)
                batch.DeleteLink(device.Index, Tolerated.Missing); // with the other end of a cable
            place!.Route.Execute(batch);
        }
    }

    private void GiveBack(List<ReturnDevice> devices)
    {
        foreach (var device in devices)
        {
            if (places.TryGet(device.Node, out var place))
                Loans.Return(place!, _ownership, device.Index);
        }
    }

    private void MakeNodes(List<LabNode> nodes)
    {
        if (nodes.Count == 0)
            return;
        NamedNamespace.Prepare();
        var made = new Place[nodes.Count];
        // The kernel makes several at once: each takes its locks for a part of the time only.
        Parallel.For(0, nodes.Count, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var node = nodes[i];
            var place = Place.Create(node.Name);
            try
            {
                // Marked before it has a name: what has neither goes with this process.
                var batch = new NetlinkBatch();
                batch.SetLink(1, new LinkSettings { Group = _ownership.Group, Up = true }); // lo is always the first
                batch.AddAlternativeName(1, node.Loopback!.Mark);
                place.Route.Execute(batch);
                var name = Path.GetFileName(node.Path);
                NamedNamespace.RemoveLeftover(name, _ownership.Label);
                NamedNamespace.Give(name, place.Namespace, _ownership.Label);
            }
            catch
            {
                place.Dispose();
                throw;
            }

            made[i] = place;
        });
        for (var i = 0; i < made.Length; i++)
            places.Add(made[i], nodes[i].Path);
    }

    private void MakeSegments(List<Segment> segments)
    {
        var batch = new NetlinkBatch();
        OvsWiring.Add(topology.Lab, places.OvsSocket, segments.FindAll(segment => segment.Mode == BridgeMode.OpenVSwitch));
        foreach (var segment in segments.Where(segment => segment.Mode == BridgeMode.Linux))
        {
            batch.AddLink(new LinkSettings
            {
                Name = segment.Name,
                Address = segment.Device!.Mac,
                Mtu = segment.Device.Mtu,
                Group = _ownership.Group,
                Kind = BridgeKind(segment),
            });
        }

        places.Here.Route.Execute(batch);
    }

    private static Bridge BridgeKind(Segment segment) => new()
    {
        SpanningTree = segment.SpanningTree,
        VlanFiltering = segment.VlanFiltering,
        DefaultVlan = segment.VlanFiltering == true ? (ushort)1 : null,
        MulticastSnooping = segment.MulticastSnooping,
        GroupForwardMask = segment.GroupForwardMask,
    };

    private void MakeLinks(List<LabLink> links)
    {
        if (links.Count == 0)
            return;
        var here = places.Here.Route.ListLinks().ToDictionary(link => link.Name, StringComparer.Ordinal);
        var batch = new NetlinkBatch();
        foreach (var link in links.Where(link => link.Type != LinkType.Link))
        {
            if (places.TryGet(link.End.Node, out var end))
                LinkMaker.Add(batch, link, end!, link.Peer is { } peer && places.TryGet(peer.Node, out var other) ? other : null, here, _ownership.Group);
        }

        places.Here.Route.Execute(batch);
        foreach (var link in links)
        {
            if (link.Type == LinkType.Link && places.TryGet(link.End.Node, out var borrower))
                Loans.Give(link, places.Here, borrower!, _ownership);
            else if (LinkMaker.IsMoved(link) && places.TryGet(link.End.Node, out var end))
                Rename(end!.Route, LinkMaker.TemporaryName(link), link.End.Name);
        }
    }

    private static void Rename(RouteSocket route, string from, string to)
    {
        if (route.FindLink(from) is not { } link)
            return; // its place is gone already
        var batch = new NetlinkBatch();
        batch.SetLink(link.Index, new LinkSettings { Name = to });
        route.Execute(batch);
    }

    private void Settle(LabPlan plan)
    {
        foreach (var ofNode in plan.Settings.OfType<ChangeDevice>().GroupBy(change => change.Device.Node))
        {
            var place = places[ofNode.Key];
            // Names become numbers once for the namespace, and only where something refers to another interface.
            var names = ofNode.Any(change => change.SetMaster || change.SetRedirect || change.SetEgress)
                ? place.Route.ListLinks().ToDictionary(link => link.Name, StringComparer.Ordinal)
                : [];
            var batch = new NetlinkBatch();
            foreach (var change in ofNode)
                Settle(batch, change, names);
            place.Route.Execute(batch);
            SetFeatures(place, [.. ofNode.Where(change => change.SetFeatures.Count > 0)]);
        }

        OvsWiring.AddPorts(topology.Lab, places.OvsSocket, [.. plan.Settings.OfType<ChangeDevice>().Where(change => change.SetOvsPort).Select(change => change.Device)]);
        foreach (var ofNode in plan.Settings.OfType<SetSysctl>().GroupBy(change => change.Node))
        {
            using var settings = SysctlDirectory.Open(places[ofNode.Key].Namespace);
            foreach (var change in ofNode)
                settings.Write(change.Path, change.Value);
        }

        foreach (var change in plan.Settings.OfType<SetRules>())
            places[change.Node].Nftables.Commit(change.Rules is { } rules ? rules.Write(_ownership.Table) : RuleSet.Remove(_ownership.Table));
    }

    private static void SetFeatures(Place place, List<ChangeDevice> changes)
    {
        if (changes.Count == 0)
            return;
        using var ethtool = EthtoolSocket.Open(place.Namespace);
        foreach (var change in changes)
        {
            foreach (var (feature, on) in change.SetFeatures)
                ethtool.SetFeature(change.Device.Name, feature, on);
        }
    }

    private void Settle(NetlinkBatch batch, ChangeDevice change, Dictionary<string, Link> names)
    {
        var index = change.Index;
        if (change.AddMark)
            batch.AddAlternativeName(index, change.Device.Mark);
        if (change.Mac is not null || change.Mtu is not null || change.SetMaster)
        {
            batch.SetLink(index, new LinkSettings
            {
                Address = change.Mac,
                Mtu = change.Mtu,
                Master = change.SetMaster ? names[change.Device.Master!].Index : null,
                Group = change.Device.IsLent ? null : _ownership.Group,
            });
        }

        if (change.Bridge is not null)
            batch.SetLink(index, new LinkSettings { Kind = BridgeKind(change.Bridge) });
        if (change.SetVlans)
            SetVlans(batch, change);
        if (change.SetUp)
            batch.SetLink(index, new LinkSettings { Up = true });
        foreach (var route in change.RemoveRoutes)
            batch.DeleteRoute(route with { LinkName = change.Device.Name }, Tolerated.Missing);
        foreach (var address in change.RemoveAddresses)
            batch.DeleteAddress(address, Tolerated.Missing);
        foreach (var address in change.AddAddresses)
        {
            batch.AddAddress(new InterfaceAddress
            {
                Link = index,
                Address = address.Address,
                PrefixLength = address.Length,
                Broadcast = address.IsIPv4 ? InterfaceAddress.BroadcastOf(address.Address, address.Length) : null,
                // The lab knows who has which address: nobody needs to ask for a second whether it is free.
                Flags = address.IsIPv4 ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
                Protocol = Ownership.Protocol,
            });
        }

        // With an address, or while it is down, an interface loses the routes that need it.
        foreach (var route in change.SetUp || change.RemoveAddresses.Count > 0 ? change.Device.Routes : change.AddRoutes)
            batch.AddRoute(route with { Link = index }, RouteAddition.Replace);
        if (change.SetEgress)
            Shaping.Write(batch, names[change.Device.Name] with { Mtu = change.Mtu ?? names[change.Device.Name].Mtu }, change.Device.Egress);
        if (change.SetRedirect)
            Redirect(batch, index, change.Device.RedirectTo is { } other ? names[other].Index : 0);
    }

    private static void SetVlans(NetlinkBatch batch, ChangeDevice change)
    {
        var wanted = DeviceComparison.WantedVlans(change.Device).ToList();
        // Those of before, and VLAN 1, which a bridge gives its ports.
        foreach (var old in change.OldVlans.Append(new BridgeVlan(1)).Select(vlan => vlan.Id).Distinct())
        {
            if (!wanted.Exists(vlan => vlan.Id == old))
                batch.DeleteBridgeVlans(change.Index, [new BridgeVlan(old)]);
        }

        batch.AddBridgeVlans(change.Index, wanted);
    }

    // tc qdisc replace dev X ingress; tc filter replace dev X parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev Y
    private static void Redirect(NetlinkBatch batch, int index, int target)
    {
        batch.DeleteQdisc(index, TcHandle.Ingress, TcHandle.IngressQdisc, Tolerated.Anything); // ENOENT or EINVAL: there is none
        if (target == 0)
            return;
        batch.AddQdisc(index, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress());
        batch.AddFilter(index, TcHandle.IngressQdisc, 1, new U32Filter { Actions = [new Mirred { Link = target }] });
    }
}
