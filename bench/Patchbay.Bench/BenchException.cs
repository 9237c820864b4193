namespace Patchbay.Bench;

/// <summary>The bench cannot go on; the message names the thing, the value and the way out.</summary>
internal sealed class BenchException(string message) : Exception(message);
