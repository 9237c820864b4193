using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>What is to be enforced for one container, and what it follows from. It never changes: where nothing changes for a container, the next plan has the same object.</summary>
internal sealed class ContainerPlan
{
    internal required LocalContainer Container { get; init; }

    /// <summary>The mark that its packets get; null for none.</summary>
    internal ushort? Tag { get; init; }

    /// <summary>What may go to it, no two of which overlap, with the apps that the permission is for.</summary>
    internal IReadOnlyList<(AllowedPorts Ports, AppPair Apps)> Allowed { get; init; } = [];

    /// <summary>What its security groups let out; null when they are not the agent's business, or not known.</summary>
    internal IReadOnlyList<EgressRule>? Groups { get; init; }

    /// <summary>The policies towards its app.</summary>
    internal IReadOnlyList<AppPolicy> Policies { get; init; } = [];

    internal ushort? RouterTag { get; init; }
}
