namespace Patchbay.Netlink.Rtnetlink;

/// <summary>How the delays of <see cref="Netem"/> vary about their mean: a table of quantiles, one of which the kernel picks for each packet (net/sched/sch_netem.c, tabledist).</summary>
/// <remarks>The kernel never tells which table it has. Without one, delays are spread evenly.</remarks>
public sealed class NetemDistribution
{
    private const int Entries = 4096;

    // NETEM_DIST_SCALE, include/uapi/linux/pkt_sched.h: one standard deviation
    private const double Scale = 8192;

    // What the kernel takes at most (NETEM_DIST_MAX).
    private const int MostEntries = 16384;

    /// <summary>Creates a distribution of one's own.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="table">Quantiles in rising order, 8192 for a deviation of the jitter; 1 to 16384 of them.</param>
    /// <exception cref="ArgumentException">There are none, or too many.</exception>
    public NetemDistribution(string name, IReadOnlyList<short> table)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (table.Count is 0 or > MostEntries)
            throw new ArgumentException($"a distribution has 1 to {MostEntries} entries, not {table.Count}", nameof(table));
        Name = name;
        Table = table;
    }

    /// <summary>Gauss' bell.</summary>
    public static NetemDistribution Normal { get; } = new("normal", Of(i => Scale * NormalQuantile(i)));

    /// <summary>Pareto's, with the exponent 3: few packets are very late.</summary>
    public static NetemDistribution Pareto { get; } = new("pareto", Of(i => ParetoQuantile(i)));

    /// <summary>A quarter of the former and three of the latter, as measured on the Internet.</summary>
    public static NetemDistribution ParetoNormal { get; } = new("paretonormal", Of(i => (0.25 * Scale * NormalQuantile(i)) + (0.75 * Math.Min(ParetoQuantile(i), short.MaxValue))));

    /// <summary>What tc-netem(8) calls it.</summary>
    public string Name { get; }

    /// <summary>The quantiles.</summary>
    public IReadOnlyList<short> Table { get; }

    private static short[] Of(Func<int, double> quantile)
    {
        var table = new short[Entries];
        for (var i = 0; i < Entries; i++)
            table[i] = (short)Math.Clamp(Math.Round(quantile(i)), short.MinValue, short.MaxValue);
        return table;
    }

    // iproute2's tables begin an eighth of an entry after the share i / 4096.
    private static double NormalQuantile(int i) => InverseNormal((i + 0.125) / Entries);

    private static double ParetoQuantile(int i) => (Math.Pow(1 - ((double)i / Entries), -1 / 3.0) - 1.5) * (4.0 / 3.0) * Scale;

    /// <summary>The point below which a share of the normal distribution is: bisection of the cumulative one.</summary>
    private static double InverseNormal(double share)
    {
        var (low, high) = (-8.0, 8.0);
        while (high - low > 1e-9)
        {
            var middle = (low + high) / 2;
            if (Cumulative(middle) < share)
                low = middle;
            else
                high = middle;
        }

        return low;
    }

    // Abramowitz and Stegun, 26.2.11: the series of the integral, whose terms shrink from the x-th on.
    private static double Cumulative(double x)
    {
        var (term, sum) = (x, x);
        for (var n = 3; Math.Abs(term) > 1e-17 * Math.Abs(sum); n += 2)
        {
            term *= x * x / n;
            sum += term;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }
}
