using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>A lab of namespaces comes up, is what its file says, changes, and goes.</summary>
public class UpTests
{
    private const string Two = """
        nodes: [h1, {node: h2, replicas: 2}]
        bridges: [{bridge: lan, ip: 10.9.0.254/24}]
        links:
          - {node: h1, bridge: lan, ip: [10.9.0.1/24, "fd00:9::1/64"], route: default via 10.9.0.254, mtu: 1400}
          - {node: h2, bridge: lan, ip: 10.9.0.11/24, mac: "02:00:00:00:09:01"}
          - {node: h1, dev: "x{INDEX}", ip: "10.8.{INDEX}.1/30", peer: {node: h2, dev: x, ip: "10.8.{INDEX}.2/30"}}
        """;

    [Fact]
    public void A_lab_is_what_its_file_says()
    {
        using LabHost lab = new();
        Snapshot before = Snapshot.Take(lab.Host);

        string said = lab.Up(Two).StandardOutput;

        Assert.Contains("All links connected", said, StringComparison.Ordinal);
        Assert.Contains("Reached healthy state", said, StringComparison.Ordinal);
        Assert.Equal(["h1", "h2_1", "h2_2"], lab.Namespaces());
        Assert.Equal(["h1-eth0", "h2_1-eth0", "h2_2-eth0", "lan"], lab.Interfaces());
        JsonElement eth0 = lab.Ip("h1", "addr show dev eth0")[0];
        Assert.Equal(1400, eth0.GetProperty("mtu").GetInt32());
        Assert.Equal(["10.9.0.1/24", "fd00:9::1/64"], Addresses(eth0));
        Assert.Equal("02:00:00:00:09:02", lab.Ip("h2_2", "link show dev eth0")[0].GetProperty("address").GetString());
        Assert.Equal("10.9.0.254", lab.Ip("h1", "route show default")[0].GetProperty("gateway").GetString());
        Assert.Equal("lan", lab.Host.IpJson("link show dev h1-eth0")[0].GetProperty("master").GetString());
        lab.Ping("h1", "10.9.0.12");
        lab.Ping("h1", "10.8.2.2");
        lab.Ping("h2_1", "10.9.0.254");

        lab.Lab("down").Check();

        Assert.Empty(lab.Namespaces());
        before.AssertSame(Snapshot.Take(lab.Host));
        lab.Lab("down").Check();
    }

    [Fact]
    public void A_lab_that_is_up_is_adopted_and_nothing_changes()
    {
        using LabHost lab = new();
        lab.Up(Two);
        int index = Index(lab, "h1", "eth0");

        Assert.Equal(0, lab.Lab("plan", lab.Write(Two)).ExitCode);
        lab.Up(Two);

        Assert.Equal(index, Index(lab, "h1", "eth0"));
    }

    [Fact]
    public void Apply_changes_what_differs_and_touches_nothing_else()
    {
        using LabHost lab = new();
        lab.Up(Two);
        int index = Index(lab, "h1", "eth0");
        string changed = lab.Write(Two.Replace("mtu: 1400", "mtu: 1300", StringComparison.Ordinal).Replace("10.9.0.1/24", "10.9.0.2/24", StringComparison.Ordinal) + """

              - {node: h1, bridge: lan2, dev: eth1, ip: 10.7.0.1/24}
            """);

        CommandResult plan = lab.Lab("plan", changed);
        Assert.Equal(3, plan.ExitCode);
        Assert.Equal(
            ["+ bridge lan2", "+ link h1:eth1 -- lan2 (h1-eth1) 10.7.0.1/24", "~ interface h1:eth0: mtu 1300, -10.9.0.1/24, +10.9.0.2/24", "~ interface h1-eth0: mtu 1300"],
            plan.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.Contains("route", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Take(4).OrderBy(line => line.Contains("h1-eth0:", StringComparison.Ordinal)));
        lab.Lab("apply", changed).Check();

        Assert.Equal(index, Index(lab, "h1", "eth0"));
        Assert.Equal(["10.9.0.2/24", "fd00:9::1/64"], Addresses(lab.Ip("h1", "addr show dev eth0")[0]));
        Assert.Equal("10.9.0.254", lab.Ip("h1", "route show default")[0].GetProperty("gateway").GetString());
        Assert.Contains("lan2", lab.Interfaces());
        Assert.Equal(0, lab.Lab("plan", changed).ExitCode);

        lab.Lab("apply", lab.Write("nodes: [h1]\nlinks: [{node: h1, bridge: lan, ip: 10.9.0.2/24}]")).Check();

        Assert.Equal(["h1"], lab.Namespaces());
        Assert.Equal(["h1-eth0", "lan"], lab.Interfaces());
    }

    [Fact]
    public void What_somebody_else_gave_a_node_stays()
    {
        using LabHost lab = new();
        lab.Up(Two);
        lab.In("h1", "ip", "addr", "add", "192.0.2.7/32", "dev", "eth0").Check();

        Assert.Equal(0, lab.Lab("plan", lab.Write(Two)).ExitCode);
        lab.Lab("apply", lab.Write(Two)).Check();

        Assert.Contains("192.0.2.7/32", Addresses(lab.Ip("h1", "addr show dev eth0")[0]));
    }

    [Fact]
    public void Somebody_elses_bridge_is_refused_and_left_alone()
    {
        using LabHost lab = new();
        lab.Host.Run("ip", "link", "add", "lan", "type", "bridge").Check();
        Snapshot before = Snapshot.Take(lab.Host);

        CommandResult up = lab.Lab("up", lab.Write(Two), "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("here has an interface \"lan\" already, which no lab made", up.StandardError, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(lab.Host));
        Assert.Empty(lab.Namespaces());
        lab.Lab("down").Check();
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    [Fact]
    public void Somebody_elses_namespace_is_refused_and_left_alone()
    {
        using LabHost lab = new();
        Command.Run(["ip", "netns", "add", $"{lab.Name}-h1"]).Check();
        try
        {
            CommandResult up = lab.Lab("up", lab.Write(Two), "--detach");

            Assert.Equal(1, up.ExitCode);
            Assert.Contains("is there and not this lab's", up.StandardError, StringComparison.Ordinal);
            lab.Lab("down").Check();
            Assert.Equal(["h1"], lab.Namespaces());
        }
        finally
        {
            Command.Run(["ip", "netns", "del", $"{lab.Name}-h1"]).Check();
        }
    }

    [Fact]
    public void A_failed_up_leaves_nothing()
    {
        using LabHost lab = new();
        Snapshot before = Snapshot.Take(lab.Host);

        // The gateway is nowhere near: the kernel refuses the route when all else is made.
        CommandResult up = lab.Lab("up", lab.Write("nodes: [a]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.1/24, route: default via 172.16.0.1}]"), "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("default via 172.16.0.1 dev eth0", up.StandardError, StringComparison.Ordinal);
        Assert.Empty(lab.Namespaces());
        before.AssertSame(Snapshot.Take(lab.Host));
        Assert.False(Directory.Exists($"/run/patchbay/lab/{lab.Name}"));
    }

    [Fact]
    public void Another_lab_of_the_same_name_is_refused()
    {
        using LabHost lab = new();
        lab.Up(Two);

        CommandResult second = lab.Lab("up", lab.Write("nodes: [z]", "other.yaml"), "--detach");

        Assert.Equal(2, second.ExitCode);
        Assert.Contains("is up already, from", second.StandardError, StringComparison.Ordinal);
        Assert.Equal(["h1", "h2_1", "h2_2"], lab.Namespaces());
    }

    [Fact]
    public void Two_hundred_nodes_with_two_links_each_come_and_go()
    {
        using LabHost lab = new();
        Snapshot before = Snapshot.Take(lab.Host);
        const string Big = """
            nodes: [{node: n, replicas: 200}]
            links:
              - {node: n, bridge: lan, ip: 10.50.0.1/16, mtu: 1500}
              - {node: n, dev: eth1, bridge: wan, ip: 10.51.0.1/16, mtu: 1500}
            """;

        lab.Up(Big);

        Assert.Equal(200, lab.Namespaces().Length);
        Assert.Equal(402, lab.Interfaces().Length);
        lab.Ping("n_1", "10.50.0.200");
        Assert.Equal(0, lab.Lab("plan", lab.Write(Big)).ExitCode);
        lab.Lab("down").Check();
        Assert.Empty(lab.Namespaces());
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    private static int Index(LabHost lab, string node, string device) => lab.Ip(node, $"link show dev {device}")[0].GetProperty("ifindex").GetInt32();

    private static string[] Addresses(JsonElement link) =>
        [.. link.GetProperty("addr_info").EnumerateArray().Where(each => each.GetProperty("scope").GetString() == "global").Select(each => $"{each.GetProperty("local").GetString()}/{each.GetProperty("prefixlen").GetInt32()}")];
}
