using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ingressPolicy, by packets between containers of one bridge and of two.</summary>
public sealed class FirewallPolicyTests : IDisposable
{
    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Same_bridge_keeps_bridges_apart_and_nothing_else(string backend)
    {
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "same-bridge" }""";
        (TestNamespace a, PluginResult resultA) = _net.Connect(n: 1);
        (TestNamespace b, _) = _net.Connect(n: 1);
        (TestNamespace c, PluginResult resultC) = _net.Connect(n: 2);
        (TestNamespace open, PluginResult resultOpen) = _net.Connect(n: 3);
        FirewallHost.AssertReaches(a, true, "10.2.0.2", "fd00:2::2");

        _net.Firewall.Add(a, FirewallHost.Config(resultA, keys, n: 1)).Check();
        _net.Firewall.Add(c, FirewallHost.Config(resultC, keys, n: 2)).Check();
        _net.Firewall.Add(open, FirewallHost.Config(resultOpen, $$"""{ "backend": "{{backend}}" }""", n: 3)).Check();

        FirewallHost.AssertReaches(a, false, "10.2.0.2", "fd00:2::2");
        FirewallHost.AssertReaches(c, false, "10.1.0.2", "fd00:1::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
        FirewallHost.AssertReaches(a, true, "10.3.0.2", "fd00:3::2");
        FirewallHost.AssertReaches(open, true, "10.1.0.2", "fd00:1::2");
        FirewallHost.AssertReaches(a, true);
        FirewallHost.AssertReaches(_net.Outside, true, "10.1.0.2", "fd00:1::2");
        FirewallHost.AssertReaches(b, true);
        _net.Firewall.Check(a, FirewallHost.Config(resultA, keys, n: 1)).Check();
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Isolated_keeps_containers_of_one_bridge_apart_as_well(string backend)
    {
        NeedsNftBridge();
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "isolated" }""";
        (TestNamespace a, PluginResult resultA) = _net.Connect(n: 1);
        (TestNamespace b, PluginResult resultB) = _net.Connect(n: 1);
        (TestNamespace c, PluginResult resultC) = _net.Connect(n: 2);
        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");

        _net.Firewall.Add(a, FirewallHost.Config(resultA, keys, n: 1)).Check();
        _net.Firewall.Add(b, FirewallHost.Config(resultB, keys, n: 1)).Check();
        _net.Firewall.Add(c, FirewallHost.Config(resultC, keys, n: 2)).Check();

        FirewallHost.AssertReaches(a, false, "10.1.0.3", "fd00:1::3");
        FirewallHost.AssertReaches(a, false, "10.2.0.2", "fd00:2::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.1", "fd00:1::1");
        FirewallHost.AssertReaches(a, true);
        _net.Firewall.Check(a, FirewallHost.Config(resultA, keys, n: 1)).Check();

        // The bridge plugin finds its port as it made it.
        string bridge = Conf.Make(_net.Host, "bridge", """{ "name": "net1", "bridge": "cni1", "isGateway": true }""", "1.1.0", """[[{ "subnet": "10.1.0.0/24" }], [{ "subnet": "fd00:1::/64" }]]""");
        new Plugin(_net.Host, "bridge").Check(a, Conf.WithResult(bridge, resultA)).Check();

        // One that wants it is enough.
        _net.Firewall.Delete(b, FirewallHost.Config(resultB, keys, n: 1)).Check();
        FirewallHost.AssertReaches(a, false, "10.1.0.3", "fd00:1::3");
        _net.Firewall.Delete(a, FirewallHost.Config(resultA, keys, n: 1)).Check();
        Assert.Empty(FirewallState.Elements(_net.Host, "bridge cni_firewall", "isolated_ports").Intersect([resultA.HostEnd(), resultB.HostEnd()]));
        // The rules for bridges stay in iptables, as with the reference, and with br_netfilter they judge what is switched.
        if (backend == "nftables")
            FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void What_is_switched_is_kept_apart_on_the_bridge_itself(string backend)
    {
        NeedsNftBridge();
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "isolated" }""";
        (TestNamespace a, PluginResult resultA) = _net.Connect();
        (TestNamespace b, _) = _net.Connect();
        _net.Firewall.Add(a, FirewallHost.Config(resultA, keys)).Check();
        // No rule for routed packets sees what is switched where br_netfilter is not loaded, or off, as here: these alone are at work.
        foreach (string call in (string[])["iptables", "ip6tables"])
            _net.Host.Run("sh", "-c", $"[ ! -e /proc/sys/net/bridge/bridge-nf-call-{call} ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-{call}").Check();
        _net.Host.Run("nft", "delete", "table", "inet", "cni_firewall").Check();
        foreach (string program in (string[])["iptables", "ip6tables"])
            _net.Host.Run(program, "-F").Check();
        FirewallHost.AssertReaches(a, false, "10.1.0.3", "fd00:1::3");
        FirewallHost.AssertReaches(b, false, "10.1.0.2", "fd00:1::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.1", "fd00:1::1");

        _net.Host.Run("nft", "delete", "table", "bridge", "cni_firewall").Check();
        a.Run("ip", "neigh", "flush", "all").Check(); // that nobody answered is remembered for a while

        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
    }

    [Fact]
    public void Policy_of_a_bridge_goes_with_the_last_container_that_wants_it()
    {
        const string Same = """{ "backend": "nftables", "ingressPolicy": "same-bridge" }""";
        const string Isolated = """{ "backend": "nftables", "ingressPolicy": "isolated" }""";
        (TestNamespace a, PluginResult resultA) = _net.Connect(n: 1);
        (TestNamespace b, PluginResult resultB) = _net.Connect(n: 1);
        (TestNamespace c, PluginResult resultC) = _net.Connect(n: 1);
        _net.Firewall.Add(a, FirewallHost.Config(resultA, Same)).Check();
        Assert.Equal("cni1 . cni1 return", Policies());
        _net.Firewall.Add(b, FirewallHost.Config(resultB, Isolated)).Check();
        _net.Firewall.Add(c, FirewallHost.Config(resultC, Same)).Check();
        Assert.Equal("cni1 . cni1 drop", Policies());
        foreach ((TestNamespace container, PluginResult result, string keys) in (ReadOnlySpan<(TestNamespace, PluginResult, string)>)[(a, resultA, Same), (b, resultB, Isolated), (c, resultC, Same)])
            _net.Firewall.Check(container, FirewallHost.Config(result, keys)).Check();

        _net.Firewall.Delete(b, FirewallHost.Config(resultB, Isolated)).Check();
        Assert.Equal("cni1 . cni1 return", Policies());
        _net.Firewall.Delete(a, FirewallHost.Config(resultA, Same)).Check();
        Assert.Equal("cni1 . cni1 return", Policies());
        Assert.Equal(["cni1"], FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
        _net.Firewall.Invoke("DEL", FirewallHost.Config(null, Same), c.Name, "", "eth0").Check();
        Assert.Equal("", Policies());
        Assert.Empty(FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
    }

    [Fact]
    public void Bridge_is_found_wherever_the_result_names_it()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        JsonObject changed = JsonNode.Parse(result.StandardOutput)!.AsObject();
        JsonNode bridge = changed["interfaces"]![0]!.DeepClone(), port = changed["interfaces"]![1]!.DeepClone();
        foreach ((string order, string backend) in (ReadOnlySpan<(string, string)>)[("port bridge", "nftables"), ("port", "nftables"), ("uplink bridge", "nftables"), ("port", "iptables")])
        {
            JsonArray interfaces = changed["interfaces"]!.AsArray();
            while (interfaces[0]!["sandbox"] is null)
                interfaces.RemoveAt(0);
            string[] names = order.Split(' ');
            foreach (string name in Enumerable.Reverse(names))
                interfaces.Insert(0, name == "port" ? port.DeepClone() : name == "bridge" ? bridge.DeepClone() : JsonNode.Parse("""{ "name": "uplink" }"""));
            foreach (JsonNode? ip in changed["ips"]!.AsArray())
                ip!["interface"] = names.Length;
            JsonObject config = JsonNode.Parse(FirewallHost.Config(null, $$"""{ "backend": "{{backend}}", "ingressPolicy": "same-bridge" }"""))!.AsObject();
            config["prevResult"] = changed.DeepClone();

            _net.Firewall.Add(container, config.ToJsonString()).Check();

            if (backend == "nftables")
                Assert.Equal(["cni1"], FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
            else
                Assert.Contains(FirewallState.Iptables(_net.Host), line => line.StartsWith("-A CNI-ISOLATION-STAGE-1 -i cni1 ! -o cni1 ", StringComparison.Ordinal));
            _net.Firewall.Check(container, config.ToJsonString()).Check();
            _net.Firewall.Delete(container, config.ToJsonString()).Check();
        }
    }

    [Fact]
    public void Without_a_bridge_there_is_no_policy()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(type: "ptp");
        Snapshot before = Snapshot.Take(_net.Host);
        foreach (string policy in (string[])["same-bridge", "isolated"])
        {
            string config = FirewallHost.Config(result, $$"""{ "ingressPolicy": "{{policy}}" }""");
            _net.Firewall.Add(container, config).Failed(7, $"interface needs to be set for ingress policy \"{policy}\"", $"{result.HostEnd()} (veth)");
            JsonObject none = JsonNode.Parse(config)!.AsObject();
            none["prevResult"]!["interfaces"]!.AsArray().RemoveAt(0);
            foreach (JsonNode? ip in none["prevResult"]!["ips"]!.AsArray())
                ip!["interface"] = 0;
            _net.Firewall.Add(container, none.ToJsonString()).Failed(7, $"interface needs to be set for ingress policy \"{policy}\"", "prevResult names no interface of the host");
            before.AssertSame(Snapshot.Take(_net.Host));
        }

        JsonObject lie = JsonNode.Parse(FirewallHost.Config(result, """{ "ingressPolicy": "same-bridge" }"""))!.AsObject();
        lie["prevResult"]!["interfaces"]![0]!["name"] = "nobridge";
        _net.Firewall.Add(container, lie.ToJsonString()).Failed(7, "nobridge", "missing");
        lie["prevResult"]!["interfaces"]![0]!["name"] = "x -j ACCEPT\n-A";
        _net.Firewall.Add(container, lie.ToJsonString()).Failed(7, "bridge");
        lie["prevResult"]!["ips"]![0]!["interface"] = 12;
        _net.Firewall.Add(container, lie.ToJsonString()).Failed(7, "12", "10.1.0.");
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    private string Policies()
    {
        string map = _net.Host.Run("nft", "list", "map", "inet", "cni_firewall", "within_bridge").Check().StandardOutput;
        int start = map.IndexOf("elements = { ", StringComparison.Ordinal);
        return start < 0 ? "" : map[(start + 13)..map.IndexOf(" }", start, StringComparison.Ordinal)].Replace("\"", "", StringComparison.Ordinal).Replace(" :", "", StringComparison.Ordinal);
    }

    internal static void NeedsNftBridge() =>
        Needs.Kernel("nf_tables for bridges (CONFIG_NF_TABLES_BRIDGE)", space => space.Run("nft", "add", "table", "bridge", "probe").ExitCode == 0);
}
