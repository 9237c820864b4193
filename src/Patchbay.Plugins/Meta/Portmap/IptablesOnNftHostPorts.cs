using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The chains of port mappings that iptables-nft(8) made, found, read and removed without it.</summary>
internal static class IptablesOnNftHostPorts
{
    internal const string Postrouting = "POSTROUTING";
    private const string Table = IptablesHostPorts.Table;

    /// <summary>What iptables-save(8) would say of one container and of what all share.</summary>
    internal static string[] Lines(NftablesSocket nft, bool ipv4, string ownChain)
    {
        var family = IptablesOnNft.Family(ipv4);
        var lines = new List<string>();
        var chains = nft.FindChains((family, Table, ownChain), (family, Table, IptablesHostPorts.Masq), (family, Table, IptablesHostPorts.SetMark), (family, Table, IptablesHostPorts.Dnat));
        foreach (var chain in chains)
        {
            if (chain is not null)
                lines.Add($":{chain.Name} - [0:0]");
        }

        foreach (var chain in new[] { "PREROUTING", "OUTPUT", IptablesHostPorts.SetMark })
            Add(nft.ListRules(family, Table, chain));
        // These two are entered from chains that may have a rule for each container of the host.
        foreach (var (chain, from) in new[] { (chains[0], IptablesHostPorts.Dnat), (chains[1], Postrouting) })
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

    /// <summary>Removes the chains of a container of both families and what jumps to them.</summary>
    /// <param name="nft">The host's.</param>
    /// <param name="owner">Whose.</param>
    /// <param name="containers">Gets the addresses that they lead UDP to.</param>
    /// <returns>Whether there was one that somebody had emptied, so that it does not tell where it led.</returns>
    internal static bool Remove(NftablesSocket nft, PortOwner owner, ISet<IPAddress> containers)
    {
        var (chain, old) = (owner.Chain, owner.OldSourceChain);
        var transaction = new NftablesTransaction();
        var emptied = false;
        foreach (var found in nft.FindChains((NftFamily.Ip, Table, chain), (NftFamily.Ip6, Table, chain), (NftFamily.Ip, Table, old), (NftFamily.Ip6, Table, old)))
        {
            if (found is null)
                continue;
            var rules = nft.ListRules(found.Family, Table, found.Name);
            AddTargets(rules, containers);
            emptied |= rules.Count == 0;
            IptablesOnNft.RemoveChain(nft, transaction, found, found.Name == chain ? IptablesHostPorts.Dnat : Postrouting, rules);
        }

        nft.Commit(transaction);
        return emptied;
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, string network, HashSet<string> valid, ISet<IPAddress> containers)
    {
        var comment = PortOwner.ChainCommentPrefix(network);
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            var family = IptablesOnNft.Family(ipv4);
            var stale = new HashSet<string>();
            foreach (var rule in nft.ListRules(family, Table, IptablesHostPorts.Dnat))
            {
                if (IptablesOnNft.JumpTarget(rule) is { } chain && !valid.Contains(chain) && IptablesRule.Read(rule).Comment.StartsWith(comment, StringComparison.Ordinal))
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
