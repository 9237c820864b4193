using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>What all leases of a daemon share.</summary>
internal sealed class DaemonContext
{
    internal required LeaseTiming Timing { get; init; }

    /// <summary>What leads to the paths that plugins name.</summary>
    internal required string HostPrefix { get; init; }

    internal required LeaseStore Store { get; init; }

    /// <summary>Writes a line of the log.</summary>
    internal required Action<string> Log { get; init; }

    internal TimeProvider Clock { get; } = new BootClock();

    internal Random Random { get; } = new();

    internal string BootId { get; } = BootClock.BootId();

    internal TimeSpan Now => Clock.GetElapsedTime(0);
}
