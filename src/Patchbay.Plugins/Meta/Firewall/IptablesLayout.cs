using System.Net;
using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The reference plugin's chains and rules in table filter, as lines of iptables-save(8) without their comments.</summary>
/// <remarks>
/// Its releases comment the rules of a policy differently, so rules are compared by what they do. What stands in the kernel
/// is brought into this form from either side: <see cref="OfSaved"/> here, <see cref="IptablesOnNftFirewall.Read"/> for nf_tables.
/// </remarks>
internal static class IptablesLayout
{
    internal const string Table = "filter";
    internal const string Forward = "FORWARD";
    internal const string Containers = "CNI-FORWARD";
    internal const string Stage1 = "CNI-ISOLATION-STAGE-1";
    internal const string Stage2 = "CNI-ISOLATION-STAGE-2";
    internal const string RulesComment = "CNI firewall plugin rules";
    internal const string AdminComment = "CNI firewall plugin admin overrides";
    internal const string ReplyMatch = "-m conntrack --ctstate RELATED,ESTABLISHED";

    internal static bool IsOwnChain(string name) => name is Containers or Stage1 or Stage2;

    internal static string SourceRule(IPAddress address) => $"-A {Containers} -s {Host(address)} -j ACCEPT";

    internal static string ReplyRule(IPAddress address) => $"-A {Containers} -d {Host(address)} {ReplyMatch} -j ACCEPT";

    internal static string Jump(string from, string to) => $"-A {from} -j {to}";

    internal static string Chain(string name) => $":{name}";

    /// <summary>What an attachment wants of one family, each line with how it is made; in the order of making.</summary>
    internal static List<(string Line, string Command)> Wanted(FirewallTarget target, bool ipv4)
    {
        var wanted = new List<(string, string)>();
        var admin = target.Config.AdminChain;
        New(Containers);
        New(admin);
        Insert(Jump(Forward, Containers), RulesComment);
        Insert(Jump(Containers, admin), AdminComment);
        foreach (var address in target.AddressesOf(ipv4))
        {
            wanted.Add((ReplyRule(address), ReplyRule(address)));
            wanted.Add((SourceRule(address), SourceRule(address)));
        }

        if (target.Bridge is not { } bridge)
            return wanted;
        const string Both = $"{RulesComment} (ingressPolicy: same-bridge|isolated)";
        var one = $"{RulesComment} (ingressPolicy: {(target.Config.Policy == IngressPolicy.Isolated ? "isolated" : "same-bridge")})";
        New(Stage1);
        New(Stage2);
        Insert(Jump(Forward, Stage1), Both);
        foreach (var device in bridge.Devices)
        {
            Insert($"-A {Stage1} -i {device} ! -o {device} -j {Stage2}", one);
            if (target.Config.Policy == IngressPolicy.Isolated)
                Insert($"-A {Stage1} -i {device} -o {device} -j DROP", one);
            Insert($"-A {Stage2} -o {device} -j DROP", Both);
        }

        Append(Jump(Stage1, "RETURN"), Both);
        Append(Jump(Stage2, "RETURN"), Both);
        return wanted;

        void New(string chain) => wanted.Add((Chain(chain), $"-N {chain}"));
        void Insert(string line, string comment) => wanted.Add((line, Commented($"-I{line[2..]}", comment)));
        void Append(string line, string comment) => wanted.Add((line, Commented(line, comment)));
    }

    /// <summary>The commands that make what is missing.</summary>
    /// <param name="present">Lines that there are.</param>
    /// <param name="wanted">Of <see cref="Wanted"/>.</param>
    internal static string Commands(IReadOnlySet<string> present, List<(string Line, string Command)> wanted)
    {
        var commands = new StringBuilder();
        foreach (var (line, command) in wanted)
        {
            if (!present.Contains(line))
                commands.Append(command).Append('\n');
        }

        return commands.ToString();
    }

    /// <summary>Tells whether the rules of an attachment's policy are there.</summary>
    internal static bool HasPolicy(IReadOnlySet<string> present, FirewallTarget target, bool ipv4)
    {
        var isPolicy = false;
        foreach (var (line, _) in Wanted(target, ipv4))
        {
            isPolicy |= line == Chain(Stage1); // they come last
            if (isPolicy && !present.Contains(line))
                return false;
        }

        return isPolicy;
    }

    /// <summary>Tells whether packets that nobody speaks for come through FORWARD.</summary>
    /// <param name="present">Lines that there are, FORWARD's policy among them.</param>
    /// <param name="policyOnly">True to look at the policy alone; false to count rules of others as well.</param>
    internal static bool Blocks(IReadOnlySet<string> present, bool policyOnly)
    {
        foreach (var line in present)
        {
            if (line == DropPolicy)
                return true;
            if (!policyOnly && line.StartsWith($"-A {Forward} ", StringComparison.Ordinal) && line != Jump(Forward, Containers) && line != Jump(Forward, Stage1))
                return true;
        }

        return false;
    }

    internal const string DropPolicy = $":{Forward} DROP";

    /// <summary>Lines of iptables-save(8) in our form.</summary>
    internal static HashSet<string> OfSaved(IEnumerable<string> saved)
    {
        var lines = new HashSet<string>();
        foreach (var line in saved)
            lines.Add(line.StartsWith(':') ? OfChain(line) : Normal(line));
        return lines;
    }

    /// <summary>A rule of iptables-save(8) in our form.</summary>
    internal static string Normal(string line)
    {
        if (line.IndexOf(" -m comment --comment ", StringComparison.Ordinal) is >= 0 and var start)
        {
            const int Length = 22;
            var end = start + Length;
            if (end < line.Length && line[end] == '"')
            {
                for (end++; end < line.Length && line[end] != '"'; end++)
                {
                    if (line[end] == '\\')
                        end++;
                }

                end++;
            }
            else
            {
                end = line.IndexOf(' ', end) is >= 0 and var space ? space : line.Length;
            }

            line = string.Concat(line.AsSpan(0, start), end < line.Length ? line.AsSpan(end) : "");
        }

        // An address may be written in several ways; ours is the framework's.
        var words = line.Split(' ');
        for (var i = 1; i < words.Length; i++)
        {
            if (words[i - 1] is "-s" or "-d" && IpPrefix.TryParse(words[i], out var prefix))
                words[i] = $"{prefix.Address}/{prefix.PrefixLength}";
        }

        return string.Join(' ', words);
    }

    // ":CNI-FORWARD - [0:0]", ":FORWARD DROP [0:0]"
    private static string OfChain(string line)
    {
        var words = line.Split(' ');
        return words is [var name, "-", ..] ? name : words is [var builtIn, var policy, ..] ? $"{builtIn} {policy}" : line;
    }

    private static string Commented(string line, string comment)
    {
        var target = line.IndexOf(" -j ", StringComparison.Ordinal);
        return $"{line[..target]} -m comment --comment \"{comment}\"{line[target..]}";
    }

    private static string Host(IPAddress address) => $"{address}/{(FirewallTarget.IsIPv4(address) ? 32 : 128)}";
}
