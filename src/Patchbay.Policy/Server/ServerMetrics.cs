using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Patchbay.Policy.Server;

/// <summary>What the server counts, as Prometheus's text (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class ServerMetrics
{
    private readonly ConcurrentDictionary<(string Api, string Route, int Status), Series> _requests = new();
    private readonly ConcurrentDictionary<(string Operation, string Outcome), Series> _store = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _longPolls;

    internal TimeSpan Uptime => Stopwatch.GetElapsedTime(_started);

    internal void CountRequest(string api, string route, int status, TimeSpan took) => _requests.GetOrAdd((api, route, status), _ => new Series()).Add(took);

    internal void EnterLongPoll() => Interlocked.Increment(ref _longPolls);

    internal void LeaveLongPoll() => Interlocked.Decrement(ref _longPolls);

    /// <summary>Runs a call of the store, and counts it with its time.</summary>
    internal T Timed<T>(string operation, Func<T> call)
    {
        long start = Stopwatch.GetTimestamp();
        string outcome = "error";
        try
        {
            T result = call();
            outcome = "success";
            return result;
        }
        finally
        {
            _store.GetOrAdd((operation, outcome), _ => new Series()).Add(Stopwatch.GetElapsedTime(start));
        }
    }

    internal string Text(PolicyCatalog catalog)
    {
        var text = new StringBuilder();
        Gauge(text, "patchbay_policy_policies", "Policies in memory.", catalog.Policies.Entries.Length);
        Gauge(text, "patchbay_policy_revision", "Number of the state in memory; every change counts it up.", catalog.Policies.Revision);
        Gauge(text, "patchbay_policy_last_updated_seconds", "When the policies last changed, in seconds since 1970.", catalog.Policies.LastUpdated / 1e9);
        Gauge(text, "patchbay_policy_snapshot_age_seconds", "Time since the database last confirmed the state in memory.", catalog.Age.TotalSeconds);
        Gauge(text, "patchbay_policy_database_up", "1 when the database answered last time.", catalog.IsStoreLost ? 0 : 1);
        Gauge(text, "patchbay_policy_security_groups", "Security groups in memory.", catalog.SecurityGroups.Groups.Count);
        Gauge(text, "patchbay_policy_long_polls", "Requests that wait for a change.", Interlocked.Read(ref _longPolls));
        Gauge(text, "patchbay_policy_uptime_seconds", "Time since the server's start.", Uptime.TotalSeconds);
        Head(text, "patchbay_policy_http_request_seconds", "Requests and the time they took.", "summary");
        foreach (((string api, string route, int status), Series series) in _requests.OrderBy(each => each.Key))
            series.Write(text, "patchbay_policy_http_request_seconds", $"api=\"{api}\",route=\"{route}\",status=\"{status}\"");
        Head(text, "patchbay_policy_store_seconds", "Calls of the database and the time they took.", "summary");
        foreach (((string operation, string outcome), Series series) in _store.OrderBy(each => each.Key))
            series.Write(text, "patchbay_policy_store_seconds", $"operation=\"{operation}\",outcome=\"{outcome}\"");
        using var self = Process.GetCurrentProcess();
        Head(text, "process_cpu_seconds_total", "Processor time of the server.", "counter");
        text.Append(CultureInfo.InvariantCulture, $"process_cpu_seconds_total {self.TotalProcessorTime.TotalSeconds}\n");
        Gauge(text, "process_resident_memory_bytes", "Memory of the server.", self.WorkingSet64);
        return text.ToString();
    }

    private static void Head(StringBuilder text, string name, string help, string type) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void Gauge(StringBuilder text, string name, string help, double value)
    {
        Head(text, name, help, "gauge");
        text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
    }

    /// <summary>How many, and how long together.</summary>
    private sealed class Series
    {
        private long _count;
        private long _ticks;

        internal void Add(TimeSpan took)
        {
            Interlocked.Increment(ref _count);
            Interlocked.Add(ref _ticks, took.Ticks);
        }

        internal void Write(StringBuilder text, string name, string labels)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}_count{{{labels}}} {Interlocked.Read(ref _count)}\n");
            text.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {TimeSpan.FromTicks(Interlocked.Read(ref _ticks)).TotalSeconds}\n");
        }
    }
}
