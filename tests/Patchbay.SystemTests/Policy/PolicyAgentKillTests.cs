using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>An agent that is killed at any moment leaves the rules of before or those of after, and in between everything works as one of them says.</summary>
public class PolicyAgentKillTests
{
    [Theory]
    [InlineData("nftables", 10)]
    [InlineData("iptables", 5)]
    public void Killed_while_it_starts_and_changes_rules(string backend, int points)
    {
        Needs.Program("strace");
        using AgentHost host = Apart(backend);
        string[] states = ["a b tcp 81", "a b tcp 82"];
        host.Allow("a b tcp 80", states[0]);
        host.StartAgent();
        host.Poll().Is(200);
        Traffic.HeldConnection connection = host.Hold("a", "b", 80);
        Traffic.Conversation fromA = host.Traffic.Watch("a", "b:tcp/80=yes", "c:tcp/80=no"), fromC = host.Traffic.Watch("c", "a:tcp/80=no", "b:tcp/80=no");
        host.Agent.Kill();

        Change();
        int calls = Traced(host, until: null);
        for (int point = 1; point <= points; point++)
        {
            Change();
            Traced(host, until: calls * point / points);
            string[] reached = host.Reached("a", "b:tcp/81", "b:tcp/82");
            Assert.True(reached.Length == 1, $"killed after call {calls * point / points} of {calls}: reached are {string.Join(' ', reached)}\n{host.Ruleset()}");
            Assert.True(fromA.Ask() == "ok" && fromC.Ask() == "ok" && connection.Works(), $"killed after call {calls * point / points} of {calls}: {fromA.Ask()}; {fromC.Ask()}\n{host.Ruleset()}");
        }

        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal([$"b:tcp/{states[0].Split(' ')[3]}"], host.Reached("a", "b:tcp/81", "b:tcp/82"));

        void Change()
        {
            (states[0], states[1]) = (states[1], states[0]);
            host.Allow(states[0]);
            host.Revoke(states[1]);
        }
    }

    [Fact]
    public void Killed_at_a_change_that_it_hears_of()
    {
        using AgentHost host = Apart("nftables");
        host.Configuration["long_poll_seconds"] = 60;
        host.Allow("a b tcp 80");
        host.StartAgent();
        host.Poll().Is(200);
        Traffic.Conversation watch = host.Traffic.Watch("a", "b:tcp/80=yes", "c:tcp/80=no");
        for (int round = 0; round < 6; round++)
        {
            host.Allow("a b tcp 81");
            host.Agent.Kill(); // before, while or after it follows
            host.Revoke("a b tcp 81");
            host.StartAgent();
            host.Poll().Is(200);
            Assert.Empty(host.Reached("a", "b:tcp/81"));
        }

        Assert.Equal("ok", watch.Ask());
    }

    // Starts an agent whose calls are counted, and kills it at one of them, or when it has enforced something.
    private static int Traced(AgentHost host, int? until)
    {
        Process strace = host.Host.Start(["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=network,execve", "-o", "/dev/stdout", .. host.Program.Command()]);
        TaskCompletionSource enforced = new(), reached = new();
        strace.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("enforced: ", StringComparison.Ordinal) != false)
                enforced.TrySetResult();
        };
        strace.BeginErrorReadLine();
        string? agent = null;
        int calls = 0;
        Task reading = Task.Run(() =>
        {
            while (strace.StandardOutput.ReadLine() is { } line)
            {
                agent ??= line.Split(' ')[0];
                if (Interlocked.Increment(ref calls) >= until)
                    reached.TrySetResult();
            }
        });
        Task.WhenAny(enforced.Task, reached.Task).WaitAsync(Command.DefaultLimit).GetAwaiter().GetResult();
        int seen = Volatile.Read(ref calls);
        host.Host.Run("kill", "-KILL", int.Parse(agent!, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)).Check();
        reading.WaitAsync(Command.DefaultLimit).GetAwaiter().GetResult();
        Assert.True(strace.WaitForExit(Command.DefaultLimit), "strace does not end");
        return seen;
    }

    private static AgentHost Apart(string backend)
    {
        AgentHost host = AgentHost.Create();
        host.Configuration["backend"] = backend;
        host.Configuration["client_timeout_seconds"] = 60; // strace is slow
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81", "tcp/82");
        }

        if (backend == "iptables")
        {
            // Denying is the wrapper's there.
            host.Host.Run(["iptables-restore"], "*filter\n-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -d 10.255.1.0/24 -j REJECT\nCOMMIT\n").Check();
        }

        host.Server.Start();
        return host;
    }
}
