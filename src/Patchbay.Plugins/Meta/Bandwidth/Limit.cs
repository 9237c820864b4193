using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>The limit of one direction, and the token bucket that enforces it.</summary>
/// <param name="Rate">Bits a second.</param>
/// <param name="Burst">Bits at once.</param>
internal readonly record struct Limit(ulong Rate, ulong Burst)
{
    private const double LatencyMicroseconds = 25_000;

    // Where 32 bits do not hold a number, what is left of it may be next to nothing, and nothing would get through: a packet of any size must.
    private const uint LeastBytes = 65536;

    internal uint BurstBytes => (uint)(Burst / 8);

    private ulong RateBytes => Rate / 8;

    /// <summary>Reads the two keys of a direction.</summary>
    /// <returns>The limit; null when both are missing or 0.</returns>
    internal static Limit? Read(JsonView view, string rateKey, string burstKey)
    {
        var limit = new Limit(view.Unsigned(rateKey) ?? 0, view.Unsigned(burstKey) ?? 0);
        if (limit is { Rate: 0, Burst: 0 })
            return null;
        if (limit.Burst == 0)
            throw Invalid($"if rate is set, burst must also be set: \"{rateKey}\" is {limit.Rate}, \"{burstKey}\" is missing or 0");
        if (limit.Rate == 0)
            throw Invalid($"if burst is set, rate must also be set: \"{burstKey}\" is {limit.Burst}, \"{rateKey}\" is missing or 0");
        if (limit.Burst / 8 >= uint.MaxValue)
            throw Invalid($"burst cannot be more than 4GB: \"{burstKey}\" is {limit.Burst} bits, {(ulong)uint.MaxValue * 8 - 1} are the most");
        if (limit.RateBytes == 0)
            throw Invalid($"\"{rateKey}\" must be at least 8 bits a second, not {limit.Rate}: the kernel counts in bytes");
        // The kernel is told the burst as a time, in whole microseconds.
        if (limit.BurstMicroseconds < 1)
            throw Invalid($"\"{burstKey}\" must be at least {Math.Max(8, (limit.RateBytes + 999_999) / 1_000_000 * 8)} bits at a \"{rateKey}\" of {limit.Rate}, not {limit.Burst}: a microsecond's worth");
        return limit;
    }

    /// <summary>The token bucket, with the numbers of the reference plugin, so that either side's CHECK agrees with what the other made.</summary>
    internal Tbf Bucket(TcClock clock)
    {
        var reference = ReferenceBucket(clock);
        var ticks = BurstMicroseconds * clock.TicksPerMicrosecond;
        var buffer = ticks > uint.MaxValue && reference.Buffer / clock.TicksPerMicrosecond / 1e6 * RateBytes < LeastBytes ? uint.MaxValue : reference.Buffer;
        var limit = QueueBytes > uint.MaxValue && reference.Limit < LeastBytes ? uint.MaxValue : reference.Limit;
        return new Tbf { Rate = RateBytes, Limit = limit, Buffer = buffer };
    }

    /// <summary>Whether a token bucket is this limit's, made by this plugin or by the reference.</summary>
    /// <returns>What differs, in words; null when nothing does.</returns>
    internal string? Differs(Tbf actual, TcClock clock)
    {
        var (ours, reference) = (Bucket(clock), ReferenceBucket(clock));
        if (actual.Rate != RateBytes)
            return $"Rate doesn't match: {actual.Rate} bytes a second where {RateBytes} are configured";
        if (actual.Limit != ours.Limit && actual.Limit != reference.Limit)
            return $"Limit doesn't match: {actual.Limit} bytes where {ours.Limit} follow from the configuration";
        if (actual.Buffer != ours.Buffer && actual.Buffer != reference.Buffer)
            return $"Buffer doesn't match: {actual.Buffer} ticks where {ours.Buffer} follow from the configuration";
        return null;
    }

    private double BurstMicroseconds => BurstBytes * 1e6 / RateBytes;

    private double QueueBytes => Math.Truncate(RateBytes * LatencyMicroseconds / 1e6) + BurstBytes;

    // The lower 32 bits where a number is larger: a burst of 2^32-1 bits, which some runtimes always ask for, is larger at all rates below 15 Mbit/s.
    private Tbf ReferenceBucket(TcClock clock) => new()
    {
        Rate = RateBytes,
        Limit = Low(QueueBytes),
        Buffer = Low(Low(BurstMicroseconds) * clock.TicksPerMicrosecond),
    };

    private static uint Low(double number) => unchecked((uint)(ulong)number);

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
