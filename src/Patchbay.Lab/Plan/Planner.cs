using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Plan;

/// <summary>Compares what should be with what is. Nothing but its two arguments counts, and nothing is changed here.</summary>
internal sealed class Planner
{
    private readonly Topology _topology;
    private readonly Observation _seen;
    private readonly List<Change> _removals = [];
    private readonly List<Change> _additions = [];
    private readonly List<Change> _settings = [];
    private readonly List<string> _conflicts = [];
    private readonly HashSet<(string, string)> _wanted = [];

    private Planner(Topology topology, Observation seen)
    {
        _topology = topology;
        _seen = seen;
    }

    /// <param name="topology">What should be.</param>
    /// <param name="seen">What is.</param>
    /// <param name="keepStrays">Leave what the topology does not have: it may be of containers that no engine has told of yet.</param>
    /// <exception cref="PlanException">Something of somebody else's has the name of something of the lab's.</exception>
    public static LabPlan Compare(Topology topology, Observation seen, bool keepStrays = false) => new Planner(topology, seen).Compare(keepStrays);

    private LabPlan Compare(bool keepStrays)
    {
        foreach (var stray in _seen.StrayNamespaces)
            _removals.Add(new RemoveNamespace(stray, _topology.Lab));
        foreach (var node in _topology.Nodes)
            CompareNode(node);
        foreach (var segment in _topology.Segments)
            CompareSegment(segment);
        foreach (var link in _topology.Links)
            CompareLink(link);
        if (!keepStrays)
            RemoveStrays();
        foreach (var node in _topology.Nodes)
            CompareRules(node);
        if (_conflicts.Count > 0)
            throw new PlanException(_conflicts);
        return new LabPlan([.. _removals, .. _additions, .. _settings]);
    }

    private void CompareNode(LabNode node)
    {
        if (!_seen.Nodes.TryGetValue(node.Name, out var seen))
        {
            if (node.Kind == NodeKind.Namespace)
                _additions.Add(new AddNode(node));
            return;
        }

        if (seen.Foreign)
        {
            _conflicts.Add($"the network namespace {node.Path} is there and not this lab's; remove it (ip netns del {Path.GetFileName(node.Path)}), or give the lab another name");
            return;
        }

        if (node.Loopback is { } loopback && seen.Devices.TryGetValue(loopback.Name, out var device))
            CompareDevice(loopback, device, seen);
        foreach (var (path, value) in node.Sysctls)
        {
            if (seen.Sysctls.GetValueOrDefault(path) is var old && old != value)
                _settings.Add(new SetSysctl(node.Name, path, value, old));
        }
    }

    private void CompareSegment(Segment segment)
    {
        if (segment.Mode == BridgeMode.OpenVSwitch)
        {
            if (!_seen.OvsBridges.Any(bridge => bridge.Name == segment.Name))
                _additions.Add(new AddSegment(segment));
            return;
        }

        if (segment.Device is not { } device)
            return;
        var here = _seen.Nodes[""];
        if (!Find(device, here, out var seen))
        {
            _additions.Add(new AddSegment(segment));
            return;
        }

        CompareDevice(device, seen!, here, segment);
    }

    private void CompareLink(LabLink link)
    {
        if (link.Type == LinkType.Link)
        {
            CompareLoan(link);
            return;
        }

        var known = NodeOf(link.End, out var node) & (link.Peer is null | NodeOf(link.Peer, out var peerNode));
        // A conflict is told even where the node is not there yet.
        ObservedDevice? end = null, peer = null;
        var hasEnd = node is not null && Find(link.End, node, out end);
        var hasPeer = link.Peer is not null && peerNode is not null && Find(link.Peer, peerNode, out peer);
        if (known && hasEnd && (link.Peer is null || hasPeer))
        {
            CompareDevice(link.End, end!, node!);
            if (link.Peer is not null)
                CompareDevice(link.Peer, peer!, peerNode!);
            return;
        }

        if (hasEnd)
            Remove(link.End, end!);
        else if (hasPeer)
            Remove(link.Peer!, peer!);
        _additions.Add(new AddLink(link));
    }

    private void CompareLoan(LabLink link)
    {
        ObservedDevice? there = null;
        if (NodeOf(link.End, out var node) && Find(link.End, node!, out there) && there!.Loan?.Name == link.Parent)
        {
            CompareDevice(link.End, there, node!);
            return;
        }

        if (there is not null)
            GiveBack(link.End.Node, there);
        // One that another node has, or that the kernel put back when its container ended, goes home first.
        var lent = _seen.Nodes.Values.SelectMany(each => each.Devices.Values).FirstOrDefault(each => each.Loan?.Name == link.Parent);
        var found = lent ?? _seen.Nodes[""].Devices.GetValueOrDefault(link.Parent!);
        // What a node has that the files no longer have, nobody has looked at.
        if (found is null && _seen.StrayNamespaces.Count == 0)
            _conflicts.Add($"here is no interface \"{link.Parent}\" to lend to {link.End.Node}");
        else if (found is { Loan: null } && Ownership.LabOf(found.Link) is { } other)
            _conflicts.Add($"the interface \"{link.Parent}\" cannot be lent to {link.End.Node}: it is of the lab \"{other}\"");
        else
            _additions.Add(new AddLink(link));
    }

    private void GiveBack(string node, ObservedDevice seen) => _removals.Add(new ReturnDevice(node, seen.Link.Index, seen.Link.Name, seen.Loan!.Name));

    private bool NodeOf(Device? device, out ObservedNode? node)
    {
        node = null;
        return device is not null && _seen.Nodes.TryGetValue(device.Node, out node);
    }

    /// <summary>Finds the interface that a device is about; one of this lab's that is another, and cannot become it, is removed.</summary>
    private bool Find(Device device, ObservedNode node, out ObservedDevice? found)
    {
        _wanted.Add((device.Node, device.Name));
        if (!node.Devices.TryGetValue(device.Name, out found))
            return false;
        if (!found.Owned)
        {
            _conflicts.Add(
                $"{(device.Node.Length == 0 ? "here" : device.Node)} has an interface \"{device.Name}\" already, {(Ownership.LabOf(found.Link) is { } other ? $"of the lab \"{other}\"" : "which no lab made")}; " +
                (device.Node.Length == 0 ? "remove it, or give the one in the file another name" : "start the container without a network of its own (network_mode: none), or choose another \"dev\""));
            found = null;
            return false;
        }

        if (found.Loan is not null != device.IsLent || (_topology.Ownership.MarkOf(found.Link) is { } mark && mark != device.Mark))
        {
            if (found.Loan is not null)
                GiveBack(device.Node, found);
            else
                Remove(device, found);
            found = null;
            return false;
        }

        return true;
    }

    private void Remove(Device device, ObservedDevice seen) => _removals.Add(new RemoveDevice(device.Node, seen.Link.Index, seen.Link.Name));

    private void CompareDevice(Device device, ObservedDevice seen, ObservedNode node, Segment? segment = null)
    {
        var ports = device.OvsBridge is { } ovs ? _seen.OvsBridges.FirstOrDefault(bridge => bridge.Name == ovs)?.Ports ?? [] : null;
        if ((DeviceComparison.Compare(device, seen, node, segment, _topology.Ownership) with { SetOvsPort = ports?.Contains(device.Name) == false }) is { IsEmpty: false } change)
            _settings.Add(change);
    }

    private void RemoveStrays()
    {
        foreach (var bridge in _seen.OvsBridges)
        {
            if (!_topology.Segments.Any(segment => segment.Mode == BridgeMode.OpenVSwitch && segment.Name == bridge.Name))
                _removals.Add(new RemoveOvsBridge(bridge.Name));
            else
                _removals.AddRange(bridge.Ports.Where(port => !_topology.Devices().Any(device => device.OvsBridge == bridge.Name && device.Name == port)).Select(port => new RemoveOvsPort(bridge.Name, port)));
        }

        foreach (var node in _seen.Nodes.Values)
        {
            foreach (var device in node.Devices.Values)
            {
                if (device.Loan is not null && !_wanted.Contains((node.Name, device.Link.Name)))
                    GiveBack(node.Name, device);
                else if (device.Loan is null && device.Owned && device.Link.Kind is not null && !_wanted.Contains((node.Name, device.Link.Name)))
                    _removals.Add(new RemoveDevice(node.Name, device.Link.Index, device.Link.Name));
            }
        }
    }

    private void CompareRules(LabNode node)
    {
        var rules = RuleSet.Of(_topology, node.Name);
        var seen = _seen.Nodes.GetValueOrDefault(node.Name)?.Rules;
        if (rules?.Digest != seen)
            _settings.Add(new SetRules(node.Name, rules));
    }
}
