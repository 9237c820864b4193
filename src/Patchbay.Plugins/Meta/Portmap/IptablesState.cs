using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>What the nat table of one family has already of the chains that all containers share, and of one container's own.</summary>
internal sealed class IptablesState
{
    private readonly string[]? _lines;
    private HashSet<string>? _canonical;

    private IptablesState(string[]? lines) => _lines = lines;

    internal bool HasSetMark { get; private init; }

    internal bool HasMasq { get; private init; }

    internal bool HasDnat { get; private init; }

    internal bool HasMasqueradeJump { get; private init; }

    internal bool HasPreroutingJump { get; private init; }

    internal bool HasOutputJump { get; private init; }

    /// <summary>Reads the lines of iptables-save(8).</summary>
    internal static IptablesState Read(string[] lines) => new(lines)
    {
        HasSetMark = HasChain(lines, IptablesHostPorts.SetMark),
        HasMasq = HasChain(lines, IptablesHostPorts.Masq),
        HasDnat = HasChain(lines, IptablesHostPorts.Dnat),
        HasMasqueradeJump = HasJump(lines, "POSTROUTING", IptablesHostPorts.Masq),
        HasPreroutingJump = HasJump(lines, "PREROUTING", IptablesHostPorts.Dnat),
        HasOutputJump = HasJump(lines, "OUTPUT", IptablesHostPorts.Dnat),
    };

    /// <summary>Reads what iptables-nft(8) made, without it; it is asked only where rules must be compared by their words.</summary>
    internal static IptablesState Read(NftablesSocket nft, bool ipv4, PortOwner owner, Func<string[]> save)
    {
        var family = IptablesOnNft.Family(ipv4);
        var found = nft.FindChains(
            (family, IptablesHostPorts.Table, IptablesHostPorts.SetMark), (family, IptablesHostPorts.Table, IptablesHostPorts.Masq),
            (family, IptablesHostPorts.Table, IptablesHostPorts.Dnat), (family, IptablesHostPorts.Table, owner.Chain), (family, IptablesHostPorts.Table, owner.FurtherChain));
        return new(found[3] is not null || found[4] is not null ? save() : null)
        {
            HasSetMark = found[0] is not null,
            HasMasq = found[1] is not null,
            HasDnat = found[2] is not null,
            // This chain may have a rule for each container of the host.
            HasMasqueradeJump = found[1] is { } masq
                && IptablesOnNft.FindJumps(nft, masq, IptablesOnNftHostPorts.Postrouting, nft.ListRules(family, IptablesHostPorts.Table, masq.Name)).Count > 0,
            HasPreroutingJump = found[2] is not null && JumpsToDnat("PREROUTING"),
            HasOutputJump = found[2] is not null && JumpsToDnat("OUTPUT"),
        };

        bool JumpsToDnat(string from) => nft.ListRules(family, IptablesHostPorts.Table, from).Any(rule => IptablesOnNft.JumpTarget(rule) == IptablesHostPorts.Dnat);
    }

    /// <summary>The chain that the ports of an interface belong in.</summary>
    /// <param name="owner">The interface.</param>
    /// <param name="address">Where its ports lead to.</param>
    internal string ChainFor(PortOwner owner, IPAddress address)
    {
        if (OwnLines(owner.FurtherChain) is not null)
            return owner.FurtherChain;
        if (OwnLines(owner.Chain) is not { } lines)
            return owner.Chain;
        if (ChainOwner.Of(lines, owner.Chain) is { } ifName)
            return ifName == owner.IfName ? owner.Chain : owner.FurtherChain;
        // Without a mark, the chain is of those that its ports lead to.
        List<IPAddress> targets = [.. lines.Select(DnatTargets.Of).OfType<IPAddress>()];
        return targets.Count == 0 || targets.Contains(address) ? owner.Chain : owner.FurtherChain;
    }

    /// <summary>The lines of a container's chain and of the jumps to it; null when there is no such chain.</summary>
    internal string[]? OwnLines(string chain) =>
        _lines is not null && HasChain(_lines, chain) ? Array.FindAll(_lines, line => line.StartsWith("-A", StringComparison.Ordinal) && line.Contains(chain, StringComparison.Ordinal)) : null;

    /// <summary>Whether a rule of a common chain is there; without lines, the chain has what is always in it.</summary>
    internal bool HasRule(string rule, bool chainExists) => chainExists && (_lines is null || Contains(_canonical ??= Canonical(_lines), rule));

    /// <summary>Whether a rule as it was written is among the lines of iptables-save(8), which has other words for the same.</summary>
    internal static bool Contains(HashSet<string> canonical, string rule) => canonical.Contains(Canonical(rule));

    /// <summary>Rules in the one form in which they are compared.</summary>
    internal static HashSet<string> Canonical(IEnumerable<string> lines) => [.. lines.Select(Canonical)];

    private static string Canonical(string rule) => string.Join('\n', Parts(rule).Order(StringComparer.Ordinal));

    /// <summary>Whether a line of iptables-save(8) has everything that must be in an entry: chain, ports, comment, target.</summary>
    internal static bool Includes(string line, string rule)
    {
        var has = Parts(line);
        return Parts(rule).All(part => has.Contains(part) || !(part.StartsWith("-A ", StringComparison.Ordinal) || part.StartsWith("-j ", StringComparison.Ordinal)
            || part.StartsWith("-p ", StringComparison.Ordinal) || part.StartsWith("--dports ", StringComparison.Ordinal) || part.StartsWith("--comment ", StringComparison.Ordinal)));
    }

    // A rule is a set of options here; order, names of matches and the lengths of host prefixes do not count.
    private static HashSet<string> Parts(string rule)
    {
        var parts = new HashSet<string>();
        var words = Words(rule);
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (word is "-m")
            {
                i++;
                continue;
            }

            if (!word.StartsWith('-') || i + 1 == words.Count)
                continue;
            var option = word switch { "-I" => "-A", "--destination-ports" => "--dports", "--set-mark" => "--set-xmark", _ => word };
            var value = words[++i];
            if (option == "-A" && value is "POSTROUTING" && i + 1 < words.Count && words[i + 1] == "1")
                i++;
            if (value.EndsWith("/32", StringComparison.Ordinal) || value.EndsWith("/128", StringComparison.Ordinal))
                value = value[..value.LastIndexOf('/')];
            if (option is "-s" && value is "0.0.0.0/0" or "::/0")
                continue;
            parts.Add($"{option} {value}");
        }

        return parts;
    }

    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var word = new System.Text.StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && quoted && i + 1 < line.Length)
                word.Append(line[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == ' ' && !quoted)
            {
                words.Add(word.ToString());
                word.Clear();
            }
            else
                word.Append(c);
        }

        words.Add(word.ToString());
        return words;
    }

    private static bool HasChain(string[] lines, string chain) => Array.Exists(lines, line => line.StartsWith($":{chain} ", StringComparison.Ordinal));

    private static bool HasJump(string[] lines, string from, string to) =>
        Array.Exists(lines, line => line.StartsWith($"-A {from} ", StringComparison.Ordinal) && line.EndsWith($" -j {to}", StringComparison.Ordinal));
}
