using Patchbay.Lab.Ovs;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>What is there now, as far as a lab is concerned; the planner compares it with the <see cref="Topology"/>.</summary>
internal sealed record Observation
{
    /// <summary>The nodes whose namespaces are there, by name; empty for here.</summary>
    public IReadOnlyDictionary<string, ObservedNode> Nodes { get; init; } = new Dictionary<string, ObservedNode>();

    /// <summary>The lab's bridges of Open vSwitch.</summary>
    public IReadOnlyList<OvsBridge> OvsBridges { get; init; } = [];

    /// <summary>Namespaces that this lab made and that no node of the topology has, by the names below /run/netns.</summary>
    public IReadOnlyList<string> StrayNamespaces { get; init; } = [];
}

/// <summary>One namespace.</summary>
internal sealed record ObservedNode
{
    public required string Name { get; init; }

    /// <summary>For a namespace of the lab's own: somebody else made it, for its <c>lo</c> has no mark.</summary>
    public bool Foreign { get; init; }

    public required IReadOnlyDictionary<string, ObservedDevice> Devices { get; init; }

    /// <summary>The settings that were asked for.</summary>
    public IReadOnlyDictionary<string, string?> Sysctls { get; init; } = new Dictionary<string, string?>();

    /// <summary>The digest that the lab's table of nf_tables has; null when there is no table.</summary>
    public string? Rules { get; init; }

    public string? NameOf(int index) => Devices.Values.FirstOrDefault(device => device.Link.Index == index)?.Link.Name;
}

/// <summary>One interface; the details are there for the lab's own only.</summary>
internal sealed record ObservedDevice
{
    public required Link Link { get; init; }

    /// <summary>Made by this lab, or lent to it.</summary>
    public bool Owned { get; init; }

    /// <summary>What it is at home, of an interface that the host lent to this lab.</summary>
    public Loan? Loan { get; init; }

    public IReadOnlyList<InterfaceAddress> Addresses { get; init; } = [];

    public IReadOnlyList<Route> Routes { get; init; } = [];

    public Impairment? Egress { get; init; }

    /// <summary>A queueing discipline at the root that is no impairment of ours.</summary>
    public string? OtherQdisc { get; init; }

    /// <summary>The interface to which all that comes in is sent on; 0 for none.</summary>
    public int RedirectIndex { get; init; }

    public IReadOnlyList<BridgeVlan> Vlans { get; init; } = [];

    /// <summary>What it does in the kernel's place; looked at only where some of it is wished.</summary>
    public IReadOnlyList<DeviceFeature> Features { get; init; } = [];
}
