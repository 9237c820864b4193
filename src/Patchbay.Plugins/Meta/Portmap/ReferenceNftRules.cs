using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>What releases of the reference with an nftables backend leave: a rule for each port, with nothing but the container's id as comment.</summary>
internal static class ReferenceNftRules
{
    private static readonly string[] Chains = [HostPortTable.ReferencePorts, HostPortTable.ReferenceLegacyPorts, HostPortTable.ReferenceMasquerading];

    /// <summary>Removes the rules of a container; where the address is known, only those that lead to it, for the rest may be another network's.</summary>
    internal static void Remove(NftablesSocket nft, PortOwner owner, Func<ContainerAddresses> addresses)
    {
        var transaction = new NftablesTransaction();
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            var family = HostPortTable.Of(ipv4).Family;
            foreach (var chain in Chains)
            {
                if (!nft.ListRuleMarks(family, HostPortTable.Name, chain).Any(mark => mark.Comment == owner.ContainerId))
                    continue;
                var address = addresses().Of(ipv4)?.Address;
                foreach (var rule in nft.ListRules(family, HostPortTable.Name, chain))
                {
                    if (rule.Comment == owner.ContainerId && (address is null || LeadsTo(rule, address)))
                        transaction.DeleteRule(family, HostPortTable.Name, chain, rule.Handle, Tolerated.Missing);
                }
            }
        }

        nft.Commit(transaction);
    }

    /// <summary>Counts the rules of a container that translate to an address.</summary>
    internal static int Count(NftablesSocket nft, bool ipv4, PortOwner owner, IPAddress address) =>
        nft.ListRules(HostPortTable.Of(ipv4).Family, HostPortTable.Name, HostPortTable.ReferencePorts).Count(rule => rule.Comment == owner.ContainerId && LeadsTo(rule, address));

    // dnat to ADDRESS loads it; masquerading compares with it.
    private static bool LeadsTo(NftRule rule, IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        foreach (var expression in rule.Expressions)
        {
            if ((expression is NftImmediate { Data.Value: var loaded } && loaded.Span.SequenceEqual(bytes)) || (expression is NftCompare { Value: var compared } && compared.Span.SequenceEqual(bytes)))
                return true;
        }

        return false;
    }
}
