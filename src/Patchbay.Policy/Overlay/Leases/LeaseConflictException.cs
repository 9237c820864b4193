namespace Patchbay.Policy.Overlay.Leases;

/// <summary>A lease cannot be had or kept, however often it is asked for.</summary>
internal sealed class LeaseConflictException(string message, Exception? inner = null) : Exception(message, inner);
