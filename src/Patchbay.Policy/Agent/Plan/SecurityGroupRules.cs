namespace Patchbay.Policy.Agent.Plan;

/// <summary>A security group with its rules understood.</summary>
/// <param name="Guid">Its GUID.</param>
/// <param name="Rules">Its rules, in their order.</param>
internal sealed record SecurityGroupRules(string Guid, IReadOnlyList<EgressRule> Rules)
{
    /// <summary>Whether it holds in every space: for staging, for running.</summary>
    internal bool StagingDefault { get; init; }

    internal bool RunningDefault { get; init; }

    /// <summary>The spaces that it holds for.</summary>
    internal IReadOnlyList<string> StagingSpaces { get; init; } = [];

    internal IReadOnlyList<string> RunningSpaces { get; init; } = [];

    /// <summary>The rules that hold for containers of a space, each once, in an order that does not depend on the server's.</summary>
    internal static IReadOnlyList<EgressRule> For(IReadOnlyList<SecurityGroupRules> groups, string space, bool isStaging)
    {
        var rules = new List<EgressRule>();
        var seen = new HashSet<EgressRule>();
        foreach (SecurityGroupRules group in groups.OrderBy(each => each.Guid, StringComparer.Ordinal))
        {
            bool holds = isStaging ? group.StagingDefault || group.StagingSpaces.Contains(space) : group.RunningDefault || group.RunningSpaces.Contains(space);
            if (!holds)
                continue;
            foreach (EgressRule rule in group.Rules)
            {
                if (seen.Add(rule))
                    rules.Add(rule);
            }
        }

        // What is logged is found first, so that a rule without a log does not hide one with it.
        return [.. rules.Where(each => each.Log), .. rules.Where(each => !each.Log)];
    }
}
