namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>How long and how often servers are asked for a new lease.</summary>
internal sealed record LeaseTiming
{
    /// <summary>One exchange: a question, sent up to three times, and its answer.</summary>
    internal TimeSpan Exchange { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between attempts.</summary>
    internal TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(62);

    /// <summary>All attempts together.</summary>
    internal TimeSpan Total { get; init; } = TimeSpan.FromSeconds(208);

    /// <summary>Asks servers to broadcast their answers.</summary>
    internal bool Broadcast { get; init; }
}
