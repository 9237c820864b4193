using System.Globalization;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>An up or a down that is killed at any point, and then a down, leave the host as it was.</summary>
public sealed partial class CloudKillTests : IDisposable
{
    private readonly CloudHost _cloud = new();
    private string _keys = "{}";

    private string Trace => Path.Combine(_cloud.Host.Directory, "trace");

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("up", true, "nftables", 14)]
    [InlineData("up", false, "nftables", 8)]
    [InlineData("up", true, "iptables", 5)]
    [InlineData("down", true, "nftables", 8)]
    [InlineData("down", false, "iptables", 4)]
    public void Networker_and_wrapper(string action, bool today, string backend, int points)
    {
        Needs.Program("strace");
        // Of 2016 the networker has the rules, today the wrapper.
        _cloud.Network("10.conf", today ? _cloud.Wrapper($$"""{ "backend": "{{backend}}" }""") : $$"""{ "name": "cf", "type": "wrapper", "cniVersion": "0.2.0", "datastore": "{{_cloud.Datastore}}", "delegate": {{_cloud.Ptp}} }""");
        _keys = $$"""{ "backend": "{{backend}}" }""";
        TestNamespace web = _cloud.Host.AddContainer();
        _cloud.WriteConfig(today, _keys);
        Run(web, "up").Check();
        Down(today);
        Snapshot before = Snapshot.Take(_cloud.Host);

        Begin(web, action);
        Run(web, action, "--trace=all").Check();
        List<(string Name, int Ordinal)> calls = ReadTrace();
        Down(today);
        int count = Math.Min(points, calls.Count);
        foreach ((string name, int ordinal) in Enumerable.Range(0, count).Select(n => calls[n * calls.Count / count]))
        {
            Begin(web, action);
            CommandResult killed = Run(web, action, "--trace=all", $"--inject={name}:signal=KILL:when={ordinal.ToString(CultureInfo.InvariantCulture)}");
            Assert.True(killed.ExitCode != 0, $"{action} was over before call {name}:{ordinal}");
            // What it has started, iptables-restore say, lives on for a moment.
            Assert.True(SpinWait.SpinUntil(() => Command.Run(["ip", "netns", "pids", _cloud.Host.Name]).Check().StandardOutput.Length == 0, Command.DefaultLimit), "still running");
            Down(today);
            string[] left = [.. before.Difference(Snapshot.Take(_cloud.Host)).Where(fact => !fact.Contains("store.json_version", StringComparison.Ordinal))];
            Assert.True(left.Length == 0, $"after a kill of {action} at {name}:{ordinal}:\n{string.Join('\n', left)}");
            Assert.Empty(Directory.GetFiles(_cloud.Mounts));
        }
    }

    private void Begin(TestNamespace web, string action)
    {
        if (action == "down")
            Run(web, "up").Check();
    }

    // The calls that change anything, each by its number among those of its name, as strace counts them.
    private List<(string Name, int Ordinal)> ReadTrace()
    {
        var ordinals = new Dictionary<string, int>();
        var points = new List<(string, int)>();
        foreach (string call in File.ReadLines(Trace).Select(line => Call().Match(line)).Where(match => match.Success).Select(match => match.Value))
        {
            string name = call[..call.IndexOf('(', StringComparison.Ordinal)];
            int ordinal = ordinals[name] = ordinals.GetValueOrDefault(name) + 1;
            if (Changes().IsMatch(call))
                points.Add((name, ordinal));
        }

        Assert.True(points.Count >= 5, $"only {points.Count} calls change anything");
        return points;
    }

    private CommandResult Run(TestNamespace container, string action, params string[] strace)
    {
        string[] traced = strace.Length == 0 ? [] : ["strace", "--output", Trace, .. strace];
        return _cloud.Host.Run(
            ["sh", "-c", """exec "$@" 3< "$0" """, container.Path, .. traced, .. _cloud.Line(action, "web")],
            """{ "Pid": 0, "Properties": { "app_id": "a" }, "netin": [] }""");
    }

    private void Down(bool today) => _cloud.Networker("down", "web", today: today, keys: _keys).Check();

    [GeneratedRegex(@"^[a-z0-9_]+\(.*")]
    private static partial Regex Call();

    [GeneratedRegex(@"^(sendmsg|sendto|mount|umount2|unlink|unlinkat|rename|mkdir|ftruncate|pwrite64|fchmod|chown|vfork|clone|clone3)\(|O_CREAT")]
    private static partial Regex Changes();
}
