using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Port mappings in nf_tables: elements of the maps that <see cref="HostPortTable"/> looks into.</summary>
internal static class NftablesHostPorts
{
    private const int Attempts = 4;

    /// <summary>Adds the mappings of both families in one transaction, in the place of those that the interface has.</summary>
    /// <param name="nft">A socket of the host.</param>
    /// <param name="owner">Whose they are.</param>
    /// <param name="config">The mappings.</param>
    /// <param name="addresses">Where they lead.</param>
    /// <param name="loopbackSource">The host's address towards the container's IPv6 address, when <c>::1</c> is to lead there too.</param>
    /// <exception cref="CniException">Code 7: a port belongs to another container, or a condition cannot be had.</exception>
    internal static void Add(NftablesSocket nft, PortOwner owner, PortmapConfig config, ContainerAddresses addresses, IPAddress? loopbackSource)
    {
        var parts = new List<NftablesPortSet>();
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            if (addresses.Of(ipv4) is { } address && config.Applies(ipv4))
                parts.Add(new NftablesPortSet(ipv4, owner, config, address.Address, loopbackSource));
        }

        foreach (var part in parts)
            IptablesPortOwners.RefuseTaken(nft, part.Table.IsIPv4, owner, part.Mappings, part.Address);

        // The usual case succeeds at once: the kernel itself refuses a port that is taken. Only then is it looked for who has it.
        for (var attempt = 1; ; attempt++)
        {
            var transaction = new NftablesTransaction();
            foreach (var part in parts)
            {
                var present = nft.ListRules(part.Table.Family, HostPortTable.Name);
                var isNew = part.Table.Prepare(transaction, present);
                if (attempt > 1 || (!isNew && NftablesPortOwners.Overlaps(nft, part)))
                    NftablesPortOwners.MakeWay(nft, transaction, part, owner, oneByOne: attempt > 2);
                ReferenceNftRules.RefuseTaken(present, part.Table.IsIPv4, owner, part.Mappings);
            }

            foreach (var part in parts)
                part.AddTo(transaction);
            try
            {
                nft.Commit(transaction);
                return;
            }
            catch (NetlinkException error) when (error.Error == Errno.Exists || error.IsNotFound)
            {
                if (attempt == Attempts)
                    throw new CniException(CniError.Internal, $"a port is taken in nf_tables and no container has it: {error.Message}", "look into the tables cni_hostport, and delete there what another program left", error);
            }
        }
    }

    /// <summary>Tells whether an interface has mappings here.</summary>
    internal static bool[] Exist(NftablesSocket nft, PortOwner owner) =>
        nft.SetsExist((NftFamily.Ip, HostPortTable.Name, owner.Name), (NftFamily.Ip6, HostPortTable.Name, owner.Name));

    /// <summary>Removes the mappings of an interface, whatever they were.</summary>
    /// <returns>What was removed.</returns>
    internal static List<RemovedPort> Remove(NftablesSocket nft, PortOwner owner)
    {
        var removed = new List<RemovedPort>();
        var exist = Exist(nft, owner);
        for (var i = 0; i < exist.Length; i++)
        {
            if (exist[i])
                removed.AddRange(Remove(nft, HostPortTable.Of(ContainerAddresses.Families[i]), owner.Name, owner.Comment));
        }

        return removed;
    }

    /// <summary>Removes the mappings of a network but for those of valid interfaces.</summary>
    internal static List<RemovedPort> Collect(NftablesSocket nft, string network, IReadOnlyList<CniAttachment> valid)
    {
        var prefix = PortOwner.Prefix(network);
        var keep = new HashSet<string>();
        foreach (var attachment in valid)
            keep.Add(new PortOwner(network, attachment.ContainerId, attachment.IfName).Name);
        var removed = new List<RemovedPort>();
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            var table = HostPortTable.Of(ipv4);
            foreach (var set in nft.ListSets(table.Family, HostPortTable.Name))
            {
                if (set.Name.StartsWith(prefix, StringComparison.Ordinal) && !keep.Contains(set.Name))
                    removed.AddRange(Remove(nft, table, set.Name, set.Comment));
            }
        }

        return removed;
    }

    /// <summary>Asks the kernel whether it could do it.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft, bool ipv4)
    {
        var transaction = new NftablesTransaction();
        HostPortTable.Of(ipv4).Prepare(transaction, []);
        nft.Verify(transaction);
    }

    private static List<RemovedPort> Remove(NftablesSocket nft, HostPortTable table, string name, string? comment)
    {
        for (var attempt = 1; ; attempt++)
        {
            var transaction = new NftablesTransaction();
            var removed = NftablesPortSet.Remove(nft, transaction, table, name, oneByOne: attempt > 1, comment);
            try
            {
                nft.Commit(transaction);
                return removed;
            }
            catch (NetlinkException error) when (error.IsNotFound && attempt < Attempts)
            {
                // Somebody took an element away; what is left goes one by one.
            }
        }
    }
}
