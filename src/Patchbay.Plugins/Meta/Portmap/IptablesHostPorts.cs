using System.Globalization;
using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>
/// Port mappings in iptables as the reference plugin lays them out: three chains for all, one for each container and network; and one more for
/// each further interface of the container there (<see cref="ChainOwner"/>). Rules are added by iptables-restore(8), once per family; what it made is removed directly where it stands in nf_tables.
/// </summary>
internal static class IptablesHostPorts
{
    internal const string Table = "nat";
    internal const string Dnat = "CNI-HOSTPORT-DNAT";
    internal const string SetMark = "CNI-HOSTPORT-SETMARK";
    internal const string Masq = "CNI-HOSTPORT-MASQ";
    private const int Attempts = 4;

    /// <summary>Adds the mappings of both families, each by a program of its own, side by side.</summary>
    internal static void Add(PortOwner owner, PortmapConfig config, ContainerAddresses addresses)
    {
        // What may be refused is refused before either family is touched.
        var families = new List<(bool IPv4, IpPrefix Address)>();
        using (var nft = NftablesSocket.Open())
        {
            foreach (var ipv4 in ContainerAddresses.Families)
            {
                if (addresses.Of(ipv4) is not { } address || !config.Applies(ipv4))
                    continue;
                var rules = new IptablesRules(ipv4, owner, config, address, owner.Chain);
                IptablesPortOwners.RefuseTaken(nft, ipv4, owner, rules.Mappings, address.Address);
                NftablesPortOwners.RefuseTaken(nft, ipv4, owner, rules.Mappings, address.Address);
                families.Add((ipv4, address));
            }
        }

        using var pending = new PendingWork();
        foreach (var (ipv4, address) in families.Skip(1))
            pending.Start(() => Add(ipv4, owner, config, address));
        foreach (var (ipv4, address) in families.Take(1))
            pending.Do(() => Add(ipv4, owner, config, address));
        pending.Complete();
    }

    /// <summary>Removes what an interface has in the old tables.</summary>
    /// <returns>Whether the old tables are in use.</returns>
    internal static bool RemoveLegacy(PortOwner owner, IReadOnlySet<IPAddress> addresses, ISet<IPAddress> containers) =>
        RemoveLegacy(saved => RemovalOf(saved, owner, addresses, containers));

    /// <summary>Removes the chains of a network from the old tables, but for the valid ones.</summary>
    internal static void CollectLegacy(string network, ValidChains valid, ISet<IPAddress> containers)
    {
        var comment = PortOwner.ChainCommentPrefix(network).Replace("\"", "\\\"", StringComparison.Ordinal);
        var stale = new HashSet<string>();
        RemoveLegacy(saved => RemovalOf(saved, (line, chain) =>
        {
            // The jump, which alone has the comment, comes before the rules of the chain only in some orders of chains.
            if (line.StartsWith($"-A {Dnat} ", StringComparison.Ordinal) && chain.StartsWith(PortOwner.ChainPrefix, StringComparison.Ordinal) && line.Contains(comment, StringComparison.Ordinal) && !valid.Keeps(chain, ChainOwner.Of(saved, chain)))
                stale.Add(chain);
            return stale.Contains(chain);
        }, containers));
    }

    private static void Add(bool ipv4, PortOwner owner, PortmapConfig config, IpPrefix address)
    {
        for (var attempt = 1; ; attempt++)
        {
            var tool = new IptablesTool(ipv4);
            var commands = new StringBuilder();
            using (var nft = NftablesSocket.Open())
            {
                // Which tables iptables-restore fills it alone knows. Those of the old interface are read by its own program, if they are in use.
                var present = LegacyTables.IsUsed(ipv4, Table) || config.MarkBit != 13
                    ? IptablesState.Read(tool.Save(Table))
                    : IptablesState.Read(nft, ipv4, owner, () => tool.Save(Table));
                new IptablesRules(ipv4, owner, config, address, present.ChainFor(owner, address.Address)).Write(commands, present);
            }

            if (commands.Length == 0)
                return;
            try
            {
                tool.Restore(Table, commands.ToString());
                return;
            }
            catch (CniException error) when (attempt < Attempts && error.Message.Contains("exists", StringComparison.OrdinalIgnoreCase))
            {
                // Another ADD made the common chains meanwhile, or that of the container.
            }
        }
    }

    private static bool RemoveLegacy(Func<string[], string> removalOf)
    {
        var used = false;
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            if (!LegacyTables.IsUsed(ipv4, Table))
                continue;
            used = true;
            var tool = new IptablesTool(ipv4, "legacy-");
            for (var attempt = 1; ; attempt++)
            {
                var commands = removalOf(tool.Save(Table));
                if (commands.Length == 0)
                    break;
                try
                {
                    tool.Restore(Table, commands);
                    break;
                }
                catch (CniException) when (attempt < Attempts)
                {
                    // Somebody else changed the same rules; they are looked at once more.
                }
            }
        }

        return used;
    }

    private static string RemovalOf(string[] saved, PortOwner owner, IReadOnlySet<IPAddress> addresses, ISet<IPAddress> containers)
    {
        var ifName = ChainOwner.Of(saved, owner.Chain);
        List<string> translations = ifName is not null || addresses.Count == 0 ? [] : [.. saved.Where(line => line.StartsWith($"-A {owner.Chain} ", StringComparison.Ordinal) && DnatTargets.Of(line) is not null)];
        List<string> own = [.. translations.Where(line => !ChainOwner.IsOthers(addresses, DnatTargets.Of(line)))];
        var isOwn = ifName is null
            ? own.Count == translations.Count && !Array.Exists(saved, line => line.StartsWith($":{owner.FurtherChain} ", StringComparison.Ordinal))
            : ifName == owner.IfName;
        var commands = RemovalOf(saved, (_, chain) => chain == owner.FurtherChain || (isOwn && (chain == owner.Chain || chain == owner.OldSourceChain)), containers);
        if (isOwn)
            return commands;
        containers.UnionWith(own.Select(DnatTargets.Of).OfType<IPAddress>());
        return commands + string.Concat(own.Select(line => $"-D{line[2..]}\n"));
    }

    private static string RemovalOf(string[] saved, Func<string, string, bool> isStale, ISet<IPAddress> containers)
    {
        var commands = new StringBuilder();
        var chains = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var line in saved)
        {
            var words = line.Split(' ');
            var isJump = words is ["-A", Dnat or "POSTROUTING", ..] && words is [.., "-j", _];
            var chain = line.StartsWith(':') ? words[0][1..] : isJump ? words[^1] : "";
            if (chain.Length == 0 || !isStale(line, chain))
                continue;
            chains.Add(chain);
            if (isJump)
                commands.Append("-D").Append(line.AsSpan(2)).Append('\n');
        }

        foreach (var line in saved)
        {
            if (line.Split(' ', 3) is ["-A", var chain, var rule] && chains.Contains(chain) && DnatTargets.Of(rule) is { } address)
                containers.Add(address);
        }

        foreach (var chain in chains)
            commands.Insert(0, $":{chain} - [0:0]\n").Append(CultureInfo.InvariantCulture, $"-X {chain}\n");
        return commands.ToString();
    }
}
