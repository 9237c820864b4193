namespace Patchbay.Lab.Ovs;

/// <summary>Open vSwitch does not answer, or refuses.</summary>
internal sealed class OvsdbException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The database's word for why it refused (RFC 7047, section 3.1 and others): <c>constraint violation</c>; null where it did not.</summary>
    public string? Code { get; init; }
}
