using System.Globalization;
using System.Text.RegularExpressions;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Iptables;

/// <summary>Security groups as chains <c>asg-HANDLE</c> below the wrapper's <c>netout--HANDLE</c>.</summary>
/// <remarks>
/// The wrapper's chain stays as it is but for one jump, before it logs and rejects what is left: whatever the reference's agent copies into its own chain
/// (denied networks, limits) still comes first.
/// </remarks>
internal static partial class GroupChains
{
    private const int LongestName = 28; // what iptables allows, less the terminating zero
    private const int LongestHandle = 20;

    /// <summary>Adds to a script what differs.</summary>
    internal static void Add(List<string> script, PolicyPlan plan, AgentOptions options, string[] saved)
    {
        var wanted = new HashSet<string>();
        foreach (ContainerPlan part in plan.Parts)
        {
            if (part.Groups is not { } rules)
                continue;
            LocalContainer container = part.Container;
            string parent = Cut($"netout--{container.Handle}"), chain = NameOf(container.Handle);
            if (!saved.Any(line => line.StartsWith($":{parent} ", StringComparison.Ordinal)))
                continue; // the wrapper makes it later, and asks then
            wanted.Add(chain);
            string[] inside = [.. saved.Where(line => line.StartsWith($"-A {parent} ", StringComparison.Ordinal)).Select(line => line[$"-A {parent} ".Length..])];
            List<string> text = [.. rules.Select(rule => $"-A {chain} {Match(rule)} {(options.LogGroups || rule.Log ? $"-g {LogChain(container.Handle)}" : "-j ACCEPT")}")];
            if (!text.SequenceEqual(saved.Where(line => line.StartsWith($"-A {chain} ", StringComparison.Ordinal))))
                script.AddRange([$":{chain} - [0:0]", .. text]); // an existing chain that is named is flushed
            if (!inside.Contains($"-j {chain}"))
                script.Add(string.Create(CultureInfo.InvariantCulture, $"-I {parent} {PlaceIn(inside)} -j {chain}"));
        }

        RemoveOrphans(script, saved, wanted);
    }

    /// <summary>The name of a container's chain: the handle without what a health check puts before it, and without hyphens.</summary>
    internal static string NameOf(string handle)
    {
        string body = (handle.StartsWith("check-", StringComparison.Ordinal) ? handle["check-".Length..] : handle).Replace("-", "", StringComparison.Ordinal);
        return $"asg-{(body.Length > LongestHandle ? body[..LongestHandle] : body)}";
    }

    private static void RemoveOrphans(List<string> script, string[] saved, HashSet<string> wanted)
    {
        string[] orphans = [.. saved.Select(line => Declared().Match(line)).Where(each => each.Success).Select(each => each.Groups[1].Value).Where(each => !wanted.Contains(each))];
        foreach (string chain in orphans)
        {
            script.AddRange(saved.Where(line => line.StartsWith("-A ", StringComparison.Ordinal) && line.EndsWith($" -j {chain}", StringComparison.Ordinal)).Select(line => $"-D{line[2..]}"));
            script.AddRange([$"-F {chain}", $"-X {chain}"]);
        }
    }

    // Before the rule that logs what is denied, and the one that rejects it.
    private static int PlaceIn(string[] rules)
    {
        int place = rules.Length;
        while (place > 0 && (place == rules.Length || rules[place - 1].Contains("--log-prefix \"DENY_", StringComparison.Ordinal)))
            place--;
        return place + 1;
    }

    private static string Match(EgressRule rule)
    {
        string range = $"-m iprange --dst-range {rule.First}-{rule.Last}";
        if (rule.Protocol == 0)
            return range;
        string protocol = AppPolicy.Word(rule.Protocol);
        string what = rule.Protocol == AppPolicy.Icmp
            ? $"--icmp-type {(rule.FirstPort != rule.LastPort ? "any" : rule.Code is { } code ? $"{rule.FirstPort}/{code}" : $"{rule.FirstPort}")}"
            : $"--dport {rule.FirstPort}{(rule.FirstPort == rule.LastPort ? "" : $":{rule.LastPort}")}";
        return string.Create(CultureInfo.InvariantCulture, $"-p {protocol} {range} -m {protocol} {what}");
    }

    private static string LogChain(string handle) => $"{Cut($"netout--{handle}", LongestName - "--log".Length)}--log";

    private static string Cut(string name, int length = LongestName) => name.Length > length ? name[..length] : name;

    [GeneratedRegex("^:(c?asg-[A-Za-z0-9]+) ")]
    private static partial Regex Declared();
}
