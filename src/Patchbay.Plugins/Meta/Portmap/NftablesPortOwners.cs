using System.Net;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Finds out, when a port is wanted that somebody has, who that is.</summary>
internal static class NftablesPortOwners
{
    private const string AnyNetwork = "cni-"; // PortOwner.Prefix without the network

    /// <summary>Refuses ports that another container has, for those whom the kernel would not refuse them: who maps ports by iptables.</summary>
    /// <exception cref="Cni.Model.CniException">Code 7: it is named.</exception>
    internal static void RefuseTaken(NftablesSocket nft, bool ipv4, PortOwner owner, IReadOnlyList<PortMapping> mappings, IPAddress address)
    {
        var table = HostPortTable.Of(ipv4);
        ReferenceNftRules.RefuseTaken(nft.ListRules(table.Family, HostPortTable.Name), ipv4, owner, mappings);
        foreach (var set in nft.ListSets(table.Family, HostPortTable.Name))
        {
            if (!set.Name.StartsWith(AnyNetwork, StringComparison.Ordinal) || NftablesSharedPorts.IsOfSameContainer(set, owner.Comment))
                continue;
            if (Taken(nft, table, mappings, set.Name) is { } taken && !taken.Address.Equals(address))
                throw PortOwner.Taken(taken.Mapping, ipv4, PortOwner.ContainerOf(set.Comment ?? ""));
        }
    }

    /// <summary>Tells whether a port is wanted that is in another map than the one in which the kernel would find it taken.</summary>
    internal static bool Overlaps(NftablesSocket nft, NftablesPortSet part)
    {
        var table = part.Table;
        // These three are empty on most hosts.
        foreach (var set in (ReadOnlySpan<NftSet>)[table.HostIpServices, table.ConditionalServices, table.ConditionalHostIpServices])
        {
            foreach (var element in nft.ListElements(set))
            {
                foreach (var mapping in part.Mappings)
                {
                    if (Meets(table.IsIPv4, element.Key.Span, mapping))
                        return true;
                }
            }
        }

        var somewhere = part.Mappings.Where(mapping => mapping.HostIp is not null)
            .Select(mapping => NftKey.Concatenate([(byte)mapping.Protocol], NftKey.Port(mapping.HostPort))).ToList();
        return somewhere.Count > 0 && nft.FindElements(table.Services, somewhere).Count > 0;
    }

    /// <summary>
    /// Adds to a transaction the removal of what the interface has already, and of what the former holder of its address left; and lets the
    /// interface wait for ports that another one of its container has.
    /// </summary>
    /// <param name="nft">To look.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="part">What is to be added.</param>
    /// <param name="owner">By whom.</param>
    /// <param name="oneByOne">Whether elements of what goes may be missing.</param>
    /// <exception cref="Cni.Model.CniException">Code 7: a port belongs to another container, which is named.</exception>
    internal static void MakeWay(NftablesSocket nft, NftablesTransaction transaction, NftablesPortSet part, PortOwner owner, bool oneByOne)
    {
        var table = part.Table;
        var hadOwn = false;
        var elsewhere = new HashSet<string>();
        foreach (var set in nft.ListSets(table.Family, HostPortTable.Name))
        {
            if (!set.Name.StartsWith(AnyNetwork, StringComparison.Ordinal))
                continue;
            if (set.Name == owner.Name)
            {
                hadOwn = true;
            }
            else if (NftablesSharedPorts.IsOfSameContainer(set, owner.Comment))
            {
                foreach (var element in nft.ListElements(table.Own(set.Name)))
                    elsewhere.Add(NftablesSharedPorts.Text(element.Key));
                continue;
            }
            else
            {
                if (Taken(nft, table, part.Mappings, set.Name) is not { } taken)
                    continue;
                // An address is one container's. If its mappings are another's, that one has ended and nobody said so.
                if (!taken.Address.Equals(part.Address))
                    throw PortOwner.Taken(taken.Mapping, table.IsIPv4, PortOwner.ContainerOf(set.Comment ?? ""));
            }

            NftablesPortSet.Remove(nft, transaction, table, set.Name, oneByOne);
        }

        // What led here before does so again.
        if (hadOwn && elsewhere.Count > 0)
            elsewhere.ExceptWith(NftablesSharedPorts.Leading(nft, table, owner.Name, nft.ListElements(table.Own(owner.Name))));
        part.Waits = [.. part.Mappings.Select(mapping => NftablesSharedPorts.Text(part.OwnKey(mapping))).Where(elsewhere.Contains)];
    }

    private static (PortMapping Mapping, IPAddress Address)? Taken(NftablesSocket nft, HostPortTable table, IReadOnlyList<PortMapping> mappings, string name)
    {
        var length = table.IsIPv4 ? 4 : 16;
        foreach (var element in nft.ListElements(table.Own(name)))
        {
            foreach (var mapping in mappings)
            {
                if (Meets(table.IsIPv4, element.Key.Span, mapping))
                    return (mapping, new IPAddress(element.Data.Value.Span[..length]));
            }
        }

        return null;
    }

    // The key is protocol and port, with an address of the host before them or without; no address, or that of zeros, is all of them.
    private static bool Meets(bool ipv4, ReadOnlySpan<byte> key, PortMapping mapping)
    {
        const int ServiceLength = 8;
        var service = key[^ServiceLength..];
        if (service[0] != (byte)mapping.Protocol || service[4] != mapping.HostPort >> 8 || service[5] != (mapping.HostPort & 0xff))
            return false;
        var address = key[..^ServiceLength];
        return mapping.HostIp is not { } ip || address.IndexOfAnyExcept((byte)0) < 0 || address.SequenceEqual(NftKey.Of(ip)) || address.Length != (ipv4 ? 4 : 16);
    }
}
