using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>A state of the agent's part of the table: how it is, or how it is to be.</summary>
internal sealed class TableImage
{
    /// <summary>The elements, by the set's name.</summary>
    internal Dictionary<string, Dictionary<ElementKey, NftSetElement>> Elements { get; } = AgentTable.Sets.ToDictionary(each => each.Name, _ => new Dictionary<ElementKey, NftSetElement>());

    /// <summary>The rules of the agent's chains, by the chain's name.</summary>
    internal Dictionary<string, IReadOnlyList<NftRule>> Chains { get; } = [];

    /// <summary>What a plan comes to.</summary>
    internal static TableImage Of(PolicyPlan plan, AgentOptions options)
    {
        TableImage image = WithRules(options);
        foreach (LocalContainer container in plan.Containers)
        {
            image.Isolate(container, options);
            if (options.LogContainers && container.App.Length > 0)
                image.Put(AgentTable.AcceptedLogs, container.Address, NftVerdict.Jump(SharedChain.AddLogged(image.Chains, container.App, options.AcceptedUdpLogsPerSecond)), null);
            if (plan.SourceTags.TryGetValue(container.Address, out uint tag))
                image.Put(AgentTable.SourceTags, new NftSetElement(AgentTable.Key(container.Address)) { Data = new NftData(NftKey.Number(tag)), Comment = AgentTable.Comment(container.Handle) });
            if (plan.Groups.TryGetValue(container.Address, out IReadOnlyList<EgressRule>? rules) && rules.Count > 0)
            {
                string chain = SharedChain.AddGroups(image.Chains, rules, options.LogGroups, container.Handle, options.AcceptedUdpLogsPerSecond);
                image.Put(AgentTable.SecurityGroups, container.Address, NftVerdict.Jump(chain), AgentTable.Comment(container.Handle));
            }
        }

        foreach ((AllowedPorts allowed, AppPair apps) in plan.Allowed)
            image.Put(allowed.First == allowed.Last ? AgentTable.Allowed : AgentTable.AllowedRanges, AgentTable.Element(allowed, apps));
        return image;
    }

    /// <summary>
    /// While policies are not known yet: what is there stays for containers that still are, and every container is isolated. What was for a container that is
    /// gone goes, for another one may have its address.
    /// </summary>
    internal static TableImage Keeping(TableImage present, IReadOnlyList<LocalContainer> containers, AgentOptions options)
    {
        TableImage image = WithRules(options);
        var same = new HashSet<Ipv4>();
        foreach (LocalContainer container in containers.DistinctBy(each => each.Address))
        {
            if (present.Find(AgentTable.Isolated, container.Address)?.Comment == AgentTable.Comment(container.Handle))
                same.Add(container.Address);
            image.Isolate(container, options);
        }

        foreach (NftSet set in AgentTable.Sets)
        {
            if (set == AgentTable.Isolated)
                continue;
            bool byPort = set == AgentTable.Allowed || set == AgentTable.AllowedRanges;
            foreach (NftSetElement element in present.Elements[set.Name].Values)
            {
                if (!same.Contains(byPort ? AgentTable.ToAllowed(element).Address : AgentTable.ToAddress(element)))
                    continue;
                image.Put(set, element);
                if (element.Data.Verdict?.Chain is { } chain)
                    image.Take(present, chain);
            }
        }

        return image;
    }

    internal NftSetElement? Find(NftSet set, Ipv4 address) => Elements[set.Name].GetValueOrDefault(new ElementKey(new NftSetElement(AgentTable.Key(address))));

    internal void Put(NftSet set, NftSetElement element) => Elements[set.Name][new ElementKey(element)] = element;

    private static TableImage WithRules(AgentOptions options)
    {
        var image = new TableImage();
        var policies = new List<NftRuleBuilder>();
        if (options.Unrestricted is { } overlay)
            policies.Add(AgentTable.New().Source(overlay.BaseAddress, overlay.PrefixLength).Destination(overlay.BaseAddress, overlay.PrefixLength).Accept());
        policies.Add(Lookup(AgentTable.Allowed));
        policies.Add(Lookup(AgentTable.AllowedRanges));
        image.Chains[AgentTable.Policies] = SharedChain.Rules(AgentTable.Policies, policies);

        var accepted = new List<NftRuleBuilder>();
        if (options.CutRevoked) // the mark tells later whose connection it is
            accepted.Add(AgentTable.New().Add(new NftMeta(NftMetaKey.Mark)).Add(new NftConnection(NftConnectionKey.Mark, Set: true)));
        if (options.LogContainers)
            accepted.Add(AgentTable.New().LoadAddress(source: false, ipv4: true).VerdictFrom(new NftSetReference(AgentTable.AcceptedLogs.Name)));
        accepted.Add(AgentTable.New().Accept());
        image.Chains[AgentTable.Accepted] = SharedChain.Rules(AgentTable.Accepted, accepted);
        return image;
    }

    private static NftRuleBuilder Lookup(NftSet set) => (set.Interval ? LoadMark().Add(new NftByteOrder(ToNetwork: true, Length: 4, Size: 4)) : LoadMark())
        .LoadAddress(source: false, ipv4: true, NftRegister.W1).Add(new NftMeta(NftMetaKey.TransportProtocol, NftRegister.W2)).LoadDestinationPort(NftRegister.W3)
        .Add(new NftLookup(new NftSetReference(set.Name))).Goto(AgentTable.Accepted);

    private static NftRuleBuilder LoadMark() => AgentTable.New().Add(new NftMeta(NftMetaKey.Mark));

    private void Isolate(LocalContainer container, AgentOptions options)
    {
        string chain = SharedChain.AddDenied(Chains, options.IngressMark, options.LogContainers ? container.Handle : null, options.DeniedLogsPerSecond);
        Put(AgentTable.Isolated, container.Address, NftVerdict.Goto(chain), AgentTable.Comment(container.Handle));
    }

    private void Put(NftSet map, Ipv4 address, NftVerdict verdict, string? comment) =>
        Put(map, new NftSetElement(AgentTable.Key(address)) { Data = new NftData(verdict), Comment = comment });

    // A chain, and those that its rules go on to.
    private void Take(TableImage from, string chain)
    {
        if (!from.Chains.TryGetValue(chain, out IReadOnlyList<NftRule>? rules) || !Chains.TryAdd(chain, rules))
            return;
        foreach (NftExpression expression in rules.SelectMany(each => each.Expressions))
        {
            if (expression is NftImmediate { Data.Verdict.Chain: { } next })
                Take(from, next);
        }
    }
}
