namespace Patchbay.Lab.Schema;

/// <summary>What the files of a lab say, whichever of the two languages they are written in; replicas are not counted out yet.</summary>
internal sealed record LabConfig
{
    /// <summary>The lab's name, where a file gives one.</summary>
    public Located? Name { get; init; }

    public IReadOnlyList<NodeConfig> Nodes { get; init; } = [];

    public IReadOnlyList<BridgeConfig> Bridges { get; init; } = [];

    public IReadOnlyList<LinkConfig> Links { get; init; } = [];

    public IReadOnlyList<TunnelConfig> Tunnels { get; init; } = [];

    public IReadOnlyList<CommandConfig> Commands { get; init; } = [];

    /// <summary>Containers that the lab itself starts and removes.</summary>
    public IReadOnlyList<LabContainerConfig> LabContainers { get; init; } = [];

    /// <summary>For cables that say nothing of it.</summary>
    public int DefaultMtu { get; init; } = 65535;

    /// <summary>The services of compose files that a profile has not switched off, with their number of replicas.</summary>
    public IReadOnlyDictionary<string, int> Services { get; init; } = new Dictionary<string, int>();

    /// <summary>Everybody who has an interface or a command, once each.</summary>
    public IEnumerable<Owner> Owners =>
        Links.SelectMany(link => link.Peer is null ? [link.End.Owner] : new[] { link.End.Owner, link.Peer.Owner }).Concat(Commands.Select(command => command.Owner)).Distinct();

    /// <summary>Whether there are containers among them, which an engine runs.</summary>
    public bool HasContainers => LabContainers.Count > 0 || Owners.Any(owner => owner.Kind is OwnerKind.Service or OwnerKind.Container);
}

/// <summary>How a file names what has an end of a link.</summary>
internal enum OwnerKind
{
    /// <summary>The namespace where the lab's bridges are.</summary>
    Here,

    /// <summary>A service of a compose file: all its containers.</summary>
    Service,

    /// <summary>One container, by its name.</summary>
    Container,

    /// <summary>A namespace of the lab's own.</summary>
    Node,
}

internal sealed record Owner(OwnerKind Kind, string Name)
{
    public static Owner Here { get; } = new(OwnerKind.Here, "");

    public override string ToString() => Kind == OwnerKind.Here ? "here" : $"{Kind switch { OwnerKind.Service => "service", OwnerKind.Container => "container", _ => "node" }} \"{Name}\"";
}

/// <summary>A namespace that the lab makes.</summary>
internal sealed record NodeConfig
{
    public required Located Name { get; init; }

    public int Replicas { get; init; } = 1;

    /// <summary>Packets are forwarded: it is a router.</summary>
    public bool? Forwarding { get; init; }

    /// <summary>Settings below /proc/sys/net, by their path: <c>ipv4/ip_forward</c>.</summary>
    public IReadOnlyList<KeyValuePair<Located, Located>> Sysctls { get; init; } = [];

    /// <summary>Addresses of <c>lo</c>.</summary>
    public IReadOnlyList<Located> Addresses { get; init; } = [];

    /// <summary>A process whose command line has <c>mininet:NAME</c> stays in it, for who looks for one.</summary>
    public bool Shell { get; init; }
}

/// <summary>A container that the lab has an engine run: what podman-run(1) would be told.</summary>
internal sealed record LabContainerConfig
{
    /// <summary>What the files call it; the engine knows it by the lab's name before that.</summary>
    public required Located Name { get; init; }

    public required Located Image { get; init; }

    /// <summary>What runs in it; empty for what the image says.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    public RunOptions Options { get; init; } = new();
}

internal enum BridgeMode
{
    Auto,
    Linux,
    OpenVSwitch,

    /// <summary>No bridge at all: what comes in at one of two ports goes out at the other.</summary>
    Patch,
}

internal sealed record BridgeConfig
{
    public required Located Name { get; init; }

    public BridgeMode Mode { get; init; } = BridgeMode.Auto;

    public bool? SpanningTree { get; init; }

    public bool? VlanFiltering { get; init; }

    public bool? MulticastSnooping { get; init; }

    public int? GroupForwardMask { get; init; }

    public int? Mtu { get; init; }

    public Located? Mac { get; init; }

    /// <summary>Addresses of the bridge itself, in the namespace where it is.</summary>
    public IReadOnlyList<Located> Addresses { get; init; } = [];

    /// <summary><c>netdev</c> for Open vSwitch without the kernel's part.</summary>
    public string? DataPath { get; init; }

    /// <summary>Nobody wrote it: a link or a tunnel named it.</summary>
    public bool Implied { get; init; }
}

/// <summary>What makes an end bad on purpose.</summary>
internal sealed record ImpairmentConfig
{
    /// <summary>In tc-netem(8)'s words.</summary>
    public IReadOnlyList<Located> Netem { get; init; } = [];

    /// <summary>Bits a second; null for no limit. It stands before netem.</summary>
    public double? Rate { get; init; }

    /// <summary>What becomes of packets that wait for that.</summary>
    public EarlyDetection Red { get; init; }
}

/// <summary>Random early detection: what becomes of packets as a queue grows.</summary>
internal enum EarlyDetection
{
    None,

    /// <summary>Packets are dropped.</summary>
    Drop,

    /// <summary>Packets are marked (ECN).</summary>
    Mark,
}

/// <summary>One end of a link.</summary>
internal sealed record EndConfig
{
    public required Owner Owner { get; init; }

    public required Located Device { get; init; }

    public IReadOnlyList<Located> Addresses { get; init; } = [];

    public Located? Mac { get; init; }

    public int? Mtu { get; init; }

    /// <summary>What follows <c>ip route add</c>, without the device.</summary>
    public IReadOnlyList<Located> Routes { get; init; } = [];

    /// <summary>The address that everything which comes in is for.</summary>
    public Located? Nat { get; init; }

    public ImpairmentConfig? Egress { get; init; }

    public IReadOnlyList<Located> Ethtool { get; init; } = [];
}

internal enum LinkType
{
    Veth,
    Dummy,
    Vlan,
    Macvlan,
    Macvtap,
    Ipvlan,
    Ipvtap,

    /// <summary>An interface of the host itself, lent to a node.</summary>
    Link,
    Tunnel,
}

internal sealed record LinkConfig
{
    public required LinkType Type { get; init; }

    public required EndConfig End { get; init; }

    /// <summary>The bridge at whose port the cable ends.</summary>
    public Located? Bridge { get; init; }

    /// <summary>A cable between two bridges: the one that has the end itself as a port.</summary>
    public Located? EndBridge { get; init; }

    /// <summary>The name of that port, or of the parent of a link that needs one.</summary>
    public Located? OuterDevice { get; init; }

    /// <summary>The other end, where it is no port of a bridge.</summary>
    public EndConfig? Peer { get; init; }

    /// <summary>What comes from the bridge to the end.</summary>
    public ImpairmentConfig? Ingress { get; init; }

    public Located? Mode { get; init; }

    public int? VlanId { get; init; }

    /// <summary>The VLAN of what has no tag at the bridge's port, and those that pass with theirs.</summary>
    public int? AccessVlan { get; init; }

    public IReadOnlyList<int> TrunkVlans { get; init; } = [];

    public IReadOnlyList<Located> Forwards { get; init; } = [];

    public required Position At { get; init; }

    public required string Path { get; init; }
}

internal sealed record TunnelConfig
{
    /// <summary><c>geneve</c> or <c>vxlan</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The bridge that it is a port of; null for a tunnel that ends at an interface.</summary>
    public Located? Bridge { get; init; }

    /// <summary>Who has that interface.</summary>
    public Owner Owner { get; init; } = Owner.Here;

    public IReadOnlyList<Located> Addresses { get; init; } = [];

    public required Located Remote { get; init; }

    public required int Vni { get; init; }

    public Located? Device { get; init; }

    public int? Port { get; init; }

    public int? Mtu { get; init; }

    public Located? Mac { get; init; }

    public ImpairmentConfig? Egress { get; init; }

    public required Position At { get; init; }
}

internal sealed record CommandConfig
{
    public required Owner Owner { get; init; }

    /// <summary>The program and its arguments, or one text for a shell.</summary>
    public required IReadOnlyList<Located> Words { get; init; }

    public bool Shell { get; init; }

    /// <summary>It stays in the background, as a server does.</summary>
    public bool Background { get; init; }

    public required Position At { get; init; }
}
