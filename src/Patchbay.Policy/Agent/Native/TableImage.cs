using System.Net;
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

    /// <summary>The rules that the base chain needs; in an image of how it is to be.</summary>
    internal IReadOnlyList<NftRule> Forward { get; private set; } = AgentTable.ForwardRules;

    /// <summary>What a plan comes to.</summary>
    internal static TableImage Of(PolicyPlan plan, AgentOptions options) => Of(plan.Parts.Select(each => ContainerImage.Of(each, options)), options);

    internal static TableImage Of(IEnumerable<ContainerImage> containers, AgentOptions options)
    {
        TableImage image = WithRules(options);
        foreach (ContainerImage each in containers)
            image.Add(each);
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
            image.Add(ContainerImage.Isolated(container, options));
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

    internal void Add(ContainerImage container)
    {
        foreach ((NftSet set, NftSetElement element) in container.Elements)
            Put(set, element);
        AddChains(container);
    }

    /// <summary>Adds the chains of a container, and not its elements.</summary>
    internal void AddChains(ContainerImage container)
    {
        foreach ((string name, IReadOnlyList<NftRule> rules) in container.Chains)
            Chains.TryAdd(name, rules);
    }

    internal void Put(NftSet set, NftSetElement element) => Elements[set.Name][new ElementKey(element)] = element;

    /// <summary>What is there without containers.</summary>
    internal static TableImage WithRules(AgentOptions options)
    {
        var image = new TableImage();
        var policies = new List<NftRuleBuilder>();
        if (options.Unrestricted is { } overlay)
            policies.Add(Within(overlay));
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
        if (options.CutRevoked)
        {
            image.Forward = [AgentTable.RevokedRule, .. AgentTable.ForwardRules];
            image.Chains[AgentTable.Revoked] = SharedChain.Rules(AgentTable.Revoked,
            [
                AgentTable.New().Transport(AppPolicy.Tcp).Add(new NftReject(NftRejectType.TcpReset)), // so that both ends know at once
                AgentTable.New().Add(new NftReject(NftRejectType.Icmp, Code: 3)),
            ]);
        }

        return image;
    }

    /// <summary>The rule that lets everything within a network pass.</summary>
    internal static NftRule Unrestricted(IPNetwork network) => SharedChain.Rules(AgentTable.Policies, [Within(network)])[0];

    private static NftRuleBuilder Within(IPNetwork network) =>
        AgentTable.New().Source(network.BaseAddress, network.PrefixLength).Destination(network.BaseAddress, network.PrefixLength).Accept();

    private static NftRuleBuilder Lookup(NftSet set) => (set.Interval ? LoadMark().Add(new NftByteOrder(ToNetwork: true, Length: 4, Size: 4)) : LoadMark())
        .LoadAddress(source: false, ipv4: true, NftRegister.W1).Add(new NftMeta(NftMetaKey.TransportProtocol, NftRegister.W2)).LoadDestinationPort(NftRegister.W3)
        .Add(new NftLookup(new NftSetReference(set.Name))).Goto(AgentTable.Accepted);

    private static NftRuleBuilder LoadMark() => AgentTable.New().Add(new NftMeta(NftMetaKey.Mark));

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
