using System.Globalization;

namespace Patchbay.Bench.Report;

/// <summary>The facts about a machine that figures depend on; neither its name nor its paths.</summary>
internal sealed record Machine(string Date, string Processor, int Cores, int MemoryGibibytes, string Kernel, string Distribution, string LoadBefore)
{
    /// <summary>Whether something else was running before the first measurement.</summary>
    internal bool IsBusy => double.Parse(LoadBefore, CultureInfo.InvariantCulture) > Cores / 2.0;

    internal static Machine Read()
    {
        var memory = Field("/proc/meminfo", "MemTotal:");
        var kibibytes = long.Parse(memory.Split(' ')[0], CultureInfo.InvariantCulture);
        return new Machine(
            TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Field("/proc/cpuinfo", "model name\t:"),
            Environment.ProcessorCount,
            (int)Math.Round(kibibytes / 1048576.0),
            Release(),
            Field("/etc/os-release", "PRETTY_NAME=").Trim('"'),
            File.ReadAllText("/proc/loadavg").Split(' ')[0]);
    }

    // The part behind the version may name who built it for which machine.
    private static string Release() => File.ReadAllText("/proc/sys/kernel/osrelease").Trim().Split('-')[0];

    private static string Field(string file, string prefix) =>
        File.Exists(file) && File.ReadLines(file).FirstOrDefault(l => l.StartsWith(prefix, StringComparison.Ordinal)) is { } line
            ? line[prefix.Length..].Trim()
            : "0 (unknown)";
}
