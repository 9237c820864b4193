using System.Globalization;
using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>
/// Masquerading in iptables as the reference plugins lay it out: a chain per container and network, entered from POSTROUTING by source
/// address; and one more for each further interface of the container there (<see cref="ChainOwner"/>). Rules are added by iptables-restore(8); what it made is removed directly where it stands in nf_tables, and by
/// iptables-save(8) and iptables-restore(8) where it stands in the old tables of the kernel.
/// </summary>
internal static class IptablesMasquerade
{
    internal const string Table = "nat";
    private const int Attempts = 3;

    /// <summary>Adds the rules of one family; run on a thread of its own, for it waits for a program.</summary>
    internal static void Add(bool ipv4, MasqueradeName name, IReadOnlyList<CniIp> ips)
    {
        ips = [.. ips.Where(ip => ip.Address.IsIPv4 == ipv4)];
        for (var attempt = 1; ips.Count > 0; attempt++)
        {
            var tool = new IptablesTool(ipv4);
            var present = Present(tool, ipv4, name);
            try
            {
                tool.Restore(Table, Commands(ipv4, name, ips, present));
                return;
            }
            catch (CniException error) when (attempt < Attempts && error.Message.Contains("exists", StringComparison.OrdinalIgnoreCase))
            {
                // An ADD of another interface made the first chain meanwhile.
            }
        }
    }

    private static string Commands(bool ipv4, MasqueradeName name, IReadOnlyList<CniIp> ips, string[] present)
    {
        var chain = ChainFor(name, ips, present);
        var comment = $"-m comment --comment \"{name.IptablesComment.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
        var rules = new List<string>();
        var jumps = new List<string>();
        foreach (var ip in ips)
        {
            rules.Add($"-A {chain} -d {ip.Address.Network} {comment} -j ACCEPT");
            jumps.Add($"-A POSTROUTING -s {ip.Address.Address}/{(ipv4 ? 32 : 128)} {comment} -j {chain}");
        }

        rules.Add($"-A {chain} ! -d {(ipv4 ? "224.0.0.0/4" : "ff00::/8")} {comment} -j MASQUERADE");
        rules.Add(ChainOwner.Rule(chain, name.IfName));
        rules.AddRange(jumps);

        var commands = new StringBuilder();
        if (!HasChain(present, chain))
            commands.Append(CultureInfo.InvariantCulture, $"-N {chain}\n");
        foreach (var rule in rules)
        {
            if (!present.Contains(rule))
                commands.Append(rule).Append('\n');
        }

        return commands.ToString();
    }

    /// <summary>Removes what an interface has in the old tables of one family.</summary>
    internal static void RemoveLegacy(bool ipv4, MasqueradeName name, IReadOnlySet<IPAddress> addresses) => RemoveLegacy(ipv4, saved => RemovalOf(
        saved,
        (_, chain) => chain == name.FurtherChain
            || (chain == name.Chain && (ChainOwner.Of(saved, chain) is { } owner ? owner == name.IfName : !HasChain(saved, name.FurtherChain))),
        (line, chain) => ChainOwner.Of(saved, chain) is null && ChainOwner.IsOthers(addresses, SourceOf(line))));

    /// <summary>Removes the chains of a network from the old tables of one family, but for the valid ones.</summary>
    internal static void CollectLegacy(bool ipv4, string network, ValidChains valid)
    {
        var comment = MasqueradeName.IptablesCommentPrefix(network).Replace("\"", "\\\"", StringComparison.Ordinal);
        RemoveLegacy(ipv4, saved => RemovalOf(
            saved,
            (line, chain) => IsOurs(chain) && line.Contains(comment, StringComparison.Ordinal) && !valid.Keeps(chain, ChainOwner.Of(saved, chain))));
    }

    /// <summary>Tells whether the old tables of one family send an address to a chain of an interface.</summary>
    internal static bool ExistsLegacy(bool ipv4, MasqueradeName name, string source)
    {
        if (!LegacyTables.IsUsed(ipv4, Table))
            return false;
        var jump = $"-A POSTROUTING -s {source}/";
        foreach (var line in new IptablesTool(ipv4, "legacy-").Save(Table))
        {
            if (line.StartsWith(jump, StringComparison.Ordinal) && line.Split(' ')[^1] is var chain && (chain == name.Chain || chain == name.FurtherChain))
                return true;
        }

        return false;
    }

    /// <summary>Tells a masquerading chain from others by its name: the prefix and 24 hexadecimal digits.</summary>
    internal static bool IsOurs(string chain)
    {
        const int Digits = 24;
        const string Prefix = MasqueradeName.IptablesChainPrefix;
        if (chain.Length != Prefix.Length + Digits || !chain.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        foreach (var c in chain.AsSpan(Prefix.Length))
        {
            if (!char.IsAsciiHexDigitLower(c))
                return false;
        }

        return true;
    }

    // The lines of chains that exist already: another interface of the container on the same network may have one, and an ADD may be
    // repeated. Looking costs a program, so the kernel is asked first.
    private static string[] Present(IptablesTool tool, bool ipv4, MasqueradeName name)
    {
        using var nft = NftablesSocket.Open();
        if (!LegacyTables.IsUsed(ipv4, Table) && !IptablesOnNftMasquerade.HasChain(nft, ipv4, name))
            return [];
        return Array.FindAll(tool.Save(Table), line => line.Contains(name.Chain, StringComparison.Ordinal) || line.Contains(name.FurtherChain, StringComparison.Ordinal));
    }

    private static string ChainFor(MasqueradeName name, IReadOnlyList<CniIp> ips, string[] present)
    {
        if (HasChain(present, name.FurtherChain))
            return name.FurtherChain;
        if (ChainOwner.Of(present, name.Chain) is { } owner)
            return owner == name.IfName ? name.Chain : name.FurtherChain;
        // Without a mark, the chain is of those whose addresses are sent to it.
        List<IPAddress> sources = [.. present.Select(SourceOf).OfType<IPAddress>()];
        return sources.Count == 0 || ips.Any(ip => sources.Contains(ip.Address.Address)) ? name.Chain : name.FurtherChain;
    }

    private static bool HasChain(string[] saved, string chain) => Array.Exists(saved, line => line.StartsWith($":{chain} ", StringComparison.Ordinal));

    // The one source of a jump; null for another rule, and for the whole subnets of old releases of the reference.
    private static IPAddress? SourceOf(string line) =>
        line.Split(' ') is ["-A", "POSTROUTING", "-s", var source, ..] && IpPrefix.TryParse(source, out var prefix) && prefix.PrefixLength == (prefix.IsIPv4 ? 32 : 128) ? prefix.Address : null;

    // Between listing and deleting somebody else may change the same rules; then everything is looked at once more.
    private static void RemoveLegacy(bool ipv4, Func<string[], string> removalOf)
    {
        for (var attempt = 1; ; attempt++)
        {
            var tool = new IptablesTool(ipv4, "legacy-");
            var commands = removalOf(tool.Save(Table));
            if (commands.Length == 0)
                return;
            try
            {
                tool.Restore(Table, commands);
                return;
            }
            catch (CniException) when (attempt < Attempts)
            {
            }
        }
    }

    /// <summary>The commands that remove chains: jumps, rules, chains.</summary>
    /// <param name="saved">Lines of iptables-save(8).</param>
    /// <param name="isStale">Tells by a rule and the chain that it jumps to or is in whether the chain must go.</param>
    /// <param name="isOthers">Tells by a jump and the chain whether it stays, and the chain with it.</param>
    private static string RemovalOf(string[] saved, Func<string, string, bool> isStale, Func<string, string, bool>? isOthers = null)
    {
        var commands = new StringBuilder();
        var kept = new HashSet<string>();
        var chains = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var line in saved)
        {
            // A chain without rules shows only in its own line, ":CNI-… - [0:0]".
            var words = line.Split(' ');
            var chain = line.StartsWith(':') ? words[0][1..] : words is ["-A", "POSTROUTING", ..] ? words[^1] : words is ["-A", var inside, ..] ? inside : "";
            if (!isStale(line, chain))
                continue;
            chains.Add(chain);
            if (words is not ["-A", "POSTROUTING", .., "-j", _])
                continue;
            if (isOthers?.Invoke(line, chain) == true)
                kept.Add(chain);
            else
                commands.Append("-D").Append(line.AsSpan(2)).Append('\n');
        }

        foreach (var chain in chains.Except(kept))
            commands.Insert(0, $":{chain} - [0:0]\n").Append(CultureInfo.InvariantCulture, $"-X {chain}\n");
        return commands.ToString();
    }
}
