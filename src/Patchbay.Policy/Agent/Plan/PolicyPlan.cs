using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>What is to be enforced on this host, whatever by: plain data, made by <see cref="Planner"/>.</summary>
/// <param name="parts">The containers, one an address, in the order of their handles.</param>
/// <param name="problems">What could not be planned, and why.</param>
internal sealed class PolicyPlan(IReadOnlyList<ContainerPlan> parts, IReadOnlyList<string> problems)
{
    private readonly Dictionary<Ipv4, ContainerPlan> _byAddress = parts.ToDictionary(each => each.Container.Address);

    internal IReadOnlyList<ContainerPlan> Parts { get; } = parts;

    internal IReadOnlyList<string> Problems { get; } = problems;

    /// <summary>How many permissions there are.</summary>
    internal int Permissions { get; } = parts.Sum(each => each.Allowed.Count);

    internal IEnumerable<LocalContainer> Containers => Parts.Select(each => each.Container);

    /// <summary>The mark that packets from a container get.</summary>
    internal IEnumerable<(Ipv4 Address, ushort Tag)> SourceTags => Parts.Where(each => each.Tag is not null).Select(each => (each.Container.Address, each.Tag!.Value));

    /// <summary>All permissions.</summary>
    internal IEnumerable<(AllowedPorts Ports, AppPair Apps)> Allowed => Parts.SelectMany(each => each.Allowed);

    /// <summary>What is planned for the container at an address; null for none.</summary>
    internal ContainerPlan? At(Ipv4 address) => _byAddress.GetValueOrDefault(address);
}

/// <summary>Whose permission something is.</summary>
/// <param name="Source">Who may connect.</param>
/// <param name="Destination">To whom.</param>
internal readonly record struct AppPair(string Source, string Destination);
