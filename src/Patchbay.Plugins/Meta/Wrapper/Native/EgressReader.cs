using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>Reads back from the kernel what <see cref="EgressChains.AddRules"/> wrote: the maps are the only place that knows what a container may reach.</summary>
internal static class EgressReader
{
    /// <summary>The rules of a chain, as disjoint as they stand in its maps.</summary>
    internal static List<EgressRule> Read(NftablesSocket nft, string table, string chain)
    {
        var rules = new List<EgressRule>();
        var sets = nft.ListSets(NftFamily.Ip, table);
        foreach (var rule in nft.ListRules(NftFamily.Ip, table, chain))
        {
            if (rule.Expressions is not [.., NftLookup { Destination: NftRegister.Verdict, Set.Name: var name }] || sets.FirstOrDefault(set => set.Name == name) is not { Anonymous: true } map)
                continue;
            foreach (var element in nft.ListElements(map))
                rules.Add(Rule(element, map.KeyType));
        }

        return rules;
    }

    private static EgressRule Rule(NftSetElement element, NftDataType key)
    {
        var first = element.Key.Span;
        var last = element.LastKey.IsEmpty ? first : element.LastKey.Span;
        var (from, to) = (EgressRule.ToNumber(new IPAddress(first[..4])), EgressRule.ToNumber(new IPAddress(last[..4])));
        if (key.Parts.Count == 0)
            return new EgressRule(from, to, 0, 0, 0, Log: false);
        if (key.Parts[1].Number == NftDataType.InetProtocol.Number)
            return new EgressRule(from, to, first[4], Port(first[8], first[9]), Port(last[8], last[9]), Log: false);
        return new EgressRule(from, to, EgressRule.Icmp, Port(first[4], first[8]), Port(last[4], last[8]), Log: false);
    }

    private static ushort Port(byte high, byte low) => (ushort)((high << 8) | low);
}
