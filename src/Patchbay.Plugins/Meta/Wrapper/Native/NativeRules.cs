using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Meta.Firewall;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>The rules of containers in nf_tables: elements of a few maps. What one of them is added or removed does not touch those of others.</summary>
internal static class NativeRules
{
    /// <summary>Adds all of a container, with or without its security groups: until it has some it reaches nothing outside.</summary>
    /// <exception cref="CniException">Code 7: a port of the host leads to another container.</exception>
    internal static void Add(NftablesSocket nft, ContainerNetwork container, bool groups)
    {
        foreach (var table in TablesOf(container))
        {
            var made = ContainerElements.Of(container, table);
            if (groups)
                made.AddGroups(table);
            Add(nft, table, container, made);
        }
    }

    /// <summary>Adds its security groups.</summary>
    internal static void AddGroups(NftablesSocket nft, ContainerNetwork container)
    {
        foreach (var table in TablesOf(container))
            Add(nft, table, container, ContainerElements.OfGroups(container, table));
    }

    /// <summary>Removes the agent's tag of an address.</summary>
    internal static void RemoveTag(NftablesSocket nft, IPAddress address)
    {
        var tag = new NftSetElement(NftKey.Of(address));
        try
        {
            if (nft.FindElements(CfTable.SourceTags, [tag.Key.ToArray()]).Count == 0)
                return;
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            return; // a kernel without nf_tables has no agent's table either
        }

        var transaction = new NftablesTransaction();
        transaction.DeleteElements(CfTable.SourceTags, [tag], Tolerated.Missing);
        nft.Commit(transaction);
    }

    /// <summary>Removes what containers have, the agent's elements for them too, and the chains that nobody else has.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="isMeant">Tells by its mark whether a container is meant.</param>
    internal static void Remove(NftablesSocket nft, Func<string, bool> isMeant)
    {
        foreach (var table in (ReadOnlySpan<CfTable>)[CfTable.V4, CfTable.V6])
        {
            if (Present(nft, table).Count > 0)
                GuardedCommit.Repeat(nft, generation => Removal(nft, table, isMeant, new NftablesTransaction(generation)));
        }
    }

    /// <summary>Tells what is missing of a container; null for nothing.</summary>
    internal static string? Missing(NftablesSocket nft, ContainerNetwork container, bool groups)
    {
        foreach (var table in TablesOf(container))
        {
            var family = table.IPv4 ? "ip" : "ip6";
            if (table.Missing(nft.ListRules(table.Family, CfTable.Name)) is { } rule)
                return $"a rule of chain \"{rule.Chain}\" in table {family} {CfTable.Name} (\"{rule.Comment}\")";
            var wanted = ContainerElements.Of(container, table).All.Concat(groups ? ContainerElements.OfGroups(container, table).All : []);
            foreach (var group in wanted.GroupBy(each => each.Map.Name))
            {
                var all = group.ToList();
                var found = nft.FindElements(all[0].Map, all.ConvertAll(each => each.Element.Key.ToArray()));
                foreach (var (map, element) in all)
                {
                    if (!found.Any(each => each.Key.Span.SequenceEqual(element.Key.Span) && Same(each.Data, element.Data)))
                        return $"an element for container \"{container.Handle}\" in map \"{map.Name}\" of table {family} {CfTable.Name}";
                }
            }
        }

        return null;
    }

    /// <summary>Asks the kernel whether it could have the table.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft)
    {
        var transaction = new NftablesTransaction();
        CfTable.V4.Prepare(nft, transaction);
        nft.Verify(transaction);
    }

    private static CfTable[] TablesOf(ContainerNetwork container) => container.IPv6.Count > 0 ? [CfTable.V4, CfTable.V6] : [CfTable.V4];

    private static NftablesTransaction Removal(NftablesSocket nft, CfTable table, Func<string, bool> isMeant, NftablesTransaction transaction)
    {
        var wanted = new HashSet<string>();
        var gone = new HashSet<string>();
        foreach (var map in Present(nft, table).OrderBy(each => each == table.SecurityGroups)) // those last: they may be the agent's, without a mark
        {
            foreach (var element in nft.ListElements(map))
            {
                var meant = isMeant(AddressRegister.MarkOf(element.Comment)) || (map == table.SecurityGroups && gone.Contains(Convert.ToHexString(element.Key.Span)));
                if (meant)
                {
                    transaction.DeleteElements(map, [new NftSetElement(element.Key)], Tolerated.Missing);
                    if (map == table.Containers)
                        gone.Add(Convert.ToHexString(element.Key.Span));
                }
                else if (element.Data.Verdict?.Chain is { } chain)
                {
                    wanted.Add(chain);
                }
            }
        }

        // Looked up, not just tried: the kernel undoes the whole transaction for an element that is not there, and that takes longer than all the rest.
        if (table.IPv4 && gone.Count > 0)
        {
            foreach (var tag in nft.FindElements(CfTable.SourceTags, [.. gone.Select(Convert.FromHexString)]))
                transaction.DeleteElements(CfTable.SourceTags, [new NftSetElement(tag.Key)], Tolerated.Missing);
        }

        SharedChain.RemoveUnused(nft, transaction, table.Family, CfTable.Name, CfTable.Kinds, wanted);
        return transaction;
    }

    private static void Add(NftablesSocket nft, CfTable table, ContainerNetwork container, ContainerElements made)
    {
        if (made.All.Count == 0)
            return;
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            table.Prepare(nft, transaction);
            SharedChain.AddMissing(nft, transaction, table.Family, CfTable.Name, made.Chains);
            foreach (var map in made.All.GroupBy(each => each.Map.Name))
            {
                var all = map.ToList();
                MakeWay(nft, transaction, container, all[0].Map, all.ConvertAll(each => each.Element.Key.ToArray()));
                transaction.AddElements(all[0].Map, all.ConvertAll(each => each.Element));
            }

            // Security groups of whoever had the address before.
            if (!made.All.Any(each => each.Map == table.SecurityGroups))
                MakeWay(nft, transaction, container, table.SecurityGroups, [.. container.AddressesOf(table).Select(NftKey.Of)]);
            return transaction;
        });
    }

    // Who had the address before has it no longer, or the address management would not have given it; a port is another matter.
    private static void MakeWay(NftablesSocket nft, NftablesTransaction transaction, ContainerNetwork container, NftSet map, List<byte[]> keys)
    {
        foreach (var there in nft.FindElements(map, keys))
        {
            if (map == CfTable.PortMappings && AddressRegister.MarkOf(there.Comment) != container.Owner.Mark)
            {
                var port = (ushort)((there.Key.Span[4] << 8) | there.Key.Span[5]);
                throw WrapperConfig.Invalid($"port {port} of {container.Config.InstanceAddress} leads to another container already ({there.Comment}): delete that one first, or take another port");
            }

            transaction.DeleteElements(map, [new NftSetElement(there.Key)], Tolerated.Missing);
        }
    }

    private static List<NftSet> Present(NftablesSocket nft, CfTable table)
    {
        var exist = nft.SetsExist([.. table.Owned.Select(map => (map.Family, map.Table, map.Name))]);
        return [.. table.Owned.Where((_, i) => exist[i])];
    }

    private static bool Same(NftData one, NftData other) => one.Verdict == other.Verdict && one.Value.Span.SequenceEqual(other.Value.Span);
}
