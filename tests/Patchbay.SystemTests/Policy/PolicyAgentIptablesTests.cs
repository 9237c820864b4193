using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>The same with the reference's chains, judged by iptables-save and by real connections.</summary>
public class PolicyAgentIptablesTests
{
    private static readonly string[] Cells = ["b:tcp/80", "b:tcp/81", "b:udp/80"];

    [Fact]
    public void One_chain_takes_the_place_of_the_other()
    {
        using AgentHost host = AgentHost.Create();
        host.Configuration["backend"] = "iptables";
        host.Configuration["iptables_lock_file"] = Path.Combine(host.Host.Directory, "iptables.lock");
        foreach (string app in (string[])["a", "b"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81", "udp/80");
        }

        // What the wrapper has in place for a container, and a rule of somebody else.
        host.Host.Run(
            ["iptables-restore"],
            """
            *filter
            :FORWARD ACCEPT
            :overlay--h-b -
            -A FORWARD -d 10.255.1.99/32 -j DROP
            -A FORWARD -j overlay--h-b
            -A overlay--h-b -d 10.255.1.3/32 -m state --state RELATED,ESTABLISHED -j ACCEPT
            -A overlay--h-b -d 10.255.1.3/32 -j REJECT --reject-with icmp-port-unreachable
            COMMIT

            """).Check();
        PolicyServerProcess server = host.Server.Start();
        host.Allow("a b tcp 80-81", "a b udp 80");
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(Cells, host.Reached("a", Cells));
        string[] first = Chains(host);
        Assert.Equal($"-A FORWARD -j {Assert.Single(first)}", Saved(host).First(each => each.StartsWith("-A FORWARD ", StringComparison.Ordinal)));
        Assert.Equal(
            [
                "-s 10.255.1.2/32 -m comment --comment \"src:a\" -j MARK --set-xmark 0x1/0xffffffff",
                "-d 10.255.1.3/32 -p tcp -m tcp --dport 80:81 -m mark --mark 0x1 -m comment --comment \"src:a_dst:b\" -j ACCEPT",
                "-d 10.255.1.3/32 -p udp -m udp --dport 80 -m mark --mark 0x1 -m comment --comment \"src:a_dst:b\" -j ACCEPT",
            ],
            Rules(host, first[0]));

        // Nothing new, nothing done; nor after a restart.
        host.Poll().Is(200);
        host.Agent.Kill();
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(first, Chains(host));

        Traffic.HeldConnection connection = host.Hold("a", "b", 80);
        host.Revoke("a b tcp 80-81");
        host.Allow("a b tcp 80");
        host.Poll().Is(200);
        Assert.NotEqual(first, Chains(host));
        Assert.Single(Chains(host));
        Assert.Equal(["b:tcp/80", "b:udp/80"], host.Reached("a", Cells));
        Assert.True(connection.Works());
        Assert.Contains("-A FORWARD -d 10.255.1.99/32 -j DROP", Saved(host));

        // The server is away, and the container behind the address is another one.
        host.Agent.Kill();
        server.Stop();
        host.StartAgent();
        host.Poll().Is(500);
        Assert.Equal(["b:tcp/80", "b:udp/80"], host.Reached("a", Cells));
        host.Forget("h-a");
        host.WriteDown("h-x", "x", host.AddressOf("a"));
        host.Poll().Is(500);
        Assert.Empty(host.Reached("a", Cells));
    }

    private static string[] Saved(AgentHost host) => host.Host.Run("iptables-save", "-t", "filter").Check().StandardOutput.Split('\n');

    private static string[] Chains(AgentHost host) => [.. Saved(host).Where(each => each.StartsWith(":vpa--", StringComparison.Ordinal)).Select(each => each[1..].Split(' ')[0])];

    private static string[] Rules(AgentHost host, string chain) => [.. Saved(host).Where(each => each.StartsWith($"-A {chain} ", StringComparison.Ordinal)).Select(each => each[$"-A {chain} ".Length..])];
}
