using System.Diagnostics;

namespace Patchbay.Cni.Runtime;

/// <summary>The trace that the caller is part of, as variables for plugins: W3C trace context and baggage, in the names that libcni gives them.</summary>
internal static class TraceContext
{
    /// <summary>TRACEPARENT, TRACESTATE and BAGGAGE of <see cref="Activity.Current"/>; nothing without one.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Current()
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } id } activity)
            yield break;
        yield return new("TRACEPARENT", id);
        if (!string.IsNullOrEmpty(activity.TraceStateString))
            yield return new("TRACESTATE", activity.TraceStateString);
        string baggage = string.Join(',', activity.Baggage.Select(item => $"{item.Key}={Uri.EscapeDataString(item.Value ?? "")}"));
        if (baggage.Length > 0)
            yield return new("BAGGAGE", baggage);
    }
}
