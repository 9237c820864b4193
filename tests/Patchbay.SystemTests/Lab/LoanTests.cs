using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>Interfaces of the host itself that a node or a container has for a while, and that come back.</summary>
public class LoanTests
{
    private const string Gate = """
        nodes: [gate]
        links: [{node: gate, type: link, outer-dev: up0, dev: outside, ip: 192.0.2.7/24, mtu: 1400, mac: "02:00:00:00:00:07"}]
        """;

    [Fact]
    public void An_interface_is_lent_and_comes_back_as_it_was()
    {
        using LabHost lab = new();
        TestNamespace outside = Cable(lab.Host);
        Snapshot before = Snapshot.Take(lab.Host);

        lab.Up(Gate);

        Assert.False(lab.Host.HasLink("up0"));
        JsonElement shown = lab.Ip("gate", "addr show dev outside")[0];
        Assert.Equal((1400, "02:00:00:00:00:07", "192.0.2.7"), (shown.GetProperty("mtu").GetInt32(), shown.GetProperty("address").GetString(), shown.GetProperty("addr_info")[0].GetProperty("local").GetString()));
        lab.Ping("gate", "192.0.2.2");
        string file = lab.Write(Gate);
        Assert.Equal(0, lab.Lab("plan", file).ExitCode);
        int index = shown.GetProperty("ifindex").GetInt32();
        lab.Up(Gate.Replace("192.0.2.7/24", "192.0.2.8/24", StringComparison.Ordinal));
        Assert.Equal(index, lab.Ip("gate", "link show dev outside")[0].GetProperty("ifindex").GetInt32());

        // Without the link, but with the node.
        CommandResult plan = lab.Lab("plan", lab.Write("nodes: [gate]"));
        Assert.Equal("- loan up0 as gate:outside", plan.StandardOutput.Trim());
        lab.Lab("apply", lab.Write("nodes: [gate]")).Check();
        before.AssertSame(Snapshot.Take(lab.Host));

        // With the node at once.
        lab.Up(Gate);
        lab.Lab("down").Check();
        before.AssertSame(Snapshot.Take(lab.Host));
        outside.Run("ip", "link", "show", "up1").Check();
    }

    [Fact]
    public void A_node_that_goes_gives_back_what_it_has_also_to_another()
    {
        using LabHost lab = new();
        Cable(lab.Host);
        Snapshot before = Snapshot.Take(lab.Host);
        lab.Up(Gate);

        lab.Lab("apply", lab.Write(Gate.Replace("gate", "other", StringComparison.Ordinal))).Check();
        Assert.Equal(["other"], lab.Namespaces());
        lab.Ping("other", "192.0.2.2");

        lab.Lab("apply", lab.Write("nodes: [third]")).Check();

        before.AssertSame(Snapshot.Take(lab.Host));
    }

    [Fact]
    public void A_container_has_it_by_the_language_of_conlink_1()
    {
        using LabHost lab = new();
        Cable(lab.Host);
        Needs.Macvlan();
        lab.Host.Run("ip", "link", "add", "par0", "type", "veth", "peer", "name", "par1").Check();
        lab.Host.Run("ip", "link", "set", "par0", "up").Check();
        Snapshot before = Snapshot.Take(lab.Host);
        string file = Repository.PathOf("examples/lab/conlink1-interfaces.yaml");
        Command.Run(["ip", "netns", "add", $"{lab.Name}-box"]).Check();
        try
        {
            Process up = lab.Host.Start(
                [.. PatchbayProgram.Line, "lab", "up", "--name", lab.Name, "--namespaces", file],
                new Dictionary<string, string?> { ["NODE_NAME"] = $"{lab.Name}-box", ["LOAN"] = "up0", ["PARENT"] = "par0" });
            while (up.NextLine() is { } line && line != "All links connected")
                Assert.DoesNotContain("cannot", line, StringComparison.Ordinal);
            lab.In("box", "ping", "-c", "1", "-w", "30", "192.0.2.2").Check();
            Assert.Equal("02:00:00:00:00:07", lab.Ip("box", "link show dev beside")[0].GetProperty("address").GetString());

            // Killed, it has no say in what follows.
            up.Kill();
            up.WaitForExit();
            lab.Lab("down").Check();

            before.AssertSame(Snapshot.Take(lab.Host));
        }
        finally
        {
            Command.Run(["ip", "netns", "del", $"{lab.Name}-box"]);
        }
    }

    [Fact]
    public void What_is_not_there_and_what_is_a_labs_is_not_lent()
    {
        using LabHost lab = new();
        CommandResult up = lab.Lab("up", lab.Write(Gate), "--detach");
        Assert.Equal(1, up.ExitCode);
        Assert.Contains("here is no interface \"up0\" to lend to gate", up.StandardError, StringComparison.Ordinal);
        Assert.Empty(lab.Namespaces());

        CommandResult own = lab.Lab("up", lab.Write("nodes: [a]\nlinks: [{node: a, bridge: up0}]"), "--detach").Check();
        Assert.Contains("All links connected", own.StandardOutput, StringComparison.Ordinal);
        CommandResult borrowed = lab.Lab("plan", lab.Write("nodes: [a]\nlinks: [{node: a, type: link, outer-dev: up0, dev: x}]"));
        Assert.Equal(1, borrowed.ExitCode);
        Assert.Contains($"it is of the lab \"{lab.Name}\"", borrowed.StandardError, StringComparison.Ordinal);
    }

    /// <summary>A cable from the host, where its end is up0, with 192.0.2.2 at the other.</summary>
    private static TestNamespace Cable(TestHost host)
    {
        TestNamespace outside = host.AddContainer();
        host.Run("ip", "link", "add", "up0", "mtu", "1450", "type", "veth", "peer", "name", "up1", "netns", outside.Name).Check();
        host.Run("ip", "link", "set", "up0", "up").Check();
        outside.Run("ip", "addr", "add", "192.0.2.2/24", "dev", "up1").Check();
        outside.Run("ip", "link", "set", "up1", "up").Check();
        return outside;
    }
}
