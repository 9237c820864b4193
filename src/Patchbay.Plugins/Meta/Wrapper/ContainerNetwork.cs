using System.Net;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Wrapper.Native;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>One container, as the rules for it need it.</summary>
/// <param name="Owner">What its rules are found by.</param>
/// <param name="Address">Its address.</param>
/// <param name="Config">The keys of rules.</param>
/// <param name="Underlays">The interfaces towards other hosts.</param>
internal sealed record ContainerNetwork(MasqueradeName Owner, IPAddress Address, RuleConfig Config, IReadOnlyList<string> Underlays)
{
    /// <summary>CNI_CONTAINERID, which is Garden's handle.</summary>
    internal string Handle => Owner.ContainerId;

    /// <summary>What the application is: app, task or staging; null when nobody says.</summary>
    internal string? Workload { get; init; }

    /// <summary>The container's IPv6 addresses.</summary>
    internal IReadOnlyList<IPAddress> IPv6 { get; init; } = [];

    /// <summary>Those that a table is for.</summary>
    internal IReadOnlyList<IPAddress> AddressesOf(CfTable table) => table.IPv4 ? [Address] : IPv6;

    internal IReadOnlyList<NetIn> Ports { get; init; } = [];

    /// <summary>Its security groups as the runtime told them, in the order in which packets meet them.</summary>
    internal IReadOnlyList<EgressRule> Groups { get; init; } = [];
}
