using System.Net;
using Patchbay.Cni.Model;
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

    /// <summary>Refuses ports that another container has by such rules: <c>tcp dport 8080 dnat to …</c>.</summary>
    /// <param name="present">All rules of the table of one family.</param>
    /// <param name="ipv4">The family.</param>
    /// <param name="owner">Who wants them.</param>
    /// <param name="mappings">The ports.</param>
    /// <exception cref="CniException">Code 7: it is named.</exception>
    internal static void RefuseTaken(IReadOnlyList<NftRule> present, bool ipv4, PortOwner owner, IReadOnlyList<PortMapping> mappings)
    {
        foreach (var rule in present)
        {
            if (rule.Chain is not (HostPortTable.ReferencePorts or HostPortTable.ReferenceLegacyPorts) || rule.Comment is not { } comment || comment == owner.ContainerId)
                continue;
            foreach (var mapping in mappings)
            {
                if (Concerns(rule, mapping))
                    throw PortOwner.Taken(mapping, ipv4, comment);
            }
        }
    }

    private static bool Concerns(NftRule rule, PortMapping mapping)
    {
        bool protocol = false, port = false, elsewhere = false;
        foreach (var expression in rule.Expressions)
        {
            if (expression is not NftCompare { Operator: NftOperator.Equal } compare)
                continue;
            var value = compare.Value.Span;
            switch (value.Length)
            {
                case 1: protocol |= value[0] == (byte)mapping.Protocol; break;
                case 2: port |= value.SequenceEqual(NftKey.Port(mapping.HostPort)); break;
                case 4 or 16: elsewhere |= mapping.HostIp is { } ip && !value.SequenceEqual(ip.GetAddressBytes()); break;
            }
        }

        return protocol && port && !elsewhere;
    }

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
