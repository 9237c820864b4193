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

    public LabSession(string lab, LabConfig config, LabOptions options)
    {
        _config = config;
        _places = new Places(options.Here, options.OvsSocket);
        _options = new TopologyOptions
        {
            Lab = lab,
            DefaultBridgeMode = options.DefaultBridgeMode,
            DefaultMtu = options.DefaultMtu,
            KeepVethOffload = options.KeepVethOffload,
            HasOpenVSwitch = Directory.Exists("/sys/module/openvswitch") && File.Exists(_places.OvsSocket),
        };
        Topology = TopologyBuilder.Build(config, _options, []);
    }

    public Topology Topology { get; private set; }

    public LabConfig Config => _config;

    public Places Places => _places;

    public Observation Seen => _seen;

    /// <summary>Whether the files name containers, which an engine runs.</summary>
    public bool NeedsEngine => _config.HasContainers;

    /// <summary>Works the topology out anew for other containers.</summary>
    public void SetContainers(IReadOnlyList<RunningContainer> containers) => Topology = TopologyBuilder.Build(_config, _options, containers);

    /// <exception cref="PlanException">Something of somebody else's is in the way.</exception>
    public LabPlan Plan(bool keepStrays = false)
    {
        Look();
        return Planner.Compare(Topology, _seen, keepStrays);
    }

    public Observation Look() => _seen = Observer.Observe(Topology, _places);

    /// <summary>Carries a plan out; when that fails, what it made is taken away again.</summary>
    public void Apply(LabPlan plan, bool keepStrays = false)
    {
        KernelFeatures.ThrowIfMissing(plan);
        try
        {
            new Realizer(Topology, _places).Apply(plan, keepStrays);
            HostProcesses.Start(Topology, _places);
        }
        catch (Exception error) when (error is NetlinkException or PlanException or OvsdbException)
        {
            Undo(plan);
            throw;
        }
    }

    /// <summary>Whether nothing of the lab was there at the last look.</summary>
    public bool WasEmpty => _seen.StrayNamespaces.Count == 0 && _seen.Nodes.Values.All(node => node.Foreign || !node.Devices.Values.Any(device => device.Owned));

    public void Dispose() => _places.Dispose();

    private void Undo(LabPlan plan)
    {
        if (WasEmpty)
        {
            LabSweep.Run(Topology.Lab);
            return;
        }

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
