using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>
/// A chain that every container with the same rules goes through: its name is a hash of them, so it is made whole, is never changed, and goes with the last
/// element that leads to it. Chains beside it (<c>NAME-log</c>) and a set (<c>NAME-rates</c>) may belong to it.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Fill">Adds it to a transaction.</param>
internal sealed record SharedChain(string Name, Action<ChainWriter, SharedChain> Fill)
{
    private const int NameLength = 24;
    private const string LogSuffix = "-log";
    private const string LimitedSuffix = "-limited";
    private const string RatesSuffix = "-rates";

    internal string LogName => Name + LogSuffix;

    internal string LimitedName => Name + LimitedSuffix;

    internal string RatesName => Name + RatesSuffix;

    /// <summary>A chain of a kind, such as <c>netout</c>.</summary>
    /// <param name="kind">Its name begins so.</param>
    /// <param name="content">All that its rules depend on.</param>
    /// <param name="fill">Adds its rules.</param>
    internal static SharedChain Of(string kind, string content, Action<ChainWriter, SharedChain> fill) => new(NameHash.Cut($"{kind}-", content, NameLength), fill);

    /// <summary>Adds to a transaction what is not there yet.</summary>
    internal static void AddMissing(NftablesSocket nft, NftablesTransaction transaction, NftFamily family, string table, IReadOnlyList<SharedChain> chains)
    {
        var names = new (NftFamily, string, string)[chains.Count];
        for (var i = 0; i < names.Length; i++)
            names[i] = (family, table, chains[i].Name);
        var present = nft.FindChains(names);
        for (var i = 0; i < names.Length; i++)
        {
            if (present[i] is null)
                chains[i].Fill(new ChainWriter(transaction, family, table), chains[i]);
        }
    }

    /// <summary>Adds to a transaction the removal of chains that nothing leads to any more.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="transaction">A transaction that fails if anybody has changed anything since, for another container may want the chain by now.</param>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table.</param>
    /// <param name="kinds">The kinds that are ours.</param>
    /// <param name="wanted">The chains that elements lead to.</param>
    internal static void RemoveUnused(NftablesSocket nft, NftablesTransaction transaction, NftFamily family, string table, ReadOnlySpan<string> kinds, IReadOnlySet<string> wanted)
    {
        var stale = new List<string>();
        foreach (var chain in nft.ListChains(family, table))
        {
            if (IsOfKind(chain.Name, kinds) && !wanted.Contains(OwnerOf(chain.Name)))
                stale.Add(chain.Name);
        }

        // The rules first: chains lead to one another.
        foreach (var name in stale)
            transaction.Flush(family, table, name, Tolerated.Missing);
        foreach (var name in stale)
            transaction.DeleteChain(family, table, name, Tolerated.Missing);
        foreach (var set in nft.ListSets(family, table))
        {
            if (set.Name.EndsWith(RatesSuffix, StringComparison.Ordinal) && stale.Contains(OwnerOf(set.Name)))
                transaction.DeleteSet(family, table, set.Name, Tolerated.Missing);
        }
    }

    private static string OwnerOf(string name)
    {
        foreach (var suffix in (ReadOnlySpan<string>)[LogSuffix, LimitedSuffix, RatesSuffix])
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
                return name[..^suffix.Length];
        }

        return name;
    }

    private static bool IsOfKind(string name, ReadOnlySpan<string> kinds)
    {
        foreach (var kind in kinds)
        {
            // A kind, a hyphen, hexadecimal digits: what somebody else names alike is left alone.
            var main = OwnerOf(name);
            if (main.Length == NameLength && main.StartsWith(kind, StringComparison.Ordinal) && main[kind.Length] == '-' && main[(kind.Length + 1)..].All(char.IsAsciiHexDigitLower))
                return true;
        }

        return false;
    }
}
