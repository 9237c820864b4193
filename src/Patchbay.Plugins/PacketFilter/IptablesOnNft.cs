using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>What iptables-nft(8) made, seen as what it is: chains and rules of nf_tables in tables named as those of iptables.</summary>
/// <remarks>
/// iptables-nft reads the whole table back each time and keeps no state, so rules and chains can be taken out under it
/// (docs/masquerade.md). Only their making is left to it, for it knows its own encoding.
/// </remarks>
internal static class IptablesOnNft
{
    /// <summary>The family of a table.</summary>
    internal static NftFamily Family(bool ipv4) => ipv4 ? NftFamily.Ip : NftFamily.Ip6;

    /// <summary>Removes chains, and the rules of one other chain that jump to them.</summary>
    internal static void RemoveChains(NftablesSocket nft, NftFamily family, string table, string enteredFrom, IReadOnlySet<string> chains)
    {
        var transaction = new NftablesTransaction();
        foreach (var rule in nft.ListRules(family, table, enteredFrom))
        {
            if (JumpTarget(rule) is { } target && chains.Contains(target))
                transaction.DeleteRule(family, table, enteredFrom, rule.Handle, Tolerated.Missing);
        }

        foreach (var chain in chains)
        {
            transaction.Flush(family, table, chain, Tolerated.Missing);
            transaction.DeleteChain(family, table, chain, Tolerated.Missing);
        }

        nft.Commit(transaction);
    }

    /// <summary>The chain that a rule jumps to; null when it does something else.</summary>
    internal static string? JumpTarget(NftRule rule) =>
        rule.Expressions is [.., NftImmediate { Data.Verdict: { Code: NftVerdictCode.Jump, Chain: { } chain } }] ? chain : null;

    /// <summary>Tells whether the comment of a rule contains a text.</summary>
    /// <remarks>iptables-nft keeps a comment as what it is to iptables, a match: NFTA_MATCH_INFO holds the text, filled up with zeros.</remarks>
    internal static bool HasComment(NftRule rule, ReadOnlySpan<byte> text)
    {
        foreach (var expression in rule.Expressions)
        {
            if (expression is NftUnknown { Kind: "match" } match && match.Data.Span.IndexOf(text) >= 0)
                return true;
        }

        return false;
    }
}
