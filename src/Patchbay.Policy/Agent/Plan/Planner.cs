using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>From containers, policies and security groups to what is to be enforced. Asks nobody and changes nothing.</summary>
internal static class Planner
{
    /// <summary>The id under which the router has a tag.</summary>
    internal const string Router = "INGRESS_ROUTER";

    /// <param name="containers">The containers of this host.</param>
    /// <param name="policies">The policies that name apps of this host; those of others do no harm.</param>
    /// <param name="routerTag">The tag of packets from the router, which may go to the ports that containers name; null for none.</param>
    /// <param name="groups">The security groups; null when they are not the agent's business, or not known.</param>
    /// <param name="before">The plan of before, whose parts are taken where nothing changed.</param>
    internal static PolicyPlan Plan(
        IReadOnlyList<LocalContainer> containers, PolicySet policies, ushort? routerTag, IReadOnlyList<SecurityGroupRules>? groups, PolicyPlan? before = null)
    {
        List<string> problems = [.. policies.Problems];
        var parts = new List<ContainerPlan>();
        var effective = new Dictionary<(string Space, bool IsStaging), IReadOnlyList<EgressRule>>();
        foreach (LocalContainer container in OneAnAddress(containers, problems))
        {
            IReadOnlyList<EgressRule>? rules = null;
            if (groups is not null && container.Space.Length > 0 && !effective.TryGetValue((container.Space, container.IsStaging), out rules))
                effective[(container.Space, container.IsStaging)] = rules = SecurityGroupRules.For(groups, container.Space, container.IsStaging);
            ushort? tag = policies.TagOf(container.App);
            AppPolicy[] towards = policies.Towards(container.App);
            parts.Add(before?.At(container.Address) is { } same && IsSame(same, container, tag, towards, routerTag, rules) ? same : new ContainerPlan
            {
                Container = container,
                Tag = tag,
                Policies = towards,
                RouterTag = routerTag,
                Groups = rules,
                Allowed = Allowed(container, towards, routerTag),
            });
        }

        return new PolicyPlan(parts, problems);
    }

    private static bool IsSame(ContainerPlan before, LocalContainer container, ushort? tag, AppPolicy[] towards, ushort? routerTag, IReadOnlyList<EgressRule>? rules) =>
        before.Tag == tag && before.RouterTag == routerTag && before.Container.IsSame(container)
        && (ReferenceEquals(before.Policies, towards) || (before.Policies.Count == 0 && towards.Length == 0))
        && (ReferenceEquals(before.Groups, rules) || (before.Groups is not null && rules is not null && before.Groups.SequenceEqual(rules)));

    // Of several containers that claim an address it is not known which one has it, so it may do only what each of them may.
    private static IEnumerable<LocalContainer> OneAnAddress(IReadOnlyList<LocalContainer> containers, List<string> problems)
    {
        foreach (IGrouping<Ipv4, LocalContainer> claims in containers.GroupBy(each => each.Address))
        {
            LocalContainer first = claims.First();
            if (claims.All(each => each.App == first.App && each.Space == first.Space && each.IsStaging == first.IsStaging))
            {
                yield return first;
                continue;
            }

            problems.Add($"address {first.Address} is claimed by containers {string.Join(", ", claims.Select(each => $"\"{each.Handle}\""))} of several apps or spaces: no policy is for it until one is left");
            yield return new LocalContainer(first.Handle, first.Address);
        }
    }

    private static List<(AllowedPorts, AppPair)> Allowed(LocalContainer container, AppPolicy[] policies, ushort? routerTag)
    {
        var ranges = new Dictionary<(ushort Tag, byte Protocol), (string Source, List<(ushort, ushort)> Ports)>();
        foreach (AppPolicy policy in policies)
            Add(policy.Source, policy.Tag, policy.Protocol, policy.FirstPort, policy.LastPort);
        if (routerTag is { } router)
        {
            foreach (ushort port in container.Ports)
                Add(Router, router, AppPolicy.Tcp, port, port);
        }

        var allowed = new List<(AllowedPorts, AppPair)>(policies.Length);
        foreach (((ushort tag, byte protocol), (string source, List<(ushort, ushort)> ports)) in ranges)
        {
            foreach ((ushort first, ushort last) in PortRanges.Disjoint(ports))
                allowed.Add((new AllowedPorts(tag, container.Address, protocol, first, last), new AppPair(source, container.App)));
        }

        return allowed;

        void Add(string source, ushort tag, byte protocol, ushort first, ushort last)
        {
            if (!ranges.TryGetValue((tag, protocol), out (string, List<(ushort, ushort)> Ports) there))
                ranges[(tag, protocol)] = there = (source, []);
            there.Ports.Add((first, last));
        }
    }
}
