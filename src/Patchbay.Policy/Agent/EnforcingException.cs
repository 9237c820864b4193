namespace Patchbay.Policy.Agent;

/// <summary>Rules could not be made by other people's programs; the text tells which, and why.</summary>
internal sealed class EnforcingException(string message, Exception? inner = null) : Exception(message, inner);
