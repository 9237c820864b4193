namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>The system bus is not there, does not answer, or answers with an error.</summary>
internal sealed class BusException(string message) : Exception(message)
{
    /// <summary>True when nobody listens at the bus's address: no bus, so nobody on it.</summary>
    internal bool IsAbsent { get; init; }

    /// <summary>True when there was no answer in time.</summary>
    internal bool IsTimeout { get; init; }

    /// <summary>The name of the error in an answer, such as <c>org.freedesktop.DBus.Error.ServiceUnknown</c>; null when the failure was ours.</summary>
    internal string? ErrorName { get; init; }
}
