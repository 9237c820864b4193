using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>What became of policies since a state: the server tells of each that changed how it is now.</summary>
/// <param name="LastUpdated">The number of the state after the changes.</param>
/// <param name="Added">Policies that there are.</param>
/// <param name="Removed">Policies that there are no longer.</param>
internal sealed record PolicyChanges(long LastUpdated, IReadOnlyList<AppPolicy> Added, IReadOnlyList<AppPolicy> Removed);
