using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Patchbay.Policy.Overlay;

/// <summary>What controller and agent count, as Prometheus's text (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class Metrics
{
    private readonly ConcurrentDictionary<string, (string Help, double Value)> _gauges = new();
    private readonly ConcurrentDictionary<(string Name, string Outcome), (string Help, long Count)> _counters = new();

    internal void Set(string name, string help, double value) => _gauges[name] = (help, value);

    /// <summary>Counts something with how it went, <c>success</c> or <c>error</c>.</summary>
    internal void Count(string name, string help, string outcome, long by = 1) => _counters.AddOrUpdate((name, outcome), (help, by), (_, old) => (help, old.Count + by));

    internal string Text()
    {
        var text = new StringBuilder();
        foreach ((string name, (string help, double value)) in _gauges.OrderBy(each => each.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"# HELP patchbay_overlay_{name} {help}\n# TYPE patchbay_overlay_{name} gauge\npatchbay_overlay_{name} {value}\n");
        foreach (var series in _counters.OrderBy(each => each.Key).GroupBy(each => each.Key.Name))
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP patchbay_overlay_{series.Key}_total {series.First().Value.Help}\n# TYPE patchbay_overlay_{series.Key}_total counter\n");
            foreach (((_, string outcome), (_, long count)) in series)
                text.Append(CultureInfo.InvariantCulture, $"patchbay_overlay_{series.Key}_total{{outcome=\"{outcome}\"}} {count}\n");
        }

        using var self = Process.GetCurrentProcess();
        text.Append(CultureInfo.InvariantCulture, $"# HELP process_cpu_seconds_total Processor time.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {self.TotalProcessorTime.TotalSeconds}\n");
        text.Append(CultureInfo.InvariantCulture, $"# HELP process_resident_memory_bytes Memory.\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {self.WorkingSet64}\n");
        return text.ToString();
    }
}
