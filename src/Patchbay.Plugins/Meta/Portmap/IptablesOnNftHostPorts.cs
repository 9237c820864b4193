using System.Net;
using System.Text;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The chains of port mappings that iptables-nft(8) made, found and removed without it.</summary>
internal static class IptablesOnNftHostPorts
{
    private const string Postrouting = "POSTROUTING";

    /// <summary>Removes the chains of a container of both families and what jumps to them.</summary>
    /// <param name="nft">The host's.</param>
    /// <param name="owner">Whose.</param>
    /// <param name="containers">Gets the addresses that they lead to.</param>
    /// <returns>Whether there was one.</returns>
    internal static bool Remove(NftablesSocket nft, PortOwner owner, ISet<IPAddress> containers)
    {
        var (chain, old) = (owner.Chain, owner.OldSourceChain);
        var found = nft.ChainsExist(
            (NftFamily.Ip, IptablesHostPorts.Table, chain), (NftFamily.Ip6, IptablesHostPorts.Table, chain),
            (NftFamily.Ip, IptablesHostPorts.Table, old), (NftFamily.Ip6, IptablesHostPorts.Table, old));
        for (var i = 0; i < found.Length; i++)
        {
            if (!found[i])
                continue;
            var family = i % 2 == 0 ? NftFamily.Ip : NftFamily.Ip6;
            if (i < 2)
                AddTargets(nft, family, chain, containers);
            IptablesOnNft.RemoveChains(nft, family, IptablesHostPorts.Table, i < 2 ? IptablesHostPorts.Dnat : Postrouting, new HashSet<string> { i < 2 ? chain : old });
        }

        return found[0] || found[1];
    }

    /// <summary>Removes the chains of a network, but for the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, string network, HashSet<string> valid, ISet<IPAddress> containers)
    {
        var comment = Encoding.UTF8.GetBytes(PortOwner.ChainCommentPrefix(network));
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            var family = IptablesOnNft.Family(ipv4);
            var stale = new HashSet<string>();
            foreach (var rule in nft.ListRules(family, IptablesHostPorts.Table, IptablesHostPorts.Dnat))
            {
                if (IptablesOnNft.JumpTarget(rule) is { } chain && !valid.Contains(chain) && IptablesOnNft.HasComment(rule, comment))
                    stale.Add(chain);
            }

            foreach (var chain in stale)
                AddTargets(nft, family, chain, containers);
            if (stale.Count > 0)
                IptablesOnNft.RemoveChains(nft, family, IptablesHostPorts.Table, IptablesHostPorts.Dnat, stale);
        }
    }

    private static void AddTargets(NftablesSocket nft, NftFamily family, string chain, ISet<IPAddress> containers)
    {
        foreach (var rule in nft.ListRules(family, IptablesHostPorts.Table, chain))
        {
            if (DnatTargets.Of(rule, family == NftFamily.Ip) is { } address)
                containers.Add(address);
        }
    }
}
