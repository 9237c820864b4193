using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The chains of port mappings that iptables-nft(8) made, found, read and removed without it.</summary>
internal static class IptablesOnNftHostPorts
{
    internal const string Postrouting = "POSTROUTING";
    private const string Table = IptablesHostPorts.Table;

    /// <summary>What iptables-save(8) would say of what an interface may have and of what all share.</summary>
    internal static string[] Lines(NftablesSocket nft, bool ipv4, PortOwner owner)
    {
        var family = IptablesOnNft.Family(ipv4);
        var lines = new List<string>();
        var chains = nft.FindChains(
            (family, Table, owner.Chain), (family, Table, owner.FurtherChain),
            (family, Table, IptablesHostPorts.Masq), (family, Table, IptablesHostPorts.SetMark), (family, Table, IptablesHostPorts.Dnat));
        foreach (var chain in chains)
        {
            if (chain is not null)
                lines.Add($":{chain.Name} - [0:0]");
        }

        foreach (var chain in new[] { "PREROUTING", "OUTPUT", IptablesHostPorts.SetMark })
            Add(nft.ListRules(family, Table, chain));
        // These are entered from chains that may have a rule for each container of the host.
        foreach (var (chain, from) in new[] { (chains[0], IptablesHostPorts.Dnat), (chains[1], IptablesHostPorts.Dnat), (chains[2], Postrouting) })
        {
            if (chain is null)
                continue;
            var rules = nft.ListRules(family, Table, chain.Name);
            Add(rules);
            Add(IptablesOnNft.FindJumps(nft, chain, from, rules));
        }

        return [.. lines];

        void Add(IEnumerable<NftRule> rules) => lines.AddRange(rules.Select(rule => $"-A {rule.Chain} {IptablesRule.Read(rule).Words}"));
    }

    /// <summary>Removes what an interface has in both families, and what jumps to it.</summary>
    /// <param name="nft">The host's.</param>
    /// <param name="owner">Whose.</param>
    /// <param name="addresses">The addresses of the interface, as far as the runtime tells them.</param>
    /// <param name="containers">Gets the addresses that UDP was led to.</param>
    /// <returns>Whether there was a chain that somebody had emptied, so that it does not tell where it led.</returns>
    internal static bool Remove(NftablesSocket nft, PortOwner owner, IReadOnlySet<IPAddress> addresses, ISet<IPAddress> containers)
    {
        var (emptied, whole) = (false, true);
        var transaction = new NftablesTransaction();
        Compose(transaction);
        if (whole)
            nft.Commit(transaction);
        else
            GuardedCommit.Repeat(nft, generation => Compose(new NftablesTransaction(generation)));
        return emptied;

        NftablesTransaction Compose(NftablesTransaction transaction)
        {
            var others = new HashSet<NftFamily>();
            // An interface that has a further chain has not the first one, nor that for source translation, which goes with it.
            foreach (var found in nft.FindChains([.. new[] { owner.FurtherChain, owner.Chain, owner.OldSourceChain }.SelectMany(static chain => new[] { (NftFamily.Ip, Table, chain), (NftFamily.Ip6, Table, chain) })]))
            {
                if (found is null || (found.Name == owner.OldSourceChain && others.Contains(found.Family)))
                    continue;
                var rules = nft.ListRules(found.Family, Table, found.Name);
                var ifName = ChainOwner.Of(rules);
                List<NftRule> translations = ifName is not null || addresses.Count == 0 ? [] : [.. rules.Where(rule => IptablesRule.Read(rule).TranslatesTo is not null)];
                List<NftRule> own = [.. translations.Where(rule => !ChainOwner.IsOthers(addresses, IptablesRule.Read(rule).TranslatesTo!.Address))];
                var isAnothers = ifName is null ? found.Name == owner.Chain && others.Contains(found.Family) : ifName != owner.IfName;
                if (isAnothers || own.Count < translations.Count)
                {
                    others.Add(found.Family);
                    AddTargets(own, containers);
                    IptablesOnNft.RemoveRules(transaction, own);
                    whole &= own.Count == 0;
                    continue;
                }

                if (found.Name == owner.FurtherChain)
                    others.Add(found.Family);
                AddTargets(rules, containers);
                emptied |= rules.Count == 0;
                IptablesOnNft.RemoveChain(transaction, found, IptablesOnNft.FindJumps(nft, found, found.Name == owner.OldSourceChain ? Postrouting : IptablesHostPorts.Dnat, rules));
            }

            return transaction;
        }
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, string network, ValidChains valid, ISet<IPAddress> containers)
    {
        var comment = PortOwner.ChainCommentPrefix(network);
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            var family = IptablesOnNft.Family(ipv4);
            HashSet<string> seen = [], stale = [];
            foreach (var rule in nft.ListRules(family, Table, IptablesHostPorts.Dnat))
            {
                if (IptablesOnNft.JumpTarget(rule) is { } chain && IptablesRule.Read(rule).Comment.StartsWith(comment, StringComparison.Ordinal) && seen.Add(chain)
                    && !valid.Keeps(chain, ChainOwner.Of(nft.ListRules(family, Table, chain))))
                    stale.Add(chain);
            }

            foreach (var chain in stale)
                AddTargets(nft.ListRules(family, Table, chain), containers);
            if (stale.Count > 0)
                IptablesOnNft.RemoveChains(nft, family, Table, IptablesHostPorts.Dnat, stale);
        }
    }

    private static void AddTargets(IEnumerable<NftRule> rules, ISet<IPAddress> containers)
    {
        foreach (var rule in rules.Select(IptablesRule.Read))
        {
            if (rule.Protocol == (byte)Transport.Udp && rule.TranslatesTo is { } target)
                containers.Add(target.Address);
        }
    }
}
