namespace Patchbay.Plugins.Tools.Garden;

/// <summary>What Garden's log tells of a failed action: one line, without a code.</summary>
internal sealed class NetworkerException(string message, Exception? inner = null) : Exception(message, inner);
