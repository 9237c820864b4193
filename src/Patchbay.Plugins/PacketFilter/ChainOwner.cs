using System.Net;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>Tells which interface an iptables chain is of, where its name tells only the container and the network.</summary>
/// <remarks>
/// The reference plugins name a container's chain by container and network. The first interface there has the chain of that name, and a further
/// one has a chain whose name also tells the interface. The last rule of either does nothing: its comment names the interface, for a DEL that
/// knows neither addresses nor what was added before. The reference empties chains whatever is in them, so it removes marked ones as well.
/// A chain without a mark was made by the reference, or by a release that had no marks.
/// </remarks>
internal static class ChainOwner
{
    private const string Prefix = "interface ";
    private const string Option = "-m comment --comment \"" + Prefix;

    /// <summary>The rule that marks a chain, as iptables-save(8) writes it.</summary>
    internal static string Rule(string chain, string ifName) =>
        $"-A {chain} {Option}{ifName.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}\"";

    /// <summary>The interface that a chain is of; null when it has no mark.</summary>
    /// <param name="rules">The rules of the chain.</param>
    internal static string? Of(IReadOnlyList<NftRule> rules)
    {
        for (var i = rules.Count - 1; i >= 0; i--)
        {
            if (IptablesRule.Read(rules[i]).Comment is var comment && comment.StartsWith(Prefix, StringComparison.Ordinal))
                return comment[Prefix.Length..];
        }

        return null;
    }

    /// <summary>The interface that a chain is of; null when it has no mark.</summary>
    /// <param name="saved">Lines of iptables-save(8), of this chain and others.</param>
    /// <param name="chain">The chain.</param>
    internal static string? Of(IEnumerable<string> saved, string chain)
    {
        var start = $"-A {chain} {Option}";
        foreach (var line in saved)
        {
            if (line.StartsWith(start, StringComparison.Ordinal) && line.EndsWith('"'))
                return Unescape(line.AsSpan(start.Length)[..^1]);
        }

        return null;
    }

    /// <summary>Whether a rule of a chain without a mark, or a jump to it, is another interface's.</summary>
    /// <param name="own">The addresses of the interface, as far as the runtime tells them; without any, all is taken for its own.</param>
    /// <param name="address">The one address that the rule is for; null when there is no such.</param>
    internal static bool IsOthers(IReadOnlySet<IPAddress> own, IPAddress? address) => address is not null && own.Count > 0 && !own.Contains(address);

    private static string Unescape(ReadOnlySpan<char> text)
    {
        var plain = new System.Text.StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length)
                i++;
            plain.Append(text[i]);
        }

        return plain.ToString();
    }
}
