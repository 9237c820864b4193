using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>What iptables-nft(8) made, seen as what it is: chains and rules of nf_tables in tables named as those of iptables.</summary>
/// <remarks>
/// iptables-nft reads back what it needs each time and keeps no state, so rules and chains can be taken out under it
/// (docs/masquerade.md). Only their making is left to it, as a rule, for it knows its own encoding.
/// </remarks>
internal static class IptablesOnNft
{
    // A program that makes a chain, its rules and the jumps to it has them numbered one after another; base chains and rules for all may come in between.
    private const int NumbersBetween = 4;
    private const int MostJumps = 32;

    /// <summary>The family of a table.</summary>
    internal static NftFamily Family(bool ipv4) => ipv4 ? NftFamily.Ip : NftFamily.Ip6;

    /// <summary>Finds the rules of one chain that jump to another one, without going through all of it if that can be avoided.</summary>
    /// <param name="nft">Where.</param>
    /// <param name="to">The chain, as it is.</param>
    /// <param name="from">The chain with the jumps, which may have a rule for each container of the host.</param>
    /// <param name="rules">All rules of <paramref name="to"/>.</param>
    /// <remarks>
    /// The kernel tells how often a chain is referred to, which is by its rules and by the jumps. Where as many jumps are found under the
    /// numbers at which they are to be expected, there are no others.
    /// </remarks>
    internal static IReadOnlyList<NftRule> FindJumps(NftablesSocket nft, NftChain to, string from, IReadOnlyList<NftRule> rules)
    {
        var jumps = to.UseCount - rules.Count;
        if (jumps <= 0)
            return [];
        var last = rules.Count > 0 ? rules.Max(rule => rule.Handle) : to.Handle;
        foreach (var (after, count) in new[] { (last, jumps), (last, jumps + NumbersBetween), (to.Handle, jumps + NumbersBetween) })
        {
            if (jumps <= MostJumps && Jumping(nft.FindRules(to.Family, to.Table, from, Numbers(after, count))) is var expected && expected.Count == jumps)
                return expected;
        }

        return Jumping(nft.ListRulesHolding(to.Family, to.Table, from, Encoding.UTF8.GetBytes(to.Name)));

        List<NftRule> Jumping(IReadOnlyList<NftRule> candidates) => [.. candidates.Where(rule => JumpTarget(rule) == to.Name)];

        static IEnumerable<ulong> Numbers(ulong after, int count)
        {
            for (var i = 1; i <= count; i++)
                yield return after + (ulong)i;
        }
    }

    /// <summary>Adds to a transaction what removes a chain, and the rules that jump to it.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="chain">The chain.</param>
    /// <param name="jumps">The rules that jump to it.</param>
    internal static void RemoveChain(NftablesTransaction transaction, NftChain chain, IEnumerable<NftRule> jumps)
    {
        RemoveRules(transaction, jumps);
        RemoveEntered(transaction, chain.Family, chain.Table, chain.Name);
    }

    /// <summary>Adds to a transaction what removes rules.</summary>
    internal static void RemoveRules(NftablesTransaction transaction, IEnumerable<NftRule> rules)
    {
        foreach (var rule in rules)
            transaction.DeleteRule(rule.Family, rule.Table, rule.Chain, rule.Handle, Tolerated.Missing);
    }

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
            RemoveEntered(transaction, family, table, chain);
        nft.Commit(transaction);
    }

    /// <summary>The chain that a rule jumps to; null when it does something else.</summary>
    internal static string? JumpTarget(NftRule rule) =>
        rule.Expressions is [.., NftImmediate { Data.Verdict: { Code: NftVerdictCode.Jump, Chain: { } chain } }] ? chain : null;

    private static void RemoveEntered(NftablesTransaction transaction, NftFamily family, string table, string chain)
    {
        transaction.Flush(family, table, chain, Tolerated.Missing);
        transaction.DeleteChain(family, table, chain, Tolerated.Missing);
    }
}
