namespace Patchbay.Bench;

/// <summary>Median, extremes and number of a set of figures.</summary>
internal readonly record struct Statistics(double Median, double Min, double Max, int Count)
{
    internal static Statistics Of(IEnumerable<double> figures)
    {
        double[] sorted = [.. figures.Order()];
        if (sorted.Length == 0)
            return new Statistics(double.NaN, double.NaN, double.NaN, 0);
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Statistics(median, sorted[0], sorted[^1], sorted.Length);
    }
}
