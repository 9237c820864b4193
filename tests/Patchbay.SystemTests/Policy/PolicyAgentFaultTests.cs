using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>What goes wrong never opens what was closed and never cuts what was allowed.</summary>
public class PolicyAgentFaultTests
{
    private static readonly string[] Cells = ["b:tcp/80", "b:tcp/81", "b:udp/80", "c:tcp/80"];
    private static readonly string[] Open = ["b:tcp/80", "b:udp/80"];

    [Fact]
    public void Rules_hold_while_everything_else_restarts_or_breaks()
    {
        using AgentHost host = Started(host => host.Configuration["client_timeout_seconds"] = 1);
        Traffic.HeldConnection connection = host.Hold("a", "b", 80);
        Traffic.Conversation watch = host.Traffic.Watch("a", "b:tcp/80=yes", "b:udp/80=yes", "b:tcp/81=no", "c:tcp/80=no"); // also while something happens
        string before = host.Ruleset();
        Holds("the agent is killed", host.Agent.Kill);
        Holds("it starts while the server runs", host.StartAgent);
        Holds("it ends as init systems end it", () => Assert.Equal(0, host.Agent.Stop()));

        Assert.Equal(0, Server.Stop());
        Holds("it starts without a server", () =>
        {
            host.StartAgent();
            Assert.Contains("failed to force policy poll cycle: ", host.Poll().Is(500).Body, StringComparison.Ordinal);
        });
        Assert.Contains("policies are not known yet", host.Agent.Log, StringComparison.Ordinal);
        Holds("the server comes back", () =>
        {
            Server = host.Server.Start();
            host.Poll().Is(200);
        });
        Holds("the datastore is gone", () =>
        {
            File.Delete(host.Datastore);
            Assert.Contains(host.Datastore, host.Poll().Is(500).Body, StringComparison.Ordinal);
        });
        Holds("the agent starts without a datastore", () =>
        {
            host.Agent.Kill();
            host.StartAgent();
            host.Poll().Is(500);
        });
        Holds("the datastore is half-written", () =>
        {
            host.WriteDatastore("{\"h-a\":{\"handle\":\"h-a\",\"ip\":\"10.2");
            Assert.Contains("half-written or damaged", host.Poll().Is(500).Body, StringComparison.Ordinal);
        });
        Holds("the datastore is empty", () =>
        {
            host.WriteDatastore("");
            host.Poll().Is(500);
        });
        Holds("the datastore is whole again", () =>
        {
            host.WriteDatastore();
            host.Poll().Is(200);
        });
        Holds("the server answers nonsense: another one has its port", () =>
        {
            Server.Stop();
            host.Poll().Is(500);
        });
        Server = host.Server.Start();
        host.Poll().Is(200);
        Holds("the server cannot be reached: what is sent to it gets lost", () =>
        {
            host.Host.Run(["nft", "-f", "-"], "table ip lost { chain output { type filter hook output priority 0; tcp dport 4003 drop; }; }").Check();
            Assert.Contains("no answer within 1 s", host.Poll().Is(500).Body, StringComparison.Ordinal);
            host.Host.Run("nft", "delete", "table", "ip", "lost").Check();
        });
        Assert.Equal("ok", watch.Ask());
        Assert.Equal(before, host.Ruleset());

        void Holds(string what, Action act)
        {
            act();
            Assert.True(Open.SequenceEqual(host.Reached("a", Cells)), $"{what}: {string.Join(' ', host.Reached("a", Cells))}\n{host.Ruleset()}");
            Assert.Empty(host.Reached("c", "a:tcp/80", "b:tcp/80", "b:udp/80"));
            Assert.True(connection.Works(), what);
        }
    }

    [Fact]
    public void Without_a_server_new_containers_are_closed_and_inherit_nothing()
    {
        using AgentHost host = Started();
        host.Agent.Kill();
        Server.Stop();

        // The address of b's container goes to one of another app, and that of a's to one that is no app's.
        host.Forget("h-b");
        host.WriteDown("h-x", "x", host.AddressOf("b"));
        host.Forget("h-a");
        host.WriteDown("h-y", "", host.AddressOf("a"));
        host.AddContainer("h-d", "d");
        host.Serve("d", "tcp/80");
        host.StartAgent();
        host.Poll().Is(500);

        Assert.Empty(host.Reached("a", "b:tcp/80", "b:udp/80", "d:tcp/80"));
        Assert.Empty(host.Elements("source_tags"));
        Assert.Empty(host.Elements("agent-allowed"));
        Assert.Equal(4, host.Elements("agent-isolated").Length);
    }

    [Fact]
    public void An_address_that_two_apps_claim_has_the_rights_of_neither()
    {
        using AgentHost host = Started();
        host.WriteDown("h-old", "c", host.AddressOf("b"));
        host.Poll().Is(200);
        Assert.Empty(host.Reached("a", "b:tcp/80", "b:udp/80"));
        Assert.Contains("h-b\\u0022, \\u0022h-old", host.Agent.Log, StringComparison.Ordinal);

        host.Forget("h-old");
        host.Poll().Is(200);
        Assert.Equal(Open, host.Reached("a", Cells));
    }

    [Fact]
    public void A_change_at_the_server_is_followed_at_once()
    {
        using AgentHost host = Started(configure: host => host.Configuration["long_poll_seconds"] = 60);
        host.Poll().Is(200);
        string before = host.Ruleset();
        host.Revoke("a b tcp 80");

        // The interval is an hour: only the server can have told.
        host.Agent.WaitForLog("enforced: 1 changes");
        Assert.NotEqual(before, host.Ruleset());
        Assert.Equal(["b:udp/80"], host.Reached("a", Cells));
    }

    [Fact]
    public void A_certificate_of_another_authority_gets_nothing()
    {
        using AgentHost host = Started();
        host.Agent.Kill();
        string others = Path.Combine(host.Host.Directory, "others");
        host.Host.Run(PolicyHost.Executable, "policy", "certs", others).Check();
        host.Configuration["client_cert_file"] = $"{others}/client.crt";
        host.Configuration["client_key_file"] = $"{others}/client.key";
        host.StartAgent();
        host.Poll().Is(500);
        host.Agent.Kill();
        host.Configuration["client_cert_file"] = $"{host.Server.Certs}/client.crt";
        host.Configuration["client_key_file"] = $"{host.Server.Certs}/client.key";
        host.Configuration["ca_cert_file"] = $"{others}/ca.crt";
        host.StartAgent();
        host.Poll().Is(500);
        Assert.Equal(Open, host.Reached("a", Cells));
    }

    [Fact]
    public void Local_endpoints_answer_as_the_references()
    {
        using AgentHost host = Started();
        Assert.Equal((200, ""), Answer(host.Local("/force-policy-poll-cycle")));
        Assert.Equal((400, "no container specified"), Answer(host.Local("/force-asgs-for-container")));
        Assert.Equal((405, "ASG syncing has been disabled administratively"), Answer(host.Local("/force-asgs-for-container?container=h-a")));
        Assert.Equal((405, "ASG syncing has been disabled administratively"), Answer(host.Local("/force-orphaned-asgs-cleanup?container=h-a")));
        Assert.Equal(404, host.Local("/metrics").Status);

        Assert.Equal((200, "{\"enabled\":false}"), Answer(host.Debug("/iptables-c2c-logging")));
        Assert.Equal((200, "{\"enabled\":true}"), Answer(host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "{\"enabled\":true}")));
        Assert.Contains("log prefix \"OK_C_b \"", host.Ruleset(), StringComparison.Ordinal);
        Assert.Contains("limit rate 1/second burst 1 packets log prefix \"DENY_C2C_h-b \"", host.Ruleset(), StringComparison.Ordinal);
        Assert.Equal(Open, host.Reached("a", Cells));
        Assert.Equal(200, host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "{\"enabled\":false}").Status);
        Assert.DoesNotContain("log prefix", host.Ruleset(), StringComparison.Ordinal);
        Assert.Equal(400, host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "{}").Status);
        Assert.Equal(400, host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "true").Status);

        Assert.Equal(204, host.Debug("/log-level", "-d", "debug").Status);
        host.Poll().Is(200);
        host.Agent.WaitForLog("GET /force-policy-poll-cycle: 200");
        Assert.Equal(400, host.Debug("/log-level", "-d", "loud").Status);
        Assert.Equal("3", host.Program.Metric("containers"));
        Assert.Equal("2", host.Program.Metric("permissions"));
    }

    private PolicyServerProcess Server { get; set; } = null!;

    private static (int, string) Answer(HttpAnswer answer) => (answer.Status, answer.Body);

    // a may reach b at tcp and udp 80; c may nothing.
    private AgentHost Started(Action<AgentHost>? configure = null)
    {
        AgentHost host = AgentHost.Create();
        configure?.Invoke(host);
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81", "udp/80");
        }

        Server = host.Server.Start();
        host.Allow("a b tcp 80", "a b udp 80");
        host.StartAgent();
        host.Poll().Is(200);
        return host;
    }
}
