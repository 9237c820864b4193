using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Meta.Firewall;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>The rules of containers in nf_tables: elements of a few maps. What one of them is added or removed does not touch those of others.</summary>
internal static class NativeRules
{
    /// <summary>Adds all of a container but its security groups: until it has some it reaches nothing outside.</summary>
    /// <exception cref="CniException">Code 7: a port of the host leads to another container.</exception>
    internal static void Add(NftablesSocket nft, ContainerNetwork container)
    {
        Add(nft, container, ContainerElements.Of(container), replacing: CfTable.SecurityGroups);
        if (container.IPv6.Count > 0)
            NoIPv6.Add(nft, container);
    }

    /// <summary>Adds its security groups.</summary>
    internal static void AddGroups(NftablesSocket nft, ContainerNetwork container) => Add(nft, container, ContainerElements.OfGroups(container), replacing: null);

    /// <summary>Removes what containers have, the agent's elements for them too, and the chains that nobody else has.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="isMeant">Tells by its mark whether a container is meant.</param>
    internal static void Remove(NftablesSocket nft, Func<string, bool> isMeant)
    {
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            var maps = Present(nft);
            if (maps.Count == 0)
                return transaction;
            var wanted = new HashSet<string>();
            var gone = new HashSet<string>();
            foreach (var map in maps.OrderBy(each => each.Name == CfTable.SecurityGroups.Name)) // those last: they may be the agent's, without a mark
            {
                foreach (var element in nft.ListElements(map))
                {
                    var meant = isMeant(AddressRegister.MarkOf(element.Comment)) || (map.Name == CfTable.SecurityGroups.Name && gone.Contains(Convert.ToHexString(element.Key.Span)));
                    if (meant)
                    {
                        transaction.DeleteElements(map, [new NftSetElement(element.Key)], Tolerated.Missing);
                        if (map.Name == CfTable.Containers.Name)
                            gone.Add(Convert.ToHexString(element.Key.Span));
                    }
                    else if (element.Data.Verdict?.Chain is { } chain)
                    {
                        wanted.Add(chain);
                    }
                }
            }

            if (gone.Count > 0 && nft.SetsExist((CfTable.Family, CfTable.Name, CfTable.SourceTags.Name)) is [true])
            {
                foreach (var address in gone)
                    transaction.DeleteElements(CfTable.SourceTags, [new NftSetElement(Convert.FromHexString(address))], Tolerated.Missing);
            }

            SharedChain.RemoveUnused(nft, transaction, CfTable.Name, CfTable.Kinds, wanted);
            return transaction;
        });
        NoIPv6.Remove(nft, isMeant);
    }

    /// <summary>Tells what is missing of a container; null for nothing.</summary>
    internal static string? Missing(NftablesSocket nft, ContainerNetwork container, bool groups)
    {
        if (CfTable.Missing(nft.ListRules(CfTable.Family, CfTable.Name)) is { } rule)
            return $"a rule of chain \"{rule.Chain}\" in table ip {CfTable.Name} (\"{rule.Comment}\")";
        var wanted = ContainerElements.Of(container).All.Concat(groups ? ContainerElements.OfGroups(container).All : []);
        foreach (var group in wanted.GroupBy(each => each.Map.Name))
        {
            var all = group.ToList();
            var found = nft.FindElements(all[0].Map, all.ConvertAll(each => each.Element.Key.ToArray()));
            foreach (var (map, element) in all)
            {
                if (!found.Any(each => each.Key.Span.SequenceEqual(element.Key.Span) && Same(each.Data, element.Data)))
                    return $"an element for container \"{container.Handle}\" in map \"{map.Name}\" of table ip {CfTable.Name}";
            }
        }

        return null;
    }

    /// <summary>Asks the kernel whether it could have the table.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft)
    {
        var transaction = new NftablesTransaction();
        CfTable.Prepare(nft, transaction);
        nft.Verify(transaction);
    }

    private static void Add(NftablesSocket nft, ContainerNetwork container, ContainerElements made, NftSet? replacing)
    {
        if (made.All.Count == 0)
            return;
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            CfTable.Prepare(nft, transaction);
            SharedChain.AddMissing(nft, transaction, CfTable.Name, made.Chains);
            foreach (var map in made.All.GroupBy(each => each.Map.Name))
            {
                var all = map.ToList();
                MakeWay(nft, transaction, container, all[0].Map, all.ConvertAll(each => each.Element.Key.ToArray()));
                transaction.AddElements(all[0].Map, all.ConvertAll(each => each.Element));
            }

            if (replacing is not null)
                MakeWay(nft, transaction, container, replacing, [NftKey.Of(container.Address)]);
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

    private static List<NftSet> Present(NftablesSocket nft)
    {
        var exist = nft.SetsExist([.. CfTable.Owned.Select(map => (map.Family, map.Table, map.Name))]);
        return [.. CfTable.Owned.Where((_, i) => exist[i])];
    }

    private static bool Same(NftData one, NftData other) => one.Verdict == other.Verdict && one.Value.Span.SequenceEqual(other.Value.Span);
}
