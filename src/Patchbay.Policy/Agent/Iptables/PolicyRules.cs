using System.Globalization;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Native;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Iptables;

/// <summary>A plan in the words of <c>iptables -S</c>, without the chain: rule for rule the reference's.</summary>
internal static class PolicyRules
{
    /// <summary>Marks, then what is allowed; each group in an order that does not depend on the server's.</summary>
    internal static List<string> Of(PolicyPlan plan, AgentOptions options)
    {
        var rules = new List<string>();
        if (options.Unrestricted is { } overlay)
            rules.Add($"-s {overlay} -d {overlay} -j ACCEPT");
        foreach ((Ipv4 address, ushort tag) in plan.SourceTags.OrderBy(each => each.Address))
            rules.Add($"-s {address}/32 -m comment --comment \"src:{plan.At(address)!.Container.App}\" -j MARK --set-xmark 0x{Hex(tag)}/0xffffffff");
        foreach ((AllowedPorts allowed, AppPair apps) in Joined(plan.Allowed))
        {
            string protocol = AppPolicy.Word(allowed.Protocol);
            string ports = string.Create(CultureInfo.InvariantCulture, $"{allowed.First}{(allowed.First == allowed.Last ? "" : $":{allowed.Last}")}");
            string match = $"-d {allowed.Address}/32 -p {protocol} -m {protocol} --dport {ports} -m mark --mark 0x{Hex(allowed.Tag)} -m comment --comment \"src:{apps.Source}_dst:{apps.Destination}\"";
            if (options.LogContainers)
                rules.Add($"{match} {LogMatch(allowed.Protocol, options)} -j LOG --log-prefix \"{SharedChain.LogPrefix("OK_C_", apps.Destination)}\"");
            rules.Add($"{match} -j ACCEPT");
        }

        return rules;
    }

    /// <summary>Those of some rules that are for containers that still are: the address belongs to the app that the comment names.</summary>
    internal static List<string> StillMeant(IEnumerable<string> rules, IReadOnlyList<LocalContainer> containers)
    {
        HashSet<(string Address, string App)> there = [.. containers.Select(each => ($"{each.Address}/32", each.App))];
        return [.. rules.Where(rule =>
        {
            string[] words = rule.Split(' ');
            if (Array.IndexOf(words, "--comment") is not (> 0 and var at))
                return true; // the one that is for the whole overlay
            string comment = words[at + 1].Trim('"');
            string app = words[0] == "-s" ? comment["src:".Length..] : comment[(comment.IndexOf("_dst:", StringComparison.Ordinal) + "_dst:".Length)..];
            return there.Contains((words[1], app));
        })];
    }

    private static string LogMatch(byte protocol, AgentOptions options) => protocol == AppPolicy.Udp
        ? string.Create(CultureInfo.InvariantCulture, $"-m limit --limit {options.AcceptedUdpLogsPerSecond}/sec --limit-burst {options.AcceptedUdpLogsPerSecond}")
        : "-m conntrack --ctstate INVALID,NEW,UNTRACKED";

    // Short ranges are single ports in a plan; here each rule costs, so they are ranges again.
    private static IEnumerable<(AllowedPorts, AppPair)> Joined(IEnumerable<(AllowedPorts Ports, AppPair Apps)> allowed)
    {
        (AllowedPorts Ports, AppPair Apps)? open = null;
        foreach ((AllowedPorts next, AppPair apps) in allowed.OrderBy(each => each.Ports.Address).ThenBy(each => each.Ports.Tag).ThenBy(each => each.Ports.Protocol).ThenBy(each => each.Ports.First))
        {
            if (open is { } last && last.Ports with { First = 0, Last = 0 } == next with { First = 0, Last = 0 } && last.Ports.Last + 1 == next.First)
            {
                open = (last.Ports with { Last = next.Last }, apps);
                continue;
            }

            if (open is { } done)
                yield return done;
            open = (next, apps);
        }

        if (open is { } end)
            yield return end;
    }

    private static string Hex(uint tag) => tag.ToString("x", CultureInfo.InvariantCulture);
}
