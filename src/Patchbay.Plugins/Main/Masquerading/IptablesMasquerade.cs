using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>
/// Masquerading in iptables as the reference plugins lay it out: a chain per container and network, entered from POSTROUTING by source
/// address. Rules are added by iptables-restore(8); what it made is removed directly where it stands in nf_tables, and by
/// iptables-save(8) and iptables-restore(8) where it stands in the old tables of the kernel.
/// </summary>
internal static class IptablesMasquerade
{
    internal const string Table = "nat";

    /// <summary>Adds the rules of one family; run on a thread of its own, for it waits for a program.</summary>
    internal static void Add(bool ipv4, MasqueradeName name, IReadOnlyList<CniIp> ips)
    {
        var tool = new IptablesTool(ipv4);
        var chain = name.Chain;
        var comment = $"-m comment --comment \"{name.IptablesComment.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
        var rules = new List<string>();
        var jumps = new List<string>();
        foreach (var ip in ips)
        {
            if (ip.Address.IsIPv4 != ipv4)
                continue;
            rules.Add($"-A {chain} -d {ip.Address.Network} {comment} -j ACCEPT");
            jumps.Add($"-A POSTROUTING -s {ip.Address.Address}/{(ipv4 ? 32 : 128)} {comment} -j {chain}");
        }

        if (rules.Count == 0)
            return;
        rules.Add($"-A {chain} ! -d {(ipv4 ? "224.0.0.0/4" : "ff00::/8")} {comment} -j MASQUERADE");
        rules.AddRange(jumps);

        var commands = new StringBuilder();
        var present = Present(tool, ipv4, chain);
        if (present.Length == 0)
            commands.Append(CultureInfo.InvariantCulture, $":{chain} - [0:0]\n");
        foreach (var rule in rules)
        {
            if (!present.Contains(rule))
                commands.Append(rule).Append('\n');
        }

        tool.Restore(Table, commands.ToString());
    }

    /// <summary>Removes the chain of a container from the old tables of one family.</summary>
    internal static void RemoveLegacy(bool ipv4, string chain) => RemoveLegacy(ipv4, (_, candidate) => candidate == chain);

    /// <summary>Removes the chains of a network from the old tables of one family, but for the valid ones.</summary>
    internal static void CollectLegacy(bool ipv4, string network, HashSet<string> valid)
    {
        var comment = MasqueradeName.IptablesCommentPrefix(network).Replace("\"", "\\\"", StringComparison.Ordinal);
        RemoveLegacy(ipv4, (line, chain) => IsOurs(chain) && !valid.Contains(chain) && line.Contains(comment, StringComparison.Ordinal));
    }

    /// <summary>Tells whether the old tables of one family send an address to a chain.</summary>
    internal static bool ExistsLegacy(bool ipv4, string chain, string source)
    {
        if (!LegacyTables.IsUsed(ipv4, Table))
            return false;
        var jump = $"-A POSTROUTING -s {source}/";
        foreach (var line in new IptablesTool(ipv4, "legacy-").Save(Table))
        {
            if (line.StartsWith(jump, StringComparison.Ordinal) && line.EndsWith($" -j {chain}", StringComparison.Ordinal))
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

    // The lines of a chain that exists already: a second interface of the container on the same network shares it, and an ADD may be
    // repeated. Looking costs a program, so the kernel is asked first.
    private static string[] Present(IptablesTool tool, bool ipv4, string chain)
    {
        using var nft = NftablesSocket.Open();
        if (!LegacyTables.IsUsed(ipv4, Table) && !IptablesOnNftMasquerade.HasChain(nft, ipv4, chain))
            return [];
        return Array.FindAll(tool.Save(Table), line => line.Contains(chain, StringComparison.Ordinal));
    }

    // Between listing and deleting somebody else may change the same rules; then everything is looked at once more.
    private static void RemoveLegacy(bool ipv4, Func<string, string, bool> isStale)
    {
        for (var attempt = 1; ; attempt++)
        {
            var tool = new IptablesTool(ipv4, "legacy-");
            var commands = RemovalOf(tool.Save(Table), isStale);
            if (commands.Length == 0)
                return;
            try
            {
                tool.Restore(Table, commands);
                return;
            }
            catch (CniException) when (attempt < 3)
            {
            }
        }
    }

    /// <summary>The commands that remove chains: jumps, rules, chains.</summary>
    /// <param name="saved">Lines of iptables-save(8).</param>
    /// <param name="isStale">Tells by a rule and the chain that it jumps to or is in whether the chain must go.</param>
    internal static string RemovalOf(string[] saved, Func<string, string, bool> isStale)
    {
        var commands = new StringBuilder();
        var chains = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var line in saved)
        {
            // A chain without rules shows only in its own line, ":CNI-… - [0:0]".
            var words = line.Split(' ');
            var chain = line.StartsWith(':') ? words[0][1..] : words is ["-A", "POSTROUTING", ..] ? words[^1] : words is ["-A", var inside, ..] ? inside : "";
            if (!isStale(line, chain))
                continue;
            chains.Add(chain);
            if (words is ["-A", "POSTROUTING", .., "-j", _])
                commands.Append("-D").Append(line.AsSpan(2)).Append('\n');
        }

        foreach (var chain in chains)
            commands.Insert(0, $":{chain} - [0:0]\n").Append(CultureInfo.InvariantCulture, $"-X {chain}\n");
        return commands.ToString();
    }
}
