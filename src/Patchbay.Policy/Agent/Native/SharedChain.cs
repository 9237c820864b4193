using System.Security.Cryptography;
using System.Text;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>Chains that all containers with the same rules go through: the name is a hash of the rules, so a chain of a name never changes.</summary>
internal static class SharedChain
{
    internal const string Groups = $"{AgentTable.Prefix}groups";
    private const string Denied = $"{AgentTable.Prefix}denied";
    private const string Logged = $"{AgentTable.Prefix}logged";
    private const string LogSuffix = "-log";
    private const int HashLength = 20;
    private const int LongestPrefix = 28; // the reference's, before a space

    /// <summary>Whether a chain of this name is one of these.</summary>
    internal static bool IsOne(string chain)
    {
        string main = chain.EndsWith(LogSuffix, StringComparison.Ordinal) ? chain[..^LogSuffix.Length] : chain;
        int hyphen = main.LastIndexOf('-');
        return hyphen > 0 && main[..hyphen] is Groups or Denied or Logged && main.Length == hyphen + 1 + HashLength && main[(hyphen + 1)..].All(char.IsAsciiHexDigitLower);
    }

    /// <summary>What goes to a container and nobody accepted: only what came in by a mapped port passes.</summary>
    /// <returns>The chain's name.</returns>
    internal static string AddDenied(Dictionary<string, IReadOnlyList<NftRule>> chains, uint ingressMark, string? loggedAs, int logsPerSecond)
    {
        string name = Name(Denied, $"{ingressMark}|{loggedAs}|{(loggedAs is null ? 0 : logsPerSecond)}");
        var rules = new List<NftRuleBuilder> { AgentTable.New().Mark(ingressMark).Accept() };
        if (loggedAs is not null)
            rules.Add(AgentTable.New().Add(Rate(logsPerSecond)).Add(Log("DENY_C2C_", loggedAs)));
        rules.Add(AgentTable.New().Add(new NftReject(NftRejectType.Icmp, Code: 3))); // port unreachable, as the reference rejects
        chains[name] = Rules(name, rules);
        return name;
    }

    /// <summary>The log of what is accepted to an app.</summary>
    /// <returns>The chain's name.</returns>
    internal static string AddLogged(Dictionary<string, IReadOnlyList<NftRule>> chains, string app, int udpLogsPerSecond)
    {
        string name = Name(Logged, $"{app}|{udpLogsPerSecond}");
        chains[name] = Rules(name, LogRules("OK_C_", app, udpLogsPerSecond));
        return name;
    }

    /// <summary>What a container may reach outside.</summary>
    /// <param name="chains">Where it goes.</param>
    /// <param name="rules">The rules in the order in which packets meet them.</param>
    /// <param name="logAll">Whether everything is logged, whatever the rules say.</param>
    /// <param name="handle">The container, for the log.</param>
    /// <param name="udpLogsPerSecond">How many packets of UDP are logged.</param>
    /// <returns>The chain's name.</returns>
    internal static string AddGroups(Dictionary<string, IReadOnlyList<NftRule>> chains, IReadOnlyList<EgressRule> rules, bool logAll, string handle, int udpLogsPerSecond)
    {
        bool logs = rules.Any(each => logAll || each.Log);
        string name = Name(Groups, $"{logAll}|{(logs ? $"{handle}|{udpLogsPerSecond}" : "")}|{string.Join('|', rules)}");
        if (chains.ContainsKey(name))
            return name;
        string log = name + LogSuffix;
        if (logs)
            chains[log] = Rules(log, [.. LogRules("OK_", handle, udpLogsPerSecond), AgentTable.New().Accept()]);
        chains[name] = Rules(name, rules.Select(rule =>
        {
            NftRuleBuilder match = Match(rule);
            return logAll || rule.Log ? match.Goto(log) : match.Accept();
        }));
        return name;
    }

    private static NftRuleBuilder Match(EgressRule rule)
    {
        NftRuleBuilder match = AgentTable.New();
        if (rule.First == rule.Last)
            match.Destination(rule.First.ToAddress());
        else if (rule is not { First.Number: 0, Last.Number: uint.MaxValue })
        {
            match.LoadAddress(source: false, ipv4: true)
                .Add(new NftCompare(NftOperator.GreaterOrEqual, rule.First.Bytes)).Add(new NftCompare(NftOperator.LessOrEqual, rule.Last.Bytes));
        }

        if (rule.Protocol is AppPolicy.Tcp or AppPolicy.Udp)
            return match.DestinationPort(rule.Protocol, rule.FirstPort, rule.LastPort);
        if (rule.Protocol != AppPolicy.Icmp)
            return match;
        match.Transport(AppPolicy.Icmp);
        if (rule.FirstPort == rule.LastPort)
            match.Add(new NftPayload(NftPayloadBase.Transport, 0, 1)).Add(new NftCompare(NftOperator.Equal, new[] { (byte)rule.FirstPort }));
        if (rule.Code is { } code)
            match.Add(new NftPayload(NftPayloadBase.Transport, 1, 1)).Add(new NftCompare(NftOperator.Equal, new[] { code }));
        return match;
    }

    private static List<NftRuleBuilder> LogRules(string word, string whose, int udpLogsPerSecond) =>
    [
        AgentTable.New().Add(new NftMeta(NftMetaKey.TransportProtocol)).Add(new NftCompare(NftOperator.NotEqual, new[] { AppPolicy.Udp }))
            .State(NftConnectionState.Invalid | NftConnectionState.New | NftConnectionState.Untracked).Add(Log(word, whose)),
        AgentTable.New().Transport(AppPolicy.Udp).Add(Rate(udpLogsPerSecond)).Add(Log(word, whose)),
    ];

    private static NftLimit Rate(int perSecond) => new((ulong)perSecond, Burst: (uint)perSecond);

    private static NftLog Log(string word, string whose) => new() { Prefix = LogPrefix(word, whose) };

    /// <summary>The beginning of a line in the log, as long as the reference's: 28 characters and a space.</summary>
    internal static string LogPrefix(string word, string whose)
    {
        string text = word + whose;
        return $"{(text.Length > LongestPrefix ? text[..LongestPrefix] : text)} ";
    }

    private static string Name(string kind, string content) =>
        $"{kind}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content))).AsSpan(0, HashLength)}";

    internal static List<NftRule> Rules(string chain, IEnumerable<NftRuleBuilder> rules) =>
        [.. rules.Select(each => new NftRule(AgentTable.Family, AgentTable.Name, chain, each.Build()))];
}
