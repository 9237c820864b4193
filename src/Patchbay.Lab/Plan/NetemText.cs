using System.Globalization;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>Reads an impairment in tc-netem(8)'s words, and writes it: <c>rate 10mbit delay 40ms 5ms 25% loss 1%</c>.</summary>
internal static class NetemText
{
    /// <returns>What is wrong with the words; null when nothing is.</returns>
    public static string? TryParse(string text, out Netem? netem)
    {
        netem = null;
        TimeSpan delay = default, jitter = default;
        double delayCorrelation = 0;
        var shares = new Dictionary<string, (double Share, double Correlation)>(StringComparer.Ordinal);
        ulong rate = 0;
        uint limit = 1000, gap = 0;
        var words = new Queue<string>(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        while (words.TryDequeue(out var word))
        {
            switch (word)
            {
                case "delay" or "latency":
                    if (!words.TryDequeue(out var first) || !TryTime(first, out delay))
                        return Expected("a time such as 40ms", word, first);
                    if (words.TryPeek(out var second) && TryTime(second, out jitter))
                    {
                        words.Dequeue();
                        if (words.TryPeek(out var third) && TryShare(third, out delayCorrelation))
                            words.Dequeue();
                    }

                    break;
                case "loss" or "drop" or "duplicate" or "corrupt" or "reorder":
                    if (word == "loss" && words.TryPeek(out var model) && model is "random")
                        words.Dequeue();
                    if (!words.TryDequeue(out var share) || !TryShare(share, out var value))
                        return Expected("a share such as 1%", word, share);
                    double correlation = 0;
                    if (words.TryPeek(out var next) && TryShare(next, out correlation))
                        words.Dequeue();
                    shares[word == "drop" ? "loss" : word] = (value, correlation);
                    break;
                case "rate":
                    if (!words.TryDequeue(out var bits) || !TryRate(bits, out rate))
                        return Expected("a rate such as 10mbit", word, bits);
                    break;
                case "limit":
                    if (!words.TryDequeue(out var packets) || !uint.TryParse(packets, NumberStyles.None, CultureInfo.InvariantCulture, out limit))
                        return Expected("a number of packets", word, packets);
                    break;
                case "gap":
                    if (!words.TryDequeue(out var distance) || !uint.TryParse(distance, NumberStyles.None, CultureInfo.InvariantCulture, out gap))
                        return Expected("a number of packets", word, distance);
                    break;
                default:
                    return $"expected one of delay, loss, duplicate, corrupt, reorder, rate, limit, gap, found \"{word}\"";
            }
        }

        var (reorder, reorderCorrelation) = shares.GetValueOrDefault("reorder");
        if (reorder > 0 && delay == default)
            return "\"reorder\" needs \"delay\": what is not delayed overtakes nothing";
        netem = new Netem
        {
            Delay = delay,
            Jitter = jitter,
            DelayCorrelation = delayCorrelation,
            Loss = shares.GetValueOrDefault("loss").Share,
            LossCorrelation = shares.GetValueOrDefault("loss").Correlation,
            Duplicate = shares.GetValueOrDefault("duplicate").Share,
            DuplicateCorrelation = shares.GetValueOrDefault("duplicate").Correlation,
            Corrupt = shares.GetValueOrDefault("corrupt").Share,
            CorruptCorrelation = shares.GetValueOrDefault("corrupt").Correlation,
            Reorder = reorder,
            ReorderCorrelation = reorderCorrelation,
            Gap = reorder > 0 ? Math.Max(gap, 1) : gap,
            Rate = rate,
            Limit = limit,
        };
        return null;
    }

    /// <summary>Whether a limit of the rate is all there is, for which a token bucket does as well: every kernel has one.</summary>
    public static bool IsRateOnly(Netem netem) =>
        netem is { Rate: > 0, Loss: 0, Duplicate: 0, Corrupt: 0, Reorder: 0 } && netem.Delay == default && netem.Jitter == default;

    public static string Write(Impairment? impairment)
    {
        if (impairment is null)
            return "none";
        var words = new List<string>();
        if (impairment.Rate > 0)
            words.Add($"rate {Rate(impairment.Rate)}");
        if (impairment.Netem is not { } netem)
            return string.Join(' ', words);
        if (netem.Delay != default)
            words.Add($"delay {Time(netem.Delay)}{(netem.Jitter == default ? "" : $" {Time(netem.Jitter)}{Correlation(netem.DelayCorrelation)}")}");
        Share("loss", netem.Loss, netem.LossCorrelation);
        Share("duplicate", netem.Duplicate, netem.DuplicateCorrelation);
        Share("corrupt", netem.Corrupt, netem.CorruptCorrelation);
        Share("reorder", netem.Reorder, netem.ReorderCorrelation);
        if (netem.Gap > 1)
            words.Add(string.Create(CultureInfo.InvariantCulture, $"gap {netem.Gap}"));
        if (netem.Rate > 0)
            words.Add($"rate {Rate(netem.Rate)}");
        return words.Count == 0 ? "none" : string.Join(' ', words);

        void Share(string word, double share, double correlation)
        {
            if (share > 0)
                words.Add($"{word}{Correlation(share)}{Correlation(correlation)}");
        }
    }

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

    private static bool TryShare(string text, out double share)
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

    private static string Expected(string what, string after, string? found) => found is null ? $"expected {what} after \"{after}\"" : $"expected {what} after \"{after}\", found \"{found}\"";
}
