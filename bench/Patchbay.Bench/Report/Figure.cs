using System.Globalization;

namespace Patchbay.Bench.Report;

/// <summary>How figures are written: three significant digits, a dash for what was not measured.</summary>
internal static class Figure
{
    internal static string Of(double value) => value switch
    {
        double.NaN => "–",
        < 0.1 => Text(value, "f3"),
        < 10 => Text(value, "f2"),
        < 100 => Text(value, "f1"),
        _ => Text(value, "n0"),
    };

    internal static string Of(double value, string unit) => double.IsFinite(value) ? $"{Of(value)} {unit}" : "–";

    internal static string Ratio(double value) => double.IsFinite(value) ? Of(value) + " ×" : "–";

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
