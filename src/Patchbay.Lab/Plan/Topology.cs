using System.Net;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>A lab with every name, number and address worked out: nodes, links with two ends, segments between them.</summary>
internal sealed record Topology
{
    public required string Lab { get; init; }

    public IReadOnlyList<LabNode> Nodes { get; init; } = [];

    public IReadOnlyList<Segment> Segments { get; init; } = [];

    public IReadOnlyList<LabLink> Links { get; init; } = [];

    public IReadOnlyList<LabCommand> Commands { get; init; } = [];

    /// <summary>Containers that the files name and that do not run yet.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    public Ownership Ownership => field ??= new Ownership(Lab);

    public LabNode? FindNode(string name) => Nodes.FirstOrDefault(node => node.Name == name);

    /// <summary>Every interface of the lab.</summary>
    public IEnumerable<Device> Devices()
    {
        foreach (var node in Nodes)
        {
            if (node.Loopback is not null)
                yield return node.Loopback;
        }

        foreach (var segment in Segments)
        {
            if (segment.Device is not null)
                yield return segment.Device;
        }

        foreach (var link in Links)
        {
            yield return link.End;
            if (link.Peer is not null)
                yield return link.Peer;
        }
    }
}

internal enum NodeKind
{
    /// <summary>The namespace where the lab's bridges are; its name is empty.</summary>
    Here,

    /// <summary>A namespace of the lab's own.</summary>
    Namespace,

    /// <summary>A container of an engine.</summary>
    Container,
}

/// <summary>What has interfaces.</summary>
internal sealed record LabNode
{
    public required string Name { get; init; }

    public required NodeKind Kind { get; init; }

    /// <summary>Its network namespace; for one of the lab's own also when it is not made yet.</summary>
    public required string Path { get; init; }

    public string? Service { get; init; }

    public int Index { get; init; } = 1;

    public IReadOnlyList<KeyValuePair<string, string>> Sysctls { get; init; } = [];

    /// <summary>A process whose command line has <c>mininet:NAME</c> stays in it.</summary>
    public bool Shell { get; init; }

    /// <summary><c>lo</c> of a namespace of the lab's own: its mark is the namespace's.</summary>
    public Device? Loopback { get; init; }
}

/// <summary>An interface as it should be.</summary>
internal sealed record Device
{
    /// <summary>The node that has it; empty for here.</summary>
    public required string Node { get; init; }

    public required string Name { get; init; }

    public required string Mark { get; init; }

    public MacAddress? Mac { get; init; }

    public int? Mtu { get; init; }

    public IReadOnlyList<Prefix> Addresses { get; init; } = [];

    public IReadOnlyList<Route> Routes { get; init; } = [];

    public Impairment? Egress { get; init; }

    /// <summary>It is the host's own, and goes back there.</summary>
    public bool IsLent { get; init; }

    /// <summary>The bridge, in the same namespace, of which it is a port.</summary>
    public string? Master { get; init; }

    public int? AccessVlan { get; init; }

    public IReadOnlyList<int> TrunkVlans { get; init; } = [];

    /// <summary>The interface, in the same namespace, at which everything goes out that comes in here.</summary>
    public string? RedirectTo { get; init; }

    /// <summary>The address that everything which comes in is for.</summary>
    public IPAddress? Nat { get; init; }

    /// <summary>Features to switch, in their order: <c>tx</c> off.</summary>
    public IReadOnlyList<(string Feature, bool On)> Features { get; init; } = [];

    /// <summary>The bridge of Open vSwitch of which it is a port.</summary>
    public string? OvsBridge { get; init; }

    public override string ToString() => Node.Length == 0 ? Name : $"{Node}:{Name}";
}

/// <summary>What makes a direction bad on purpose.</summary>
/// <param name="Netem">Delay, loss and the like; null for none.</param>
/// <param name="Rate">Bytes a second; 0 for no limit.</param>
internal sealed record Impairment(Netem? Netem, ulong Rate)
{
    /// <summary>What becomes of packets when the queue before <see cref="Rate"/> grows.</summary>
    public EarlyDetection Red { get; init; }
}

/// <summary>What several links end at: a bridge, or the wire between two ports.</summary>
internal sealed record Segment
{
    public required string Name { get; init; }

    public required BridgeMode Mode { get; init; }

    /// <summary>The bridge's own interface; null for a patch.</summary>
    public Device? Device { get; init; }

    public bool? SpanningTree { get; init; }

    public bool? VlanFiltering { get; init; }

    public bool? MulticastSnooping { get; init; }

    public ushort? GroupForwardMask { get; init; }

    public string? DataPath { get; init; }
}

/// <summary>An interface of a node and what it is joined to.</summary>
internal sealed record LabLink
{
    public required LinkType Type { get; init; }

    /// <summary>The end in the node.</summary>
    public required Device End { get; init; }

    /// <summary>The other end of a cable; null for what has none.</summary>
    public Device? Peer { get; init; }

    /// <summary>The segment that the peer belongs to.</summary>
    public string? Segment { get; init; }

    /// <summary>The interface here on top of which it is, or which it is itself where that is lent.</summary>
    public string? Parent { get; init; }

    public int VlanId { get; init; }

    public string? Mode { get; init; }

    public TunnelEnd? Tunnel { get; init; }

    public IReadOnlyList<Forward> Forwards { get; init; } = [];

    public override string ToString() => (Peer, Parent, Tunnel) switch
    {
        ({ } peer, _, _) => $"{End} -- {(Segment is null ? $"{peer}" : $"{Segment} ({peer.Name})")}",
        (_, { } parent, _) when Type == LinkType.Link => $"{parent} as {End}",
        (_, { } parent, _) => $"{End} on {parent}",
        (_, _, { } tunnel) => $"{End} -- {tunnel.Remote} ({tunnel.Kind} {tunnel.Vni})",
        _ => $"{End}",
    };
}

/// <summary>Where a tunnel goes.</summary>
internal sealed record TunnelEnd(string Kind, IPAddress Remote, int Vni, int? Port);

/// <summary>A port here that leads to one of a node.</summary>
internal sealed record Forward(byte Protocol, ushort Port, IPAddress Address, ushort TargetPort, string Bridge)
{
    public const byte Tcp = 6;
    public const byte Udp = 17;
}

internal sealed record LabCommand(string Node, IReadOnlyList<string> Words, bool Background);
