namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>What a client says of itself in every message, and what it asks for.</summary>
internal sealed record ClientSettings
{
    /// <summary>Option 61.</summary>
    internal required byte[] ClientId { get; init; }

    /// <summary>Further options to send.</summary>
    internal IReadOnlyList<(byte Code, byte[] Value)> Provide { get; init; } = [];

    /// <summary>Option 55: the options wanted, in order of preference.</summary>
    internal byte[] Request { get; init; } = [];

    /// <summary>Metric of the routes in the result; 0 for none.</summary>
    internal int Priority { get; init; }

    /// <summary>True when option 26 may lower the MTU of the interface: the configuration says nothing of it.</summary>
    internal bool TakesMtu { get; init; }
}
