using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>The chains that iptables-nft(8) made, seen as what they are: chains and rules of nf_tables in tables named <c>nat</c>.</summary>
/// <remarks>
/// iptables-nft reads the whole table back each time and keeps no state, so rules and chains can be taken out under it
/// (docs/masquerade.md). Only their making is left to it, for it knows its own encoding.
/// </remarks>
internal static class IptablesOnNft
{
    private const string Table = "nat";
    private const string Postrouting = "POSTROUTING";

    /// <summary>Tells whether a chain exists.</summary>
    internal static bool HasChain(NftablesSocket nft, bool ipv4, string chain) => nft.ChainsExist((Family(ipv4), Table, chain))[0];

    /// <summary>Removes a chain of both families and what jumps to it.</summary>
    internal static void Remove(NftablesSocket nft, string chain)
    {
        var found = nft.ChainsExist((NftFamily.Ip, Table, chain), (NftFamily.Ip6, Table, chain));
        if (found[0])
            Remove(nft, NftFamily.Ip, [chain]);
        if (found[1])
            Remove(nft, NftFamily.Ip6, [chain]);
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, bool ipv4, string network, HashSet<string> valid)
    {
        var stale = new HashSet<string>();
        var comment = Encoding.UTF8.GetBytes(MasqueradeName.IptablesCommentPrefix(network));
        foreach (var rule in nft.ListRules(Family(ipv4), Table))
        {
            if (IptablesMasquerade.IsOurs(rule.Chain) && !valid.Contains(rule.Chain) && HasComment(rule, comment))
                stale.Add(rule.Chain);
        }

        if (stale.Count > 0)
            Remove(nft, Family(ipv4), stale);
    }

    /// <summary>Tells whether an address is sent to a chain.</summary>
    internal static bool Exists(NftablesSocket nft, bool ipv4, string chain, ReadOnlySpan<byte> source)
    {
        foreach (var rule in nft.ListRules(Family(ipv4), Table, Postrouting))
        {
            if (!JumpsTo(rule, name => name == chain))
                continue;
            foreach (var expression in rule.Expressions)
            {
                if (expression is NftCompare { Operator: NftOperator.Equal } compare && compare.Value.Span.SequenceEqual(source))
                    return true;
            }
        }

        return false;
    }

    private static NftFamily Family(bool ipv4) => ipv4 ? NftFamily.Ip : NftFamily.Ip6;

    private static void Remove(NftablesSocket nft, NftFamily family, HashSet<string> chains)
    {
        var transaction = new NftablesTransaction();
        foreach (var rule in nft.ListRules(family, Table, Postrouting))
        {
            if (JumpsTo(rule, chains.Contains))
                transaction.DeleteRule(family, Table, Postrouting, rule.Handle, Tolerated.Missing);
        }

        foreach (var chain in chains)
        {
            transaction.Flush(family, Table, chain, Tolerated.Missing);
            transaction.DeleteChain(family, Table, chain, Tolerated.Missing);
        }

        nft.Commit(transaction);
    }

    private static bool JumpsTo(NftRule rule, Func<string, bool> isTarget) =>
        rule.Expressions is [.., NftImmediate { Data.Verdict: { Code: NftVerdictCode.Jump, Chain: { } chain } }] && isTarget(chain);

    // iptables-nft keeps a comment as what it is to iptables, a match: NFTA_MATCH_INFO holds the text, filled up with zeros.
    private static bool HasComment(NftRule rule, ReadOnlySpan<byte> comment)
    {
        foreach (var expression in rule.Expressions)
        {
            if (expression is NftUnknown { Kind: "match" } match && match.Data.Span.IndexOf(comment) >= 0)
                return true;
        }

        return false;
    }
}
