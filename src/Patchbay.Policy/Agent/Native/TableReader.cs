using Patchbay.Netlink.Netfilter;

namespace Patchbay.Policy.Agent.Native;

/// <summary>What is in the kernel.</summary>
internal sealed class TableReader
{
    private readonly HashSet<string> _sets = [];
    private readonly List<string> _closing = [];

    private TableReader()
    {
    }

    internal TableImage Image { get; } = new();

    internal bool HasTable { get; private set; }

    internal bool HasForward { get; private set; }

    /// <summary>The rules of the base chain, everybody's.</summary>
    internal List<NftRule> Forward { get; } = [];

    /// <summary>Base chains of others that drop what nobody accepts in them: <c>ip filter FORWARD</c>. What policies allow must pass those too.</summary>
    internal IReadOnlyList<string> Closing => _closing;

    internal bool Has(NftSet set) => _sets.Contains(set.Name);

    internal static TableReader Read(NftablesSocket nft)
    {
        var reader = new TableReader();
        IReadOnlyList<NftChain> chains = nft.ListChains();
        foreach (NftChain chain in chains.Where(ClosesEverything))
            reader._closing.Add($"{AgentTable.Word(chain.Family)} {chain.Table} {chain.Name}");
        reader.HasTable = nft.ListTables(AgentTable.Family).Any(each => each.Name == AgentTable.Name);
        if (!reader.HasTable)
            return reader;
        foreach (NftChain chain in chains.Where(each => each.Family == AgentTable.Family && each.Table == AgentTable.Name))
        {
            if (chain.Name == AgentTable.Forward)
                reader.HasForward = true;
            else if (IsAgents(chain.Name))
                reader.Image.Chains[chain.Name] = new List<NftRule>();
        }

        foreach (NftRule rule in nft.ListRules(AgentTable.Family, AgentTable.Name))
        {
            if (rule.Chain == AgentTable.Forward)
                reader.Forward.Add(rule);
            else if (reader.Image.Chains.TryGetValue(rule.Chain, out IReadOnlyList<NftRule>? rules))
                ((List<NftRule>)rules).Add(rule);
        }

        bool[] exist = nft.SetsExist([.. AgentTable.Sets.Select(each => (each.Family, each.Table, each.Name))]);
        foreach ((NftSet set, _) in AgentTable.Sets.Zip(exist).Where(each => each.Second))
        {
            reader._sets.Add(set.Name);
            foreach (NftSetElement element in nft.ListElements(set))
                reader.Image.Put(set, element);
        }

        return reader;
    }

    private static bool ClosesEverything(NftChain chain) =>
        chain is { Hook: { Point: NftHookPoint.Forward, Drop: true, Type: "filter" }, Family: NftFamily.Ip or NftFamily.Inet } && (chain.Table, chain.Name) != (AgentTable.Name, AgentTable.Forward);

    private static bool IsAgents(string chain) => chain is AgentTable.Policies or AgentTable.Accepted or AgentTable.Revoked || SharedChain.IsOne(chain);
}
