using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Patchbay.Policy.Agent;

/// <summary>What the agent counts, as Prometheus's text (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class AgentMetrics
{
    private readonly ConcurrentDictionary<(string Step, string Outcome), (long Count, double Seconds)> _steps = new();
    private readonly ConcurrentDictionary<string, (string Help, double Value)> _gauges = new();
    private long _changes;
    private long _cut;

    /// <summary>Counts a step with its time, whether it succeeds or not.</summary>
    internal async Task<T> TimedAsync<T>(string step, Func<Task<T>> run)
    {
        long start = Stopwatch.GetTimestamp();
        string outcome = "error";
        try
        {
            T result = await run();
            outcome = "success";
            return result;
        }
        finally
        {
            double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
            _steps.AddOrUpdate((step, outcome), (1, took), (_, old) => (old.Count + 1, old.Seconds + took));
        }
    }

    internal void Set(string name, string help, double value) => _gauges[name] = (help, value);

    internal void Count(EnforcedChange change)
    {
        Interlocked.Add(ref _changes, change.Changes);
        Interlocked.Add(ref _cut, change.Cut);
    }

    internal string Text()
    {
        var text = new StringBuilder();
        foreach ((string name, (string help, double value)) in _gauges.OrderBy(each => each.Key, StringComparer.Ordinal))
            Single(text, $"patchbay_agent_{name}", help, "gauge", value);
        Single(text, "patchbay_agent_changes_total", "Elements or rules that came, went or changed.", "counter", Interlocked.Read(ref _changes));
        Single(text, "patchbay_agent_connections_cut_total", "Connections that were cut because their policy was revoked.", "counter", Interlocked.Read(ref _cut));
        Head(text, "patchbay_agent_seconds", "Steps of a cycle and the time they took.", "summary");
        foreach (((string step, string outcome), (long count, double seconds)) in _steps.OrderBy(each => each.Key))
        {
            text.Append(CultureInfo.InvariantCulture, $"patchbay_agent_seconds_count{{step=\"{step}\",outcome=\"{outcome}\"}} {count}\n");
            text.Append(CultureInfo.InvariantCulture, $"patchbay_agent_seconds_sum{{step=\"{step}\",outcome=\"{outcome}\"}} {seconds}\n");
        }

        using var self = Process.GetCurrentProcess();
        Single(text, "process_cpu_seconds_total", "Processor time of the agent.", "counter", self.TotalProcessorTime.TotalSeconds);
        Single(text, "process_resident_memory_bytes", "Memory of the agent.", "gauge", self.WorkingSet64);
        return text.ToString();
    }

    private static void Head(StringBuilder text, string name, string help, string type) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void Single(StringBuilder text, string name, string help, string type, double value)
    {
        Head(text, name, help, type);
        text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
    }
}
