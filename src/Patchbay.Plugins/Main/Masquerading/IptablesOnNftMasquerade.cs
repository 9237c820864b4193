using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>The masquerading chains that iptables-nft(8) made, found and removed without it.</summary>
internal static class IptablesOnNftMasquerade
{
    private const string Table = "nat";
    private const string Postrouting = "POSTROUTING";

    /// <summary>Tells whether an interface may have a chain.</summary>
    internal static bool HasChain(NftablesSocket nft, bool ipv4, MasqueradeName name) => FindChains(nft, name, IptablesOnNft.Family(ipv4)).Any();

    /// <summary>Removes what an interface has in both families.</summary>
    internal static void Remove(NftablesSocket nft, MasqueradeName name, IReadOnlySet<IPAddress> addresses)
    {
        var transaction = new NftablesTransaction();
        if (Removal(nft, transaction, name, addresses))
            nft.Commit(transaction);
        else
            GuardedCommit.Repeat(nft, generation =>
            {
                var guarded = new NftablesTransaction(generation);
                Removal(nft, guarded, name, addresses);
                return guarded;
            });
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, bool ipv4, string network, ValidChains valid)
    {
        var family = IptablesOnNft.Family(ipv4);
        var stale = new HashSet<string>();
        var comment = MasqueradeName.IptablesCommentPrefix(network);
        foreach (var chain in nft.ListRules(family, Table).GroupBy(rule => rule.Chain))
        {
            if (!IptablesMasquerade.IsOurs(chain.Key))
                continue;
            List<NftRule> rules = [.. chain];
            if (!valid.Keeps(chain.Key, ChainOwner.Of(rules)) && rules.Exists(rule => IptablesRule.Read(rule).Comment.StartsWith(comment, StringComparison.Ordinal)))
                stale.Add(chain.Key);
        }

        if (stale.Count > 0)
            IptablesOnNft.RemoveChains(nft, family, Table, Postrouting, stale);
    }

    /// <summary>Tells whether an address is sent to a chain of an interface.</summary>
    internal static bool Exists(NftablesSocket nft, bool ipv4, MasqueradeName name, ReadOnlySpan<byte> source)
    {
        foreach (var chain in FindChains(nft, name, IptablesOnNft.Family(ipv4)))
        {
            foreach (var rule in IptablesOnNft.FindJumps(nft, chain, Postrouting, nft.ListRules(chain.Family, Table, chain.Name)))
            {
                foreach (var expression in rule.Expressions)
                {
                    if (expression is NftCompare { Operator: NftOperator.Equal } compare && compare.Value.Span.SequenceEqual(source))
                        return true;
                }
            }
        }

        return false;
    }

    private static IEnumerable<NftChain> FindChains(NftablesSocket nft, MasqueradeName name, params IEnumerable<NftFamily> families) =>
        nft.FindChains([.. families.SelectMany(family => new[] { (family, Table, name.Chain), (family, Table, name.FurtherChain) })]).OfType<NftChain>();

    // False when a chain must stay for another interface, so that what was read must still hold when it is acted on: of two such removals at
    // a time, neither would see itself as the last.
    private static bool Removal(NftablesSocket nft, NftablesTransaction transaction, MasqueradeName name, IReadOnlySet<IPAddress> addresses)
    {
        var whole = true;
        List<NftChain> chains = [.. FindChains(nft, name, NftFamily.Ip, NftFamily.Ip6)];
        foreach (var chain in chains)
        {
            var rules = nft.ListRules(chain.Family, Table, chain.Name);
            var owner = ChainOwner.Of(rules);
            var hasFurther = chains.Exists(each => each.Family == chain.Family && each.Name == name.FurtherChain);
            if (owner is null ? hasFurther && chain.Name == name.Chain : owner != name.IfName)
                continue;
            var jumps = IptablesOnNft.FindJumps(nft, chain, Postrouting, rules);
            List<NftRule> gone = owner is null ? [.. jumps.Where(jump => !ChainOwner.IsOthers(addresses, IptablesRule.Read(jump).Source))] : [.. jumps];
            if (gone.Count == jumps.Count)
            {
                IptablesOnNft.RemoveChain(transaction, chain, jumps);
                continue;
            }

            IptablesOnNft.RemoveRules(transaction, gone);
            whole &= gone.Count == 0;
        }

        return whole;
    }
}
