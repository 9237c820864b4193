using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Finds the container that has a port already, in the entries that iptables-nft(8) or the reference plugin made.</summary>
internal static class IptablesPortOwners
{
    /// <summary>Refuses ports that another container has.</summary>
    /// <exception cref="CniException">Code 7: it is named.</exception>
    internal static void RefuseTaken(NftablesSocket nft, bool ipv4, PortOwner owner, IReadOnlyList<PortMapping> mappings, IPAddress address)
    {
        var family = IptablesOnNft.Family(ipv4);
        // Each container has entries here; the match "multiport" has the ports in the machine's order.
        foreach (var rule in nft.ListRulesHolding(family, IptablesHostPorts.Table, IptablesHostPorts.Dnat, [.. mappings.Select(mapping => Bytes(mapping.HostPort))]))
        {
            var entry = IptablesRule.Read(rule);
            if (entry.Chain is not { } chain || chain == owner.Chain || chain == owner.FurtherChain)
                continue;
            List<IptablesRule>? rules = null;
            foreach (var mapping in mappings)
            {
                if (entry.Protocol != (byte)mapping.Protocol || !entry.Ports.Contains(mapping.HostPort))
                    continue;
                rules ??= [.. nft.ListRules(family, IptablesHostPorts.Table, chain).Select(IptablesRule.Read)];
                // A rule of the former holder of the container's own address is a dead one's.
                if (!rules.Exists(each => IsFor(each, mapping)) || rules.Exists(each => address.Equals(each.TranslatesTo?.Address)))
                    continue;
                // On another network the container may have it as well: the entry that comes first counts, until it goes.
                if (PortOwner.ContainerOf(entry.Comment) is var other && other != PortOwner.ContainerOf(owner.ChainComment))
                    throw PortOwner.Taken(mapping, ipv4, other.Length > 0 ? other : "unknown");
            }
        }
    }

    // The rule that translates: for this port, and for this address of the host or any.
    private static bool IsFor(IptablesRule rule, PortMapping mapping) =>
        rule.TranslatesTo is not null && rule.Ports.Contains(mapping.HostPort) && (mapping.HostIp is null || rule.Destination is null || rule.Destination.Equals(mapping.HostIp));

    private static byte[] Bytes(ushort port)
    {
        var bytes = new byte[sizeof(ushort)];
        MemoryMarshal.Write(bytes, port);
        return bytes;
    }
}
