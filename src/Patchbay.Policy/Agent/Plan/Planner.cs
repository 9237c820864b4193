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
    internal static PolicyPlan Plan(IReadOnlyList<LocalContainer> containers, IReadOnlyList<AppPolicy> policies, ushort? routerTag, IReadOnlyList<SecurityGroupRules>? groups)
    {
        var problems = new List<string>();
        var tags = new Dictionary<string, ushort>();
        var towards = new Dictionary<string, List<AppPolicy>>();
        HashSet<string> local = [.. containers.Select(each => each.App)];
        foreach (AppPolicy policy in policies)
        {
            if (!tags.TryAdd(policy.Source, policy.Tag) && tags[policy.Source] != policy.Tag)
                problems.Add($"app \"{policy.Source}\" has the tags {tags[policy.Source]} and {policy.Tag}: its packets get the first");
            if (!local.Contains(policy.Destination))
                continue;
            if (!towards.TryGetValue(policy.Destination, out List<AppPolicy>? list))
                towards[policy.Destination] = list = [];
            list.Add(policy);
        }

        var kept = new List<LocalContainer>();
        var sources = new Dictionary<Ipv4, uint>();
        var allowed = new Dictionary<AllowedPorts, AppPair>();
        var egress = new Dictionary<Ipv4, IReadOnlyList<EgressRule>>();
        var effective = new Dictionary<(string Space, bool IsStaging), IReadOnlyList<EgressRule>>();
        foreach (LocalContainer container in OneAnAddress(containers, problems))
        {
            kept.Add(container);
            if (tags.TryGetValue(container.App, out ushort tag))
                sources[container.Address] = tag;
            Allow(container, towards.GetValueOrDefault(container.App) ?? [], routerTag, allowed);
            if (groups is null || container.Space.Length == 0)
                continue;
            if (!effective.TryGetValue((container.Space, container.IsStaging), out IReadOnlyList<EgressRule>? rules))
                effective[(container.Space, container.IsStaging)] = rules = SecurityGroupRules.For(groups, container.Space, container.IsStaging);
            egress[container.Address] = rules;
        }

        return new PolicyPlan { Containers = kept, SourceTags = sources, Allowed = allowed, Groups = egress, Problems = problems };
    }

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

    private static void Allow(LocalContainer container, List<AppPolicy> policies, ushort? routerTag, Dictionary<AllowedPorts, AppPair> allowed)
    {
        var ranges = new Dictionary<(ushort Tag, byte Protocol), (string Source, List<(ushort, ushort)> Ports)>();
        foreach (AppPolicy policy in policies)
            Add(policy.Source, policy.Tag, policy.Protocol, policy.FirstPort, policy.LastPort);
        if (routerTag is { } router)
        {
            foreach (ushort port in container.Ports)
                Add(Router, router, AppPolicy.Tcp, port, port);
        }

        foreach (((ushort tag, byte protocol), (string source, List<(ushort, ushort)> ports)) in ranges)
        {
            foreach ((ushort first, ushort last) in PortRanges.Disjoint(ports))
                allowed[new AllowedPorts(tag, container.Address, protocol, first, last)] = new AppPair(source, container.App);
        }

        void Add(string source, ushort tag, byte protocol, ushort first, ushort last)
        {
            if (!ranges.TryGetValue((tag, protocol), out (string, List<(ushort, ushort)> Ports) there))
                ranges[(tag, protocol)] = there = (source, []);
            there.Ports.Add((first, last));
        }
    }
}
