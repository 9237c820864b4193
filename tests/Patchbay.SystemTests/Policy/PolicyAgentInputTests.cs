using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>What makes no sense permits nothing and harms nothing else: policies, datastores, clocks; tried by real connections.</summary>
public class PolicyAgentInputTests
{
    private static readonly string[] Ports = ["tcp/80", "tcp/81", "tcp/82", "tcp/1000", "tcp/1700", "tcp/3000", "tcp/3001", "udp/80"];

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Policies_that_make_no_sense(string backend)
    {
        using AgentHost host = Apart();
        host.Configuration["backend"] = backend;
        if (backend == "iptables")
        {
            // Denying is the wrapper's there.
            host.Host.Run(["iptables-restore"], "*filter\n-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -d 10.255.1.0/24 -j REJECT\nCOMMIT\n").Check();
        }

        string good = InternalApiStub.Policy("a", "0001", "b", "tcp", "80", "80");
        string[] policies =
        [
            InternalApiStub.Policy("a", "0001", "b", "tcp", "82", "81"),          // from 82 to 81
            InternalApiStub.Policy("a", "10001", "b", "tcp", "81", "81"),         // 17 bits; the lower ones are a's
            InternalApiStub.Policy("c", "0000", "b", "tcp", "81", "81"),          // no tag
            InternalApiStub.Policy("a", "0001", "b", "icmp", "81", "81"),
            InternalApiStub.Policy("a", "0001", "b", "tcp", "0", "65536"),
            InternalApiStub.Policy("a", "0001", "b", "tcp", "\"81\"", "81"),
            InternalApiStub.Policy("a b; flush ruleset", "0001", "b", "tcp", "81", "81"),
            """{"source":{"id":"a"}}""", "[]", "81", "null", """{"source":null,"destination":{"id":"b"}}""",
            good, good,
            InternalApiStub.Policy("a", "0001", "b", "tcp", "1000", "2000"),      // overlapping
            InternalApiStub.Policy("a", "0001", "b", "tcp", "1500", "3000"),
            InternalApiStub.Policy("a", "0001", "b", "tcp", "1600", "1800"),
            InternalApiStub.Policy("nobody", "0009", "b", "tcp", "81", "81"),     // unknown apps
            InternalApiStub.Policy("a", "0001", "nobody", "tcp", "81", "81"),
            InternalApiStub.Policy("c", "0003", "b", "udp", "80", "80"),
            InternalApiStub.Policy("c", "0004", "b", "tcp", "82", "82"),          // an app of two tags: the first is its packets'
        ];
        var server = new InternalApiStub(host) { LastUpdated = 1, Policies = $$"""{"policies":[{{string.Join(',', policies)}}]}""" };
        server.Save();
        host.StartAgent();
        host.Poll().Is(200);
        Holds();
        Assert.Equal("13", host.Program.Metric("problems"));
        Assert.Contains("the ports are 82 to 81", host.Agent.Log, StringComparison.Ordinal);
        Assert.Contains("which is none of 16 bits", host.Agent.Log, StringComparison.Ordinal);
        Assert.Contains("has the tags 3 and 4", host.Agent.Log, StringComparison.Ordinal);

        // Answers that are none at all: what was holds.
        foreach (string text in (string[])["", "{", "[]", "null", """{"policies":null}""", """{"policies":[{"source":""", """{"policies":[]}}""", "<html>"])
        {
            (server.Policies, server.LastUpdated) = (text, server.LastUpdated + 1);
            server.Save();
            host.Poll().Is(500);
        }

        Holds();

        void Holds()
        {
            Assert.Equal(Cells("b", "tcp/1000", "tcp/1700", "tcp/3000", "tcp/80"), host.Reached("a", Cells("b", Ports)));
            Assert.Equal(Cells("b", "udp/80"), host.Reached("c", Cells("b", Ports)));
            Assert.Empty(host.Reached("b", [.. Cells("a", Ports), .. Cells("c", Ports)]));
        }
    }

    [Fact]
    public void Datastores_that_make_no_sense()
    {
        using AgentHost host = Apart();
        host.Server.Start();
        host.Allow("a b tcp 80", "b c tcp 80");
        string Entry(string handle, string app, string name) => $$"""
            "{{handle}}":{"handle":"{{handle}}","ip":"{{host.AddressOf(name)}}","metadata":{"policy_group_id":"{{app}}"} }
            """;
        string b = Entry("h-b", "b", "b"), c = Entry("h-c", "c", "c");

        // Twice the same handle: the last one counts. Entries that are none are left out, the others hold. The same app twice at an address is one.
        host.WriteDatastore($$"""
            { {{Entry("h-a", "nobody", "c")}}, {{Entry("h-a", "a", "a")}}, {{b}}, {{Entry("h-b-again", "b", "b")}}, {{c}},
              "h-6":{"ip":"fd00::1"}, "h-none":{}, "h-null":null, "h-number":7, "h-octal":{"ip":"10.255.001.2"}, "h-short":{"ip":"10.255"}, "../h":{"ip":"10.255.1.9"}, "":{"ip":"10.255.1.9"},
              "h-odd":{"ip":"10.255.1.8","metadata":{"policy_group_id":["a"],"ports":7} } }
            """);
        host.StartAgent();
        host.Poll().Is(200);
        Holds();
        Assert.Equal(4, host.Elements("agent-isolated").Length);
        Assert.Contains("is there twice: the last entry counts", host.Agent.Log, StringComparison.Ordinal);
        Assert.Contains("policies are for IPv4", host.Agent.Log, StringComparison.Ordinal);

        // Two apps at one address: whose packets those are is not known, so they may nothing, and nobody may reach them.
        host.WriteDatastore($$"""{ {{Entry("h-a", "a", "a")}}, {{b}}, {{Entry("h-other", "c", "a")}}, {{c}} }""");
        host.Poll().Is(200);
        Assert.Empty(host.Reached("a", Cells("b", Ports)));
        Assert.Equal(Cells("c", "tcp/80"), host.Reached("b", Cells("c", Ports)));

        // Half-written, at any place.
        string whole = $$"""{ {{Entry("h-a", "a", "a")}}, {{b}}, {{c}} }""";
        host.WriteDatastore(whole);
        host.Poll().Is(200);
        string ruleset = host.Ruleset();
        Traffic.Conversation watch = host.Traffic.Watch("a", "b:tcp/80=yes", "b:tcp/81=no", "c:tcp/80=no");
        for (int length = 0; length < whole.Length; length += 23)
        {
            host.WriteDatastore(whole[..length]);
            host.Poll().Is(500);
        }

        foreach (string text in (string[])["null", "[]", "\"x\"", whole + "}", whole.Replace("h-a", "\\ud800", StringComparison.Ordinal)])
        {
            host.WriteDatastore(text);
            host.Poll().Is(500);
        }

        Assert.Equal("ok", watch.Ask());
        host.WriteDatastore(whole);
        host.Poll().Is(200);
        Assert.Equal(ruleset, host.Ruleset());
        Holds();

        void Holds()
        {
            Assert.Equal(Cells("b", "tcp/80"), host.Reached("a", Cells("b", Ports)));
            Assert.Equal(Cells("c", "tcp/80"), host.Reached("b", Cells("c", Ports)));
            Assert.Empty(host.Reached("a", Cells("c", Ports)));
        }
    }

    // The wall clock of one program at a time, by libfaketime; timers go by another clock and go on.
    [Fact]
    public void Clocks_that_jump()
    {
        Needs.Program("faketime");
        using AgentHost host = Apart();
        string agentClock = Clock(host, "agent"), serverClock = Clock(host, "server");
        host.Server.Start([.. Env(serverClock)]);
        host.Allow("a b tcp 80");
        host.Program.Start(Faked(agentClock));
        host.Poll().Is(200);
        Traffic.Conversation watch = host.Traffic.Watch("a", "b:tcp/80=yes", "c:tcp/80=no");

        // The server's goes forward and back: states get smaller numbers, and are followed all the same. Tokens are of its time.
        foreach (string jump in (string[])["+90d", "+30d", "+60d", "+1d"])
        {
            File.WriteAllText(serverClock, jump);
            string token = host.Host.Run([.. Env(serverClock), PolicyHost.Executable, "policy", "token", host.Server.Certs]).Check().StandardOutput.Trim();
            host.Server.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 81"), token).Is(200);
            host.Poll().Is(200);
            Assert.Equal(Cells("b", "tcp/80", "tcp/81"), host.Reached("a", Cells("b", Ports)));
            host.Server.External("POST", "v1/external/policies/delete", PolicyHost.Body("a b tcp 81"), token).Is(200);
            host.Poll().Is(200);
            Assert.Equal(Cells("b", "tcp/80"), host.Reached("a", Cells("b", Ports)));
        }

        // The agent's, to where no certificate is good: nothing changes until it is right again.
        File.WriteAllText(serverClock, "+0");
        foreach (string jump in (string[])["+10y", "-10y"])
        {
            host.Agent.Kill();
            File.WriteAllText(agentClock, jump);
            host.Program.Start(Faked(agentClock));
            host.Poll().Is(500);
            Assert.Equal("ok", watch.Ask());
            File.WriteAllText(agentClock, "+0");
            host.Poll().Is(200);
        }

        Assert.Equal("ok", watch.Ask());
    }

    private static string Clock(AgentHost host, string name)
    {
        string file = Path.Combine(host.Host.Directory, $"{name}.clock");
        File.WriteAllText(file, "+0");
        return file;
    }

    private static IEnumerable<string> Env(string clock) => Faked(clock).Select(each => $"{each.Key}={each.Value}").Prepend("env");

    private static Dictionary<string, string?> Faked(string clock) => new()
    {
        ["LD_PRELOAD"] = Directory.GetDirectories("/usr/lib").Select(each => $"{each}/faketime/libfaketimeMT.so.1").First(File.Exists), // by architecture
        ["FAKETIME_TIMESTAMP_FILE"] = clock,
        ["FAKETIME_NO_CACHE"] = "1",
        ["DONT_FAKE_MONOTONIC"] = "1",
    };

    private static string[] Cells(string name, params string[] ports) => [.. ports.Select(each => $"{name}:{each}")];

    private static AgentHost Apart()
    {
        AgentHost host = AgentHost.Create();
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, Ports);
        }

        return host;
    }
}
