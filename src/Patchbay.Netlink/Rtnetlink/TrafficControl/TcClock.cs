using System.Globalization;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>The clock of traffic control, in whose ticks some settings are given (/proc/net/psched; net/sched/sch_api.c, psched_show).</summary>
/// <param name="TicksPerMicrosecond">15.625 on all kernels since 2.6.31: a tick is 64 ns.</param>
public readonly record struct TcClock(double TicksPerMicrosecond)
{
    /// <summary>Ticks of 64 ns, as of all kernels since 2.6.31.</summary>
    internal const double TicksPerMicrosecondToday = 15.625;

    private const string File = "/proc/net/psched";

    /// <summary>The kernel's.</summary>
    /// <returns>The clock.</returns>
    /// <exception cref="NetlinkException">The file cannot be read: the kernel has no traffic control (CONFIG_NET_SCHED).</exception>
    public static TcClock Read()
    {
        try
        {
            return Parse(System.IO.File.ReadAllText(File));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NetlinkException($"read {File}", Errno.NotFound, "the kernel has no traffic control (CONFIG_NET_SCHED)");
        }
    }

    /// <summary>Reads the file's four hexadecimal numbers: nanoseconds a microsecond, nanoseconds a tick, ticks a second, nanoseconds of the high-resolution timer.</summary>
    /// <param name="text">The file.</param>
    /// <returns>The clock.</returns>
    /// <exception cref="NetlinkException">The text is something else.</exception>
    public static TcClock Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Span<double> numbers = stackalloc double[3];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (i >= words.Length || !uint.TryParse(words[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) || number == 0)
                throw new NetlinkException($"read {File}", $"not the numbers of a clock: \"{text.Trim()}\"");
            numbers[i] = number;
        }

        var (perMicrosecond, perTick, resolution) = (numbers[0], numbers[1], numbers[2]);
        // Kernels before 2.6.31 with high-resolution timers give the resolution 10^9, and then count ticks as microseconds (tc/tc_core.c, tc_core_init).
        if (resolution == 1_000_000_000)
            perMicrosecond = perTick;
        return new TcClock(perMicrosecond / perTick * (resolution / 1_000_000));
    }
}
