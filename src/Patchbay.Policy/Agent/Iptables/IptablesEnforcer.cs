using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Iptables;

/// <summary>Enforces by iptables with the chains of the reference: a new <c>vpa--MICROSECONDS</c> takes the place of the old one, first in FORWARD.</summary>
/// <remarks>The reference needs several programs for that and has both chains in place for a while; here it is one transaction of iptables-restore.</remarks>
internal sealed partial class IptablesEnforcer(IptablesTool iptables, bool groups, TimeProvider clock) : IEnforcer
{
    private (PolicyPlan Plan, AgentOptions Options)? _enforced;

    public IReadOnlyList<string> Problems => [];

    public void Dispose()
    {
        // Nothing is open between two calls.
    }

    public EnforcedChange Enforce(PolicyPlan plan, AgentOptions options)
    {
        // As the reference, which compares with what it did last; a container's chain may have come since, so groups are looked at again.
        if (_enforced is { } last && ReferenceEquals(last.Plan, plan) && last.Options == options && !groups)
            return default;
        EnforcedChange change = Change(saved =>
        {
            var script = new List<string>();
            Swap(script, saved, _ => PolicyRules.Of(plan, options));
            if (groups)
                GroupChains.Add(script, plan, options, saved);
            return script;
        });
        _enforced = (plan, options);
        return change;
    }

    public EnforcedChange KeepWhatIsThere(IReadOnlyList<LocalContainer> containers, AgentOptions options) => Change(saved =>
    {
        var script = new List<string>();
        Swap(script, saved, present => PolicyRules.StillMeant(present, containers));
        return script;
    });

    private EnforcedChange Change(Func<string[], List<string>> compose)
    {
        long start = Stopwatch.GetTimestamp();
        int lines = iptables.Change(saved => compose(saved) is { Count: > 0 } script ? script : null);
        return new EnforcedChange(lines, 0, Stopwatch.GetElapsedTime(start));
    }

    private void Swap(List<string> script, string[] saved, Func<string[], List<string>> want)
    {
        string[] old = [.. saved.Select(line => Declared().Match(line)).Where(each => each.Success).Select(each => each.Groups[1].Value)];
        string newest = old.OrderBy(NumberOf).LastOrDefault() ?? "";
        string[] present = [.. saved.Where(line => line.StartsWith($"-A {newest} ", StringComparison.Ordinal)).Select(line => line[$"-A {newest} ".Length..])];
        List<string> wanted = want(present);
        bool isFirst = saved.FirstOrDefault(line => line.StartsWith("-A FORWARD ", StringComparison.Ordinal)) == $"-A FORWARD -j {newest}";
        if (old.Length == 1 && isFirst && wanted.SequenceEqual(present))
            return;
        // The number must grow even when the clock was set back.
        long number = Math.Max(clock.GetUtcNow().Ticks / TimeSpan.TicksPerMicrosecond - (DateTime.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond), old.Length == 0 ? 0 : NumberOf(newest) + 1);
        string chain = string.Create(CultureInfo.InvariantCulture, $"vpa--{number}");
        script.AddRange([$":{chain} - [0:0]", .. wanted.Select(rule => $"-A {chain} {rule}"), $"-I FORWARD 1 -j {chain}"]);
        foreach (string each in old)
        {
            script.AddRange(saved.Where(line => line == $"-A FORWARD -j {each}").Select(line => $"-D{line[2..]}"));
            script.AddRange([$"-F {each}", $"-X {each}"]);
        }
    }

    private static long NumberOf(string chain) => long.Parse(chain.AsSpan("vpa--".Length), NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("^:(vpa--[0-9]{10,16}) ")]
    private static partial Regex Declared();
}
