namespace Patchbay.Lab.Ovs;

/// <summary>A bridge of Open vSwitch (table Bridge of ovs-vswitchd.conf.db(5)).</summary>
internal sealed record OvsBridge
{
    /// <summary>Where packets are switched by the kernel's module.</summary>
    public const string KernelDatapath = "system";

    /// <summary>Where they are switched by ovs-vswitchd itself, with any kernel.</summary>
    public const string UserDatapath = "netdev";

    public required string Name { get; init; }

    /// <summary><see cref="KernelDatapath"/> or <see cref="UserDatapath"/>.</summary>
    public string Datapath { get; init; } = KernelDatapath;

    /// <summary>Spanning tree protocol.</summary>
    public bool SpanningTree { get; init; }

    /// <summary>OpenFlow's identity of the bridge, 16 hexadecimal digits; null for one made of its Ethernet address.</summary>
    public string? DatapathId { get; init; }

    /// <summary>Versions of OpenFlow, such as <c>OpenFlow13</c>; none for the default.</summary>
    public IReadOnlyList<string> Protocols { get; init; } = [];

    /// <summary>Names of its ports without its own; what was found, not what is wanted.</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];
}
