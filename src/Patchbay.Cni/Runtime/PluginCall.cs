using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>One execution of a plugin, as <see cref="CniRuntime.Observer"/> sees it when it is over.</summary>
/// <param name="Type">Name of the plugin.</param>
/// <param name="Path">Its file.</param>
/// <param name="Variables">The CNI_* variables that it got, and those of the trace context.</param>
/// <param name="Input">What it read: its configuration, as JSON.</param>
/// <param name="Result">How it ended and what it printed; null when it was killed at the time limit, cancelled, or could not be started.</param>
/// <param name="Elapsed">From its start to its end.</param>
public sealed record PluginCall(
    string Type,
    string Path,
    IReadOnlyDictionary<string, string> Variables,
    ReadOnlyMemory<byte> Input,
    ChildResult? Result,
    TimeSpan Elapsed);
