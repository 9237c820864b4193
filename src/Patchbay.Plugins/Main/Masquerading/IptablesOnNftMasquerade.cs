using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>The masquerading chains that iptables-nft(8) made, found and removed without it.</summary>
internal static class IptablesOnNftMasquerade
{
    private const string Table = "nat";
    private const string Postrouting = "POSTROUTING";

    /// <summary>Tells whether a chain exists.</summary>
    internal static bool HasChain(NftablesSocket nft, bool ipv4, string chain) => nft.FindChains((IptablesOnNft.Family(ipv4), Table, chain))[0] is not null;

    /// <summary>Removes a chain of both families and what jumps to it.</summary>
    internal static void Remove(NftablesSocket nft, string chain)
    {
        var transaction = new NftablesTransaction();
        foreach (var found in nft.FindChains((NftFamily.Ip, Table, chain), (NftFamily.Ip6, Table, chain)))
        {
            if (found is not null)
                IptablesOnNft.RemoveChain(nft, transaction, found, Postrouting, nft.ListRules(found.Family, Table, chain));
        }

        nft.Commit(transaction);
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, bool ipv4, string network, HashSet<string> valid)
    {
        var family = IptablesOnNft.Family(ipv4);
        var stale = new HashSet<string>();
        var comment = MasqueradeName.IptablesCommentPrefix(network);
        foreach (var rule in nft.ListRules(family, Table))
        {
            if (IptablesMasquerade.IsOurs(rule.Chain) && !valid.Contains(rule.Chain) && IptablesRule.Read(rule).Comment.StartsWith(comment, StringComparison.Ordinal))
                stale.Add(rule.Chain);
        }

        if (stale.Count > 0)
            IptablesOnNft.RemoveChains(nft, family, Table, Postrouting, stale);
    }

    /// <summary>Tells whether an address is sent to a chain.</summary>
    internal static bool Exists(NftablesSocket nft, bool ipv4, string chain, ReadOnlySpan<byte> source)
    {
        if (nft.FindChains((IptablesOnNft.Family(ipv4), Table, chain))[0] is not { } found)
            return false;
        foreach (var rule in IptablesOnNft.FindJumps(nft, found, Postrouting, nft.ListRules(found.Family, Table, chain)))
        {
            foreach (var expression in rule.Expressions)
            {
                if (expression is NftCompare { Operator: NftOperator.Equal } compare && compare.Value.Span.SequenceEqual(source))
                    return true;
            }
        }

        return false;
    }
}
