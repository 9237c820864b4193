using System.Globalization;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>Durations as Go programs take them: <c>1m30s</c>, <c>1.5h</c>, <c>300ms</c>, <c>0</c>.</summary>
internal static class GoDuration
{
    /// <summary>Reads a duration that is not negative.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        if (text is ['+', ..])
            text = text[1..];
        if (text is "0")
            return true;
        if (text.IsEmpty)
            return false;
        double seconds = 0;
        while (!text.IsEmpty)
        {
            int digits = Count(text, inNumber: true);
            if (digits == 0 || !double.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return false;
            text = text[digits..];
            var unit = text[..Count(text, inNumber: false)];
            double factor = unit switch
            {
                "h" => 3600,
                "m" => 60,
                "s" => 1,
                "ms" => 1e-3,
                "us" or "µs" or "μs" => 1e-6,
                "ns" => 1e-9,
                _ => 0,
            };
            if (factor == 0)
                return false;
            seconds += number * factor;
            text = text[unit.Length..];
        }

        if (seconds > TimeSpan.FromDays(365).TotalSeconds)
            return false;
        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    private static int Count(ReadOnlySpan<char> text, bool inNumber)
    {
        int count = 0;
        while (count < text.Length && (char.IsAsciiDigit(text[count]) || text[count] == '.') == inNumber)
            count++;
        return count;
    }
}
