using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>What an operator switches, and hosts that have rules of others; tried by real connections.</summary>
public partial class PolicyAgentOptionTests
{
    private static readonly string[] Cells = ["b:tcp/80", "b:tcp/81", "b:tcp/8080", "b:udp/80"];
    private static readonly string[] Open = ["b:tcp/80"];

    [Fact]
    public void Where_others_drop_what_they_do_not_accept_nothing_opens_and_their_rules_stay()
    {
        using AgentHost host = Apart();
        // As Docker leaves it, and somebody's nf_tables beside it.
        host.Host.Run(["iptables-restore"], "*filter\n:FORWARD DROP\n:DOCKER-USER -\n-A FORWARD -j DOCKER-USER\n-A FORWARD -d 10.255.9.9/32 -j ACCEPT\nCOMMIT\n*nat\n-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE\nCOMMIT\n").Check();
        host.Host.Run(["nft", "-f", "-"], "table inet theirs { set s { type ipv4_addr; elements = { 10.255.1.2, 192.0.2.1 }; }; chain late { type filter hook forward priority 10; policy accept; ip saddr @s accept; }; }").Check();
        string theirs = Theirs(host);
        host.Server.Start();
        host.Allow("a b tcp 80");
        host.StartAgent();
        host.Poll().Is(200);

        Assert.Empty(host.Reached("a", Cells));
        host.Agent.WaitForLog("chain ip filter FORWARD drops what it does not accept");
        CommandResult explained = host.Host.Run(PolicyHost.Executable, "policy", "explain", "h-a", "h-b", "80").Check();
        Assert.Contains("chain ip filter FORWARD", explained.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(theirs, Theirs(host));

        // The operator lets the overlay through: what policies say decides again.
        host.Host.Run("iptables", "-A", "DOCKER-USER", "-s", "10.255.0.0/16", "-d", "10.255.0.0/16", "-j", "ACCEPT").Check();
        theirs = Theirs(host);
        Assert.Equal(Open, host.Reached("a", Cells));
        Assert.Empty(host.Reached("c", Cells));
        host.Revoke("a b tcp 80");
        host.Allow("c b udp 80");
        host.Poll().Is(200);
        Assert.Empty(host.Reached("a", Cells));
        Assert.Equal(["b:udp/80"], host.Reached("c", Cells));
        host.Agent.Kill();
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(theirs, Theirs(host));
    }

    [Fact]
    public void Without_container_network_policy_everything_on_the_overlay_may_talk()
    {
        using AgentHost host = Apart();
        host.AddContainer("outside", "", "192.0.2.1");
        host.Forget("outside");
        host.Configuration["disable_container_network_policy"] = true;
        host.Configuration["overlay_network"] = "10.255.0.0/16";
        host.Server.Start();
        host.Allow("a b tcp 80");
        host.StartAgent();
        host.Poll().Is(200);

        Assert.Equal([.. Cells.Order(StringComparer.Ordinal)], host.Reached("c", Cells));
        Assert.Empty(host.Reached("outside", Cells));
        CommandResult explained = host.Host.Run(PolicyHost.Executable, "policy", "explain", "h-c", "h-b", "80").Check();
        Assert.Contains("disable_container_network_policy", explained.StandardOutput, StringComparison.Ordinal);

        host.Agent.Stop();
        host.Configuration["disable_container_network_policy"] = false;
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(Open, host.Reached("a", Cells));
        Assert.Empty(host.Reached("c", Cells));
    }

    [Fact]
    public void A_router_reaches_the_ports_that_containers_name_and_goes_on_to_when_its_tag_cannot_be_had()
    {
        using AgentHost host = Apart();
        // Another host, as the overlay shows it: its packets come with the mark of their tag.
        string router = host.AddContainer("router", "", "10.255.9.1");
        host.Forget("router");
        host.Host.Run(["nft", "-f", "-"], $"table ip overlay {{ chain tag {{ type filter hook prerouting priority mangle; ip saddr {router} meta mark set 0x00ff; }}; }}").Check();
        var server = new InternalApiStub(host) { Tag = "00FF", LastUpdated = 1, Policies = $$"""{"policies":[{{InternalApiStub.Policy("a", "0001", "b", "tcp", "80", "80")}}]}""" };
        server.Save();
        host.Configuration["enable_overlay_ingress_rules"] = true;
        host.StartAgent();
        host.Poll().Is(200);
        Holds();

        // It starts again, and the server cannot write: the router's permissions are those of before, and so are all others.
        Traffic.Conversation watch = host.Traffic.Watch("router", "b:tcp/8080=yes", "b:tcp/80=no");
        host.Agent.Kill();
        (server.Tag, server.LastUpdated) = (null, 2);
        server.Save();
        host.StartAgent();
        Assert.Contains("tags: status 500", host.Poll().Is(500).Body, StringComparison.Ordinal);
        Holds();
        Assert.Equal("ok", watch.Ask());

        // Another database: the router's tag is another one.
        (server.Tag, server.LastUpdated) = ("00FE", 3);
        server.Save();
        host.Poll().Is(200);
        Assert.Empty(host.Reached("router", Cells));
        Assert.Equal(Open, host.Reached("a", Cells));
        (server.Tag, server.LastUpdated) = ("00FF", 4);
        server.Save();
        host.Poll().Is(200);
        Holds();

        void Holds()
        {
            Assert.Equal(["b:tcp/8080"], host.Reached("router", Cells));
            Assert.Equal(Open, host.Reached("a", Cells));
            Assert.Empty(host.Reached("c", Cells));
        }
    }

    [Fact]
    public void Packets_that_are_accepted_and_denied_are_logged_as_switched()
    {
        using AgentHost host = Apart();
        host.Server.Start();
        host.Allow("a b tcp 80", "a b udp 80");
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Empty(LoggedBy(host));

        host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "{\"enabled\":true}").Is(200);
        Assert.Equal(["DENY_C2C_h-b", "OK_C_b"], LoggedBy(host));

        // It is the switch that counts, also after a cycle with a change; a start goes by the configuration.
        host.Allow("a b tcp 82");
        host.Poll().Is(200);
        Assert.Equal(["DENY_C2C_h-b", "OK_C_b"], LoggedBy(host));
        host.Debug("/iptables-c2c-logging", "-X", "PUT", "-d", "{\"enabled\":false}").Is(200);
        Assert.Empty(LoggedBy(host));
        host.Agent.Stop();
        host.Configuration["iptables_c2c_logging"] = true;
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(["DENY_C2C_h-b", "OK_C_b"], LoggedBy(host));
    }

    // The prefixes of the rules with a log that packets meet: nft(8) follows them, since the kernel's log is the whole machine's.
    private static string[] LoggedBy(AgentHost host)
    {
        host.Host.Run(["nft", "-f", "-"], "table ip probe { chain trace { type filter hook prerouting priority -300; meta nftrace set 1; }; }").Check();
        string[] seen = NftMonitor.Watch(host.Host, () =>
        {
            Assert.Equal(["b:tcp/80", "b:udp/80"], host.Reached("a", Cells));
            Assert.Empty(host.Reached("c", "b:tcp/80"));
        });
        host.Host.Run("nft", "delete", "table", "ip", "probe").Check();
        return [.. seen.Where(line => line.StartsWith("trace ", StringComparison.Ordinal) && line.Contains(" log prefix \"", StringComparison.Ordinal)).Select(line => line.Split('"')[1].Trim()).Distinct().Order(StringComparer.Ordinal)];
    }

    // Everything but the table that the agent works in, and but what is counted.
    private static string Theirs(AgentHost host) => string.Join('\n', Counters().Replace(host.Ruleset(), "").Split("table ").Where(each => !each.StartsWith("ip cf_networking", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [GeneratedRegex("packets [0-9]+ bytes [0-9]+")]
    private static partial Regex Counters();

    private static AgentHost Apart()
    {
        AgentHost host = AgentHost.Create();
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81", "tcp/8080", "udp/80");
        }

        return host;
    }
}
