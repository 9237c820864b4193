using System.Globalization;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Tools;

/// <summary>The value of <c>--timeout</c>: seconds, with a fraction if need be.</summary>
internal static class TimeLimit
{
    private const double LongestSeconds = 86400;

    /// <summary>Reads it.</summary>
    /// <param name="flag">The flag, as it was written.</param>
    /// <param name="value">The text behind it.</param>
    /// <param name="bad">Makes the error.</param>
    /// <exception cref="CniException">It is no number, or makes no sense as one.</exception>
    internal static TimeSpan Parse(string flag, string value, Func<string, CniException> bad) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= LongestSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw bad($"{flag} must be a number of seconds above 0 and up to {LongestSeconds.ToString(CultureInfo.InvariantCulture)}, not \"{value}\"");
}
