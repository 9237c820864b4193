namespace Patchbay.Policy.Overlay.Controller;

/// <summary>By what time leases expire: a clock that is set while the controller runs expires none, nor does one that was wrong at its start.</summary>
internal sealed class LeaseClock(TimeProvider clock, TimeSpan expiration)
{
    // Long enough for every host to renew its lease, by this clock's time, before any is called expired.
    private static readonly TimeSpan LongestGrace = TimeSpan.FromMinutes(5);

    private readonly DateTimeOffset _started = clock.GetUtcNow();
    private readonly long _start = clock.GetTimestamp();

    /// <summary>Seconds since 1970, counted on from the controller's start.</summary>
    internal long Now => (_started + clock.GetElapsedTime(_start)).ToUnixTimeSeconds();

    /// <summary>Leases that were renewed at this time or before it have expired.</summary>
    internal long Expired => clock.GetElapsedTime(_start) < Grace ? long.MinValue : Now - (long)expiration.TotalSeconds;

    private TimeSpan Grace => expiration < LongestGrace ? expiration : LongestGrace;
}
