using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Wrapper.Iptables;
using Patchbay.Plugins.Meta.Wrapper.Native;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The rules of containers, in nf_tables or in iptables.</summary>
internal static class ContainerRules
{
    /// <summary>Makes those of a container.</summary>
    /// <param name="container">The container.</param>
    /// <param name="groups">Whether those of its security groups too.</param>
    /// <param name="datastore">Which others there are: iptables' names of chains are short.</param>
    internal static void Add(ContainerNetwork container, bool groups, Datastore datastore)
    {
        if (!container.Config.UsesIptables)
        {
            NftablesSession.Run(nft => NativeRules.Add(nft, container, groups));
            return;
        }

        if (SharedWith(container.Handle, datastore) is { } other)
            throw new CniException(CniError.InvalidNetworkConfig, $"containers \"{container.Handle}\" and \"{other}\" would share chains of iptables, whose names are short: give one of them an id that differs earlier, or set \"backend\" to \"nftables\"");
        RemoveIptables(container.Config, container.Owner, container.Address, datastore); // what a crash may have left would be there twice
        IptablesChains.Apply(container.Config.Lock, new WrapperRules(container).Script(groups));
    }

    /// <summary>Makes those of its security groups.</summary>
    internal static void AddGroups(ContainerNetwork container)
    {
        if (container.Groups.Count == 0)
            return;
        if (container.Config.UsesIptables)
        {
            IptablesChains.Apply(container.Config.Lock, new WrapperRules(container).GroupsScript());
            return;
        }

        NftablesSession.Run(nft => NativeRules.AddGroups(nft, container));
    }

    /// <summary>Removes those of a container from both, whichever it was made with.</summary>
    internal static void Remove(RuleConfig config, MasqueradeName owner, IPAddress? address, Datastore datastore)
    {
        var cleanup = new Cleanup();
        cleanup.Step(() => RemoveNative(config, mark => mark == owner.Mark));
        cleanup.Step(() => RemoveIptables(config, owner, address, datastore));
        cleanup.ThrowIfFailed();
    }

    /// <summary>Removes from nf_tables those of a network's containers that are no longer valid.</summary>
    internal static void Collect(RuleConfig config, string network, IReadOnlyList<CniAttachment> valid)
    {
        var own = $"{Naming.NameHash.Network(network)}-";
        var keep = valid.Select(each => new MasqueradeName(network, each.ContainerId, each.IfName).Mark).ToHashSet();
        RemoveNative(config, mark => mark.StartsWith(own, StringComparison.Ordinal) && !keep.Contains(mark));
    }

    /// <summary>Tells what is missing of a container; null for nothing.</summary>
    internal static string? Missing(ContainerNetwork container, bool groups)
    {
        if (!container.Config.UsesIptables)
            return NftablesSession.Run(nft => NativeRules.Missing(nft, container, groups));

        var present = new IptablesTool(ipv4: true).SaveTables().ToHashSet();
        var script = new WrapperRules(container).Script(groups);
        foreach (var table in (ReadOnlySpan<string>)["filter", "nat", "mangle"])
        {
            foreach (var rule in script.RulesOf(table))
            {
                // Rates are printed rounded.
                if (!present.Contains(rule) && !rule.Contains("limit", StringComparison.Ordinal))
                    return $"\"{rule}\" in table {table} of iptables";
            }
        }

        return null;
    }

    /// <summary>Whether they can be made on this host.</summary>
    /// <exception cref="CniException">Code 50: iptables is not installed.</exception>
    internal static void RequireBackend(RuleConfig config)
    {
        if (!config.UsesIptables)
        {
            NftablesSession.Run(NativeRules.Verify);
        }
        else if (IptablesTool.Find("iptables-restore") is null)
        {
            throw new CniException(CniError.PluginNotAvailable, "backend \"iptables\" needs iptables-restore: install iptables, or set \"backend\" to \"nftables\"");
        }
    }

    /// <summary>Removes the tag that the policy agent gave an address, for containers without rules of ours: who has the address next must not have it.</summary>
    internal static void RemoveTag(IPAddress address) => NftablesSession.Run(nft => NativeRules.RemoveTag(nft, address));

    private static void RemoveNative(RuleConfig config, Func<string, bool> isMeant) => NftablesSession.Run(nft =>
    {
        if (config.UsesIptables && !nft.IsAvailable())
            return; // old tables on a kernel without the new ones
        NativeRules.Remove(nft, isMeant);
    });

    private static void RemoveIptables(RuleConfig config, MasqueradeName owner, IPAddress? address, Datastore datastore)
    {
        var chains = WrapperRules.ChainsOf(owner.ContainerId);
        if (!config.UsesIptables && !NftablesSession.Run(nft => IptablesChains.MayExist(nft, chains)))
            return;
        if (SharedWith(owner.ContainerId, datastore) is not null)
            return; // they are the other container's: this one's ADD was refused

        // The rule that masquerades has no chain; the networks in it may have been others when it was made.
        var start = $"-A POSTROUTING -s {address}/32 ";
        var end = $" ! -o {config.Vtep} -j MASQUERADE";
        IptablesChains.Remove(config.Lock, chains, (table, line) =>
            address is not null && table == "nat" && line.StartsWith(start, StringComparison.Ordinal) && line.EndsWith(end, StringComparison.Ordinal));
    }

    // Another container whose chains would have our names. The reference lets the second one share the first one's rules, and end them.
    private static string? SharedWith(string handle, Datastore datastore)
    {
        var own = WrapperRules.ChainsOf(handle)["filter"].ToHashSet();
        return datastore.Handles.FirstOrDefault(other => other != handle && WrapperRules.ChainsOf(other)["filter"].Any(own.Contains));
    }
}
