using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>bandwidth: what CHECK finds, what ADD refuses, and that a refusal leaves nothing.</summary>
public sealed class BandwidthFaultTests : IDisposable
{
    private readonly Shaping _s = new();

    private TestHost Host => _s.Host;

    public void Dispose() => _s.Dispose();

    [Theory]
    [InlineData("tc qdisc del dev VETH root", "no tbf at its root")]
    [InlineData("tc qdisc replace dev VETH root handle 2: pfifo limit 10", "it has pfifo")]
    [InlineData("tc qdisc change dev VETH root handle 1: tbf rate 9mbit burst 100000 latency 25ms", "Rate doesn't match")]
    [InlineData("tc qdisc change dev VETH root handle 1: tbf rate 8mbit burst 100000 latency 50ms", "Limit doesn't match")]
    [InlineData("tc qdisc del dev VETH ingress", "no ingress qdisc")]
    [InlineData("tc filter del dev VETH parent ffff: protocol all prio 1", "no filter")]
    [InlineData("tc qdisc del dev IFB root", "no tbf at its root")]
    [InlineData("tc qdisc change dev IFB root handle 1: tbf rate 16mbit burst 100000 limit 250000", "Buffer doesn't match")]
    [InlineData("ip link set IFB down", "is down")]
    [InlineData("ip link del IFB", "is missing")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        string command = change.Replace("VETH", connected.HostEnd(), StringComparison.Ordinal).Replace("IFB", Shaping.Ifb(added), StringComparison.Ordinal);
        Host.Run(command.Split(' ')).Check();
        string[] before = _s.State();

        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, added)).Failed(999, text);

        Assert.Equal(before, _s.State());
        // The reference looks at the first queueing discipline of a link, and is content if that is of another kind.
        if (change.Contains("pfifo", StringComparison.Ordinal))
            ReferencePlugins.Plugin(Host, "bandwidth").Check(container, Shaping.Config(Shaping.Limits, added)).Check();
        // A DEL gets along with all of it, and an ADD after that with what the DEL has left because it is somebody else's.
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, added)).Check();
        Assert.DoesNotContain(_s.State(), line => line.Contains("tbf", StringComparison.Ordinal) || line.Contains("mirred", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{ "ingressRate": 8000 }""", 7, "if rate is set, burst must also be set", "ingressBurst")]
    [InlineData("""{ "ingressBurst": 8000 }""", 7, "if burst is set, rate must also be set", "ingressRate")]
    [InlineData("""{ "egressRate": 8000, "egressBurst": 0 }""", 7, "if rate is set, burst must also be set", "egressBurst")]
    [InlineData("""{ "egressRate": 0, "egressBurst": 8000 }""", 7, "if burst is set, rate must also be set", "egressRate")]
    [InlineData("""{ "egressRate": 8000, "egressBurst": 34359738360 }""", 7, "burst cannot be more than 4GB", "34359738360")]
    [InlineData("""{ "ingressRate": 8000, "ingressBurst": 18446744073709551615 }""", 7, "burst cannot be more than 4GB", "ingressBurst")]
    [InlineData("""{ "ingressRate": 7, "ingressBurst": 8000 }""", 7, "ingressRate", "at least 8 bits")]
    [InlineData("""{ "ingressRate": 8000, "ingressBurst": 7 }""", 7, "ingressBurst", "at least 8 bits")]
    [InlineData("""{ "egressRate": 40000000000, "egressBurst": 8000 }""", 7, "egressBurst", "at least 40000 bits")]
    [InlineData("""{ "ingressRate": "8000", "ingressBurst": 8000 }""", 999, "ingressRate", "whole number")]
    [InlineData("""{ "ingressRate": -1, "ingressBurst": 8000 }""", 999, "ingressRate", "-1")]
    [InlineData("""{ "ingressRate": 8000.5, "ingressBurst": 8000 }""", 999, "ingressRate", "8000.5")]
    [InlineData("""{ "ingressRate": 18446744073709551616, "ingressBurst": 8000 }""", 999, "ingressRate", "18446744073709551616")]
    [InlineData("""{ "ingressRate": [], "ingressBurst": {} }""", 999, "ingressRate", "[]")]
    [InlineData("""{ "runtimeConfig": { "bandwidth": { "egressRate": true } } }""", 999, "runtimeConfig.bandwidth.egressRate", "true")]
    [InlineData("""{ "runtimeConfig": { "bandwidth": 7 } }""", 999, "runtimeConfig.bandwidth", "object")]
    [InlineData("""{ "runtimeConfig": { "bandwidth": { "egressRate": 8000 } } }""", 7, "if rate is set, burst must also be set", "egressBurst")]
    public void Limits_that_cannot_be_are_refused(string keys, int code, string text, string name)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        Snapshot before = Snapshot.Take(Host);

        _s.Bandwidth.Add(container, Shaping.Config(keys, connected)).Failed(code, text, name);
        _s.Bandwidth.Check(container, Shaping.Config(keys, connected)).Failed(code, text, name);

        before.AssertSame(Snapshot.Take(Host));
        Assert.Empty(_s.State());
    }

    [Theory]
    [InlineData("none", 7, "must be called as chained plugin")]
    [InlineData("empty", 999, "no interfaces provided")]
    [InlineData("list", 999, "prevResult")]
    [InlineData("version", 999, "prevResult")]
    [InlineData("other host link", 999, "no veth peer of container interface found in host ns")]
    [InlineData("host link inside", 999, "no veth peer of container interface found in host ns")]
    public void A_result_that_lies_is_refused(string lie, int code, string text)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        JsonObject config = JsonNode.Parse(Shaping.Config(Shaping.Limits, connected))!.AsObject();
        JsonArray links = config["prevResult"]!["interfaces"]!.AsArray();
        JsonObject host = links.Select(link => link!.AsObject()).Single(link => link["name"]!.GetValue<string>() == connected.HostEnd());
        switch (lie)
        {
            case "none": config.Remove("prevResult"); break;
            case "empty": links.Clear(); break;
            case "list": config["prevResult"] = new JsonArray(); break;
            case "version": config["prevResult"]!["cniVersion"] = "0.4.0"; break;
            case "other host link": host["name"] = "veth00000000"; break;
            case "host link inside": host["sandbox"] = container.Path; break;
        }

        Snapshot before = Snapshot.Take(Host);

        _s.Bandwidth.Add(container, config.ToJsonString()).Failed(code, text);

        before.AssertSame(Snapshot.Take(Host));
        Assert.Empty(_s.State());
    }

    [Fact]
    public void Interfaces_without_a_hosts_end_are_refused()
    {
        TestNamespace container = Host.AddContainer(), elsewhere = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        container.Run("ip", "link", "add", "both0", "type", "veth", "peer", "name", "both1").Check();
        container.Run("ip", "link", "add", "br0", "type", "bridge").Check();
        elsewhere.Run("ip", "link", "add", "far0", "type", "veth", "peer", "name", "far1", "netns", container.Name).Check();
        string config = Shaping.Config(Shaping.Limits, connected);

        _s.Bandwidth.Add(container, config, "eth9").Failed(999, "container interface eth9 has no veth peer", container.Path);
        _s.Bandwidth.Add(container, config, "br0").Failed(999, "container interface br0 has no veth peer", "bridge");
        _s.Bandwidth.Add(container, config, "both0").Failed(999, "is not in host ns", "both0");
        _s.Bandwidth.Add(container, config, "far1").Failed(999, "is not in host ns", "far1");
        _s.Bandwidth.Invoke("ADD", config, container.Name, "/run/netns/pb-none", "eth0").Failed(8, "/run/netns/pb-none");
        _s.Bandwidth.Check(elsewhere, Shaping.Config(Shaping.Limits, connected)).Failed(999, "Sandbox in prevResult", elsewhere.Path);
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, null)).Failed(999, "Required prevResult missing");

        Assert.Empty(_s.State());
    }

    // What ours did before it met the obstacle is undone; the obstacle stays.
    [Theory]
    [InlineData("tc qdisc add dev VETH root handle 5: pfifo limit 10", "pfifo 5:")]
    [InlineData("tc qdisc add dev VETH clsact", "clsact")]
    [InlineData("tc qdisc add dev VETH ingress ; tc filter add dev VETH parent ffff: protocol ip prio 7 u32 match ip dst 192.0.2.1 action mirred egress redirect dev lo", "priority 7")]
    public void A_link_that_others_control_is_left_alone(string obstacle, string text)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        foreach (string command in obstacle.Replace("VETH", connected.HostEnd(), StringComparison.Ordinal).Split(" ; "))
            Host.Run(command.Split(' ')).Check();
        string[] before = _s.State();
        Snapshot links = Snapshot.Take(Host);

        _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Failed(999, text, connected.HostEnd());
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, connected)).Check();

        Assert.Equal(before, _s.State());
        links.AssertSame(Snapshot.Take(Host));
    }

    [Fact]
    public void Versions_without_interfaces_are_refused()
    {
        TestNamespace container = Host.AddContainer();
        foreach (string version in (string[])["0.1.0", "0.2.0"])
            _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, null, version)).Failed(1, "incompatible CNI versions");
    }

    [Fact]
    public void A_burst_below_the_MTU_is_told()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);

        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config("""{ "egressRate": 8000000, "egressBurst": 8000 }""", connected)).Check();

        Assert.Contains("\"egressBurst\" is 8000 bits (1000 bytes)", added.StandardError, StringComparison.Ordinal);
        Assert.Contains("12112 bits", added.StandardError, StringComparison.Ordinal);
    }
}
