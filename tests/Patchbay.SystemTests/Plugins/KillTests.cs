using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>An ADD killed at any point, and then a DEL, leave the host as it was.</summary>
public class KillAddTests
{
    [Fact]
    public void Bridge_with_nftables() => KillTests.Add("bridge", """{ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": "nftables", "macspoofchk": true }""", 60);

    [Fact]
    public void Ptp() => KillTests.Add("ptp", "{}", 10);
}

/// <summary>The same with iptables, whose programs outlive the plugin.</summary>
public class KillIptablesTests
{
    [Fact]
    public void Bridge_is_killed_in_add() => KillTests.Add("bridge", """{ "isGateway": true, "ipMasq": true, "ipMasqBackend": "iptables" }""", 8);
}

/// <summary>A DEL killed at any point, and then another one, leave the host as it was before the ADD.</summary>
public class KillDeleteTests
{
    [Fact]
    public void Bridge_with_nftables() => KillTests.Delete("bridge", """{ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": "nftables", "macspoofchk": true }""", 30);

    [Fact]
    public void Bridge_with_iptables() => KillTests.Delete("bridge", """{ "ipMasq": true, "ipMasqBackend": "iptables" }""", 8);

    [Fact]
    public void Ptp() => KillTests.Delete("ptp", "{}", 10);
}

internal static class KillTests
{
    public static void Add(string type, string keys, int count) => With(type, keys, (host, container, config) => Run(host, container, type, config, "ADD", count));

    public static void Delete(string type, string keys, int count) => With(type, keys, (host, container, config) => Run(host, container, type, config, "DEL", count));

    /// <summary>Kills a command at so many points, lets another one finish, and looks whether all is as before.</summary>
    public static void Run(TestHost host, TestNamespace container, string type, string config, string command, int count, string finish = "DEL")
    {
        Needs.Program("strace");
        var kill = new KillPoints(host, container, type, config);
        // What stays on purpose, bridge and base chains, is there before.
        kill.Run("ADD").Check();
        kill.Run("DEL").Check();
        Snapshot before = Snapshot.Take(host, except: "cni0");
        if (command == "DEL")
            kill.Run("ADD").Check();
        IReadOnlyList<string> points = kill.Choose(command, count);
        kill.Run("DEL").Check();

        int killed = 0;
        foreach (string call in points)
        {
            if (command == "DEL")
                kill.Run("ADD").Check();
            killed += kill.KillAt(command, call) ? 1 : 0;
            CommandResult finished = kill.Run(finish);
            Assert.True(finished.ExitCode == 0, $"{finish} after {command} killed at call {call}: {finished}");
            try
            {
                before.AssertSame(Snapshot.Take(host, except: "cni0"));
            }
            catch (Xunit.Sdk.XunitException e)
            {
                Assert.Fail($"after {command} killed at call {call}: {e.Message}");
            }
        }

        // The last ones may lie beyond the end, when a run has a few calls less than the counted one: those by which threads wait for each other vary.
        Assert.True(points.Count - killed <= Math.Max(3, points.Count / 10), $"only {killed} of {points.Count} points were reached");
    }

    private static void With(string type, string keys, Action<TestHost, TestNamespace, string> test)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        test(host, host.AddContainer(), Conf.Make(host, type, keys));
    }
}
