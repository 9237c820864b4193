using System.Globalization;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>Writes an impairment in tc-netem(8)'s words, and reads their values; <see cref="NetemReader"/> reads the whole.</summary>
internal static class NetemText
{
    /// <summary>The ways in which a delay varies; null is evenly. Their numbers are a part of the handle by which they are known again (<see cref="Wiring.Shaping"/>).</summary>
    public static IReadOnlyList<NetemDistribution?> Distributions { get; } = [null, NetemDistribution.Normal, NetemDistribution.Pareto, NetemDistribution.ParetoNormal];

    private const uint DefaultLimit = 1000;

    public static string Write(Impairment? impairment)
    {
        if (impairment is null)
            return "none";
        var words = new List<string>();
        if (impairment.Rate > 0)
            words.Add($"rate {Rate(impairment.Rate)}");
        if (impairment.Red != EarlyDetection.None)
            words.Add(impairment.Red == EarlyDetection.Mark ? "red ecn" : "red");
        if (impairment.Netem is not { } netem)
            return string.Join(' ', words);
        if (netem.Delay != default)
            words.Add($"delay {Time(netem.Delay)}{(netem.Jitter == default ? "" : $" {Time(netem.Jitter)}{Correlation(netem.DelayCorrelation)}{Distribution(netem.Distribution)}")}");
        if (netem.LossModel is not null)
            words.Add(Loss(netem.LossModel));
        Share("loss", netem.Loss, netem.LossCorrelation);
        if (netem.Ecn)
            words.Add("ecn");
        Share("duplicate", netem.Duplicate, netem.DuplicateCorrelation);
        Share("corrupt", netem.Corrupt, netem.CorruptCorrelation);
        Share("reorder", netem.Reorder, netem.ReorderCorrelation);
        if (netem.Gap > 1)
            words.Add(string.Create(CultureInfo.InvariantCulture, $"gap {netem.Gap}"));
        if (netem.Rate > 0)
            words.Add(string.Create(CultureInfo.InvariantCulture, $"rate {Rate(netem.Rate)}{((netem.RateOverhead, netem.CellSize, netem.CellOverhead) == default ? "" : $" {netem.RateOverhead} {netem.CellSize} {netem.CellOverhead}")}"));
        if (netem.Slot is { } slot)
            words.Add(Slot(slot));
        if (netem.Limit != DefaultLimit)
            words.Add(string.Create(CultureInfo.InvariantCulture, $"limit {netem.Limit}"));
        return words.Count == 0 ? "none" : string.Join(' ', words);

        void Share(string word, double share, double correlation)
        {
            if (share > 0)
                words.Add($"{word}{Correlation(share)}{Correlation(correlation)}");
        }
    }

    private static string Distribution(NetemDistribution? distribution) => distribution is null ? "" : $" distribution {distribution.Name}";

    private static string Loss(NetemLoss model) => model switch
    {
        FourStateLoss four => $"loss state{Always(four.P13)}{Always(four.P31)}{Always(four.P32)}{Always(four.P23)}{Always(four.P14)}",
        GilbertElliottLoss gilbert => $"loss gemodel{Always(gilbert.P)}{Always(gilbert.R)}{Always(gilbert.OneMinusH)}{Always(gilbert.OneMinusK)}",
        _ => "loss",
    };

    private static string Slot(NetemSlot slot)
    {
        var time = slot.Jitter == default ? $"{Time(slot.Least)} {Time(slot.Most)}" : $"distribution {slot.Distribution?.Name ?? "uniform"} {Time(slot.Delay)} {Time(slot.Jitter)}";
        return string.Create(CultureInfo.InvariantCulture, $"slot {time}{(slot.Packets == 0 ? "" : $" packets {slot.Packets}")}{(slot.Bytes == 0 ? "" : $" bytes {slot.Bytes}")}");
    }

    private static string Always(double share) => string.Create(CultureInfo.InvariantCulture, $" {share * 100:0.####}%");

    private static string Correlation(double share) => share > 0 ? string.Create(CultureInfo.InvariantCulture, $" {share * 100:0.####}%") : "";

    private static string Time(TimeSpan time) => time.TotalMilliseconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.###}ms")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds:0.#}us");

    public static string Rate(ulong bytesPerSecond)
    {
        var bits = bytesPerSecond * 8.0;
        return bits switch
        {
            >= 1e9 => string.Create(CultureInfo.InvariantCulture, $"{bits / 1e9:0.###}gbit"),
            >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{bits / 1e6:0.###}mbit"),
            >= 1e3 => string.Create(CultureInfo.InvariantCulture, $"{bits / 1e3:0.###}kbit"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bits:0}bit"),
        };
    }

    /// <summary>A time as tc(8) reads it: without a unit, microseconds.</summary>
    public static bool TryTime(string text, out TimeSpan time)
    {
        time = default;
        var (number, unit) = Split(text);
        double? microseconds = unit switch { "" or "us" or "usec" or "usecs" => 1, "ms" or "msec" or "msecs" => 1e3, "s" or "sec" or "secs" => 1e6, "ns" => 1e-3, _ => null };
        if (microseconds is null || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value * microseconds.Value > 3600e6)
            return false;
        time = TimeSpan.FromMicroseconds(value * microseconds.Value);
        return true;
    }

    /// <summary>A rate as tc(8) reads it, in bytes a second: without a unit, bits; with <c>i</c>, powers of 1024; <c>bps</c> are bytes.</summary>
    public static bool TryRate(string text, out ulong bytesPerSecond)
    {
        bytesPerSecond = 0;
        var (number, unit) = Split(text.ToLowerInvariant());
        var bytes = unit.EndsWith("bps", StringComparison.Ordinal);
        var scale = unit.Replace("bit", "", StringComparison.Ordinal).Replace("bps", "", StringComparison.Ordinal);
        double? factor = scale switch { "" => 1, "k" => 1e3, "m" => 1e6, "g" => 1e9, "t" => 1e12, "ki" => 1024, "mi" => 1 << 20, "gi" => 1 << 30, _ => null };
        if (factor is null || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            return false;
        bytesPerSecond = (ulong)(value * factor.Value / (bytes ? 1 : 8));
        return bytesPerSecond > 0;
    }

    public static bool TryShare(string text, out double share)
    {
        share = 0;
        var percent = text.EndsWith('%');
        if (!double.TryParse(percent ? text.AsSpan(0, text.Length - 1) : text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            return false;
        share = percent ? value / 100 : value;
        return share is >= 0 and <= 1 && (percent || text.Contains('.', StringComparison.Ordinal) || value is 0 or 1);
    }

    private static (string Number, string Unit) Split(string text)
    {
        var at = 0;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
            at++;
        return (text[..at], text[at..]);
    }
}
