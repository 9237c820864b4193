using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Connections that are open when their policy is revoked, or when one end's container goes.</summary>
public class PolicyAgentRevokedTests
{
    private static readonly string[] Cells = ["b:tcp/80", "b:tcp/81", "b:udp/80"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void They_end_when_so_configured(bool cut)
    {
        using AgentHost host = Started(cut);
        Traffic.HeldConnection revoked = host.Hold("a", "b", 80), otherPort = host.Hold("a", "b", 81), otherApp = host.Hold("c", "b", 80);
        Traffic.Conversation datagrams = host.Traffic.Flow("a", "b", 80), others = host.Traffic.Flow("c", "b", 80);
        Assert.Equal(("yes", "yes"), (datagrams.Ask(), others.Ask()));
        host.Revoke("a b tcp 80", "a b udp 80");
        host.Poll().Is(200);

        Assert.Equal(!cut, revoked.Works());
        Assert.Equal(cut ? "no" : "yes", datagrams.Ask());
        Assert.True(otherPort.Works() && otherApp.Works());
        Assert.Equal("yes", others.Ask());
        Assert.Equal(["b:tcp/81"], host.Reached("a", Cells));
        Assert.Equal(cut ? "2" : "0", host.Program.Metric("connections_cut_total"));

        // Allowed again: new connections, and what is left of the old ones. A range that takes the place of a port takes its connections over.
        host.Allow("a b tcp 75-200", "a b udp 80");
        host.Poll().Is(200);
        Assert.Equal([.. Cells], host.Reached("a", Cells));
        Assert.Equal("yes", datagrams.Ask());
        host.Revoke("a b tcp 81");
        host.Poll().Is(200);
        Assert.True(otherPort.Works() && otherApp.Works());
    }

    [Fact]
    public void An_agent_that_was_not_there_cuts_when_it_comes()
    {
        using AgentHost host = Started(cut: true);
        Traffic.HeldConnection revoked = host.Hold("a", "b", 80), other = host.Hold("c", "b", 80);
        host.Agent.Kill();
        host.Revoke("a b tcp 80");
        Assert.True(revoked.Works());
        host.StartAgent();
        host.Poll().Is(200);
        Assert.False(revoked.Works());

        // Killed after it has changed the rules and before it has cut: the rules are right already, and the start cuts.
        host.Agent.Kill();
        Traffic.HeldConnection second = host.Hold("c", "b", 80);
        host.Host.Run("conntrack", "-U", "-p", "tcp", "-s", host.AddressOf("c"), "-m", "0x7777").Check(); // as if of an app whose policy is gone
        host.Revoke("c b tcp 80");
        host.Host.Run("nft", "flush", "set", "ip", "cf_networking", "agent-allowed").Check();
        host.StartAgent();
        host.Poll().Is(200);
        Assert.False(second.Works() || other.Works());

        // Switched off: the rule goes, and nobody is cut any more.
        Assert.Contains("0xcf0f0000", host.Ruleset(), StringComparison.Ordinal);
        host.Agent.Stop();
        host.Configuration["cut_revoked_connections"] = false;
        host.StartAgent();
        host.Poll().Is(200);
        Assert.DoesNotContain("0xcf0f0000", host.Ruleset(), StringComparison.Ordinal);
        Assert.DoesNotContain("agent-revoked", host.Ruleset(), StringComparison.Ordinal);
    }

    [Fact]
    public void Connections_of_others_that_are_marked_are_left_alone()
    {
        using AgentHost host = Started(cut: true);
        Traffic.HeldConnection connection = host.Hold("a", "b", 80);
        host.Host.Run("conntrack", "-U", "-p", "tcp", "-s", host.AddressOf("a"), "-m", "0x40000001").Check();
        host.Revoke("a b tcp 80");
        host.Poll().Is(200);
        Assert.True(connection.Works());
        Assert.Contains("mark=1073741825", host.Host.Run("conntrack", "-L", "-p", "tcp").Check().StandardOutput, StringComparison.Ordinal);
    }

    // Without it the new container would be sent what was allowed to the old one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_address_that_another_container_gets_has_no_connections_of_the_old_one(bool cut)
    {
        using AgentHost host = Started(cut);
        Traffic.Conversation datagrams = host.Traffic.Flow("a", "b", 80);
        Assert.Equal("yes", datagrams.Ask());
        host.Forget("h-b");
        host.WriteDown("h-x", "x", host.AddressOf("b"));
        host.Poll().Is(200);
        Assert.Equal("no", datagrams.Ask());
        Assert.Empty(host.Reached("a", Cells));
        Assert.Equal("0", host.Program.Metric("connections_cut_total"));
    }

    // a may reach b at tcp 80 and 81 and udp 80; c may reach b at 80.
    private static AgentHost Started(bool cut)
    {
        AgentHost host = AgentHost.Create();
        host.Configuration["cut_revoked_connections"] = cut;
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81", "udp/80");
        }

        host.Server.Start();
        host.Allow("a b tcp 80", "a b tcp 81", "a b udp 80", "c b tcp 80", "c b udp 80");
        host.StartAgent();
        host.Poll().Is(200);
        return host;
    }
}
