using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Life;

/// <summary>A lab that is being worked on: what its files say, what runs, what is there; look, compare, make it so.</summary>
internal sealed class LabSession : IDisposable
{
    private readonly LabConfig _config;
    private readonly TopologyOptions _options;
    private readonly Places _places;
    private Observation _seen = new();
    private IReadOnlyList<RunningContainer> _containers = [];
    private (Topology Topology, Observation Seen)? _before;

    public LabSession(string lab, LabConfig config, LabOptions options)
    {
        _config = config;
        _places = new Places(options.Here, options.OvsSocket);
        _options = OptionsOf(lab, options);
        Topology = TopologyBuilder.Build(config, _options, []);
    }

    public Topology Topology { get; private set; }

    public LabConfig Config => _config;

    public Places Places => _places;

    public Observation Seen => _seen;

    /// <summary>Whether the files name containers, which an engine runs.</summary>
    public bool NeedsEngine => _config.HasContainers;

    /// <summary>What the files of a lab that is up said until now: where the way back leads when a change fails. Null when they say the same.</summary>
    public (LabConfig Config, LabOptions Options)? Former { get; set; }

    /// <summary>Works the topology out anew for other containers.</summary>
    public void SetContainers(IReadOnlyList<RunningContainer> containers)
    {
        _containers = containers;
        Topology = TopologyBuilder.Build(_config, _options, containers);
    }

    /// <exception cref="PlanException">Something of somebody else's is in the way.</exception>
    public LabPlan Plan(bool keepStrays = false)
    {
        _before = null;
        if (Former is { } former)
        {
            var topology = TopologyBuilder.Build(former.Config, OptionsOf(Topology.Lab, former.Options), _containers);
            _before = (topology, Observer.Observe(topology, _places));
        }

        Look();
        return Planner.Compare(Topology, _seen, keepStrays);
    }

    public Observation Look() => _seen = Observer.Observe(Topology, _places);

    /// <summary>Carries a plan out; when that fails, the lab is again as it was at the last look.</summary>
    public void Apply(LabPlan plan, bool keepStrays = false)
    {
        KernelFeatures.ThrowIfMissing(plan);
        try
        {
            new Realizer(Topology, _places).Apply(plan, keepStrays);
            HostProcesses.Start(Topology, _places);
            Former = null;
        }
        catch (Exception error)
        {
            try
            {
                Undo(plan);
            }
            catch (Exception second) when (second is NetlinkException or PlanException or OvsdbException or AggregateException)
            {
                throw new AggregateException(error, second);
            }

            throw;
        }
    }

    /// <summary>Whether nothing of the lab was there at the last look.</summary>
    public bool WasEmpty => _seen.StrayNamespaces.Count == 0 && _seen.OvsBridges.Count == 0 && _seen.Nodes.Values.All(node => node.Foreign || !node.Devices.Values.Any(device => device.Owned));

    public void Dispose() => _places.Dispose();

    private TopologyOptions OptionsOf(string lab, LabOptions options) => new()
    {
        Lab = lab,
        DefaultBridgeMode = options.DefaultBridgeMode,
        DefaultMtu = options.DefaultMtu,
        KeepVethOffload = options.KeepVethOffload,
        HasOpenVSwitch = Directory.Exists("/sys/module/openvswitch") && File.Exists(_places.OvsSocket),
    };

    private void Undo(LabPlan plan)
    {
        if (WasEmpty)
        {
            LabSweep.Run(Topology.Lab, _places.OvsSocket);
            return;
        }

        RemoveMade(plan);
        var (topology, seen) = _before ?? (Topology, _seen);
        var former = FormerTopology.Of(topology, Topology, seen);
        new Realizer(former, _places).Apply(Planner.Compare(former, Observer.Observe(former, _places), keepStrays: true), keepStrays: true);
        // Whoever makes a lab sets everything up; what somebody had cut is cut again.
        foreach (var device in former.Devices())
        {
            if (seen.Nodes[device.Node].Devices[device.Name] is { Link.IsUp: false } && _places[device.Node].Route.FindLink(device.Name) is { } link)
            {
                var batch = new NetlinkBatch();
                batch.SetLink(link.Index, new LinkSettings { Up = false });
                _places[device.Node].Route.Execute(batch);
            }
        }
    }

    private void RemoveMade(LabPlan plan)
    {
        foreach (var change in plan.Structure)
        {
            switch (change)
            {
                case AddNode { Node: var node }:
                    _places.Forget(node.Name);
                    NodeProcesses.RemoveNamespace(Path.GetFileName(node.Path), Topology.Lab);
                    break;
                case AddLink { Link: { Type: LinkType.Link, End.Node: var node } }:
                    if (_places.TryGet(node, out var lent))
                        Loans.Return(lent!, Topology.Ownership);
                    break;
                case AddLink { Link: var link }:
                    Delete(link.Peer is { Node.Length: 0 } peer ? peer : link.End);
                    break;
                case AddSegment { Segment.Device: { } device }:
                    Delete(device);
                    break;
                case AddSegment { Segment: { Mode: Schema.BridgeMode.OpenVSwitch } segment }:
                    OvsWiring.Remove(Topology.Lab, _places.OvsSocket, [segment.Name]);
                    break;
            }
        }

        void Delete(Device device)
        {
            if (!_places.TryGet(device.Node, out var place) || place!.Route.FindLink(device.Name) is not { } link || !Topology.Ownership.Owns(link))
                return;
            var batch = new NetlinkBatch();
            batch.DeleteLink(link.Index, Tolerated.Missing);
            place.Route.Execute(batch);
        }
    }
}
