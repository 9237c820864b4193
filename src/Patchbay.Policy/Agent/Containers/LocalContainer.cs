namespace Patchbay.Policy.Agent.Containers;

/// <summary>A container of this host, as the datastore tells of it.</summary>
/// <param name="Handle">Its id, which is Garden's handle.</param>
/// <param name="Address">Its IPv4 address.</param>
internal sealed record LocalContainer(string Handle, Ipv4 Address)
{
    /// <summary>The app whose policies hold for it; empty when the datastore does not say.</summary>
    internal string App { get; init; } = "";

    /// <summary>The space whose security groups hold for it; empty when the datastore does not say.</summary>
    internal string Space { get; init; } = "";

    /// <summary>Whether it builds an app instead of running it.</summary>
    internal bool IsStaging { get; init; }

    /// <summary>The ports that it may be reached at from a router.</summary>
    internal IReadOnlyList<ushort> Ports { get; init; } = [];

    /// <summary>Whether everything is the same, the list of ports by what is in it.</summary>
    internal bool IsSame(LocalContainer other) => ReferenceEquals(this, other) || (this with { Ports = other.Ports } == other && Ports.SequenceEqual(other.Ports));
}
