using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>What is to be enforced on this host, whatever by: plain data, made by <see cref="Planner"/>.</summary>
internal sealed record PolicyPlan
{
    /// <summary>The containers, one an address, in the order of their handles.</summary>
    internal IReadOnlyList<LocalContainer> Containers { get; init; } = [];

    /// <summary>The mark that packets from a container get.</summary>
    internal IReadOnlyDictionary<Ipv4, uint> SourceTags { get; init; } = new Dictionary<Ipv4, uint>();

    /// <summary>What may go to containers, no two of which overlap, with the apps that the permission is for.</summary>
    internal IReadOnlyDictionary<AllowedPorts, AppPair> Allowed { get; init; } = new Dictionary<AllowedPorts, AppPair>();

    /// <summary>The security groups of those containers whose groups the agent knows.</summary>
    internal IReadOnlyDictionary<Ipv4, IReadOnlyList<EgressRule>> Groups { get; init; } = new Dictionary<Ipv4, IReadOnlyList<EgressRule>>();

    /// <summary>What could not be planned, and why.</summary>
    internal IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>The container at an address; null for none.</summary>
    internal LocalContainer? At(Ipv4 address) => Containers.FirstOrDefault(each => each.Address == address);
}

/// <summary>Whose permission something is.</summary>
/// <param name="Source">Who may connect.</param>
/// <param name="Destination">To whom.</param>
internal readonly record struct AppPair(string Source, string Destination);
