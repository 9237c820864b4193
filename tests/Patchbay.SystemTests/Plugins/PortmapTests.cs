using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>portmap: what it adds, leaves alone and removes, as nft and iptables show it.</summary>
public sealed class PortmapTests : IDisposable
{
    private const string Native = """{ "backend": "nftables" }""";

    private readonly PortmapHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("nftables", "0.1.0")]
    [InlineData("nftables", "0.3.1")]
    [InlineData("nftables", "0.4.0")]
    [InlineData("nftables", "1.1.0")]
    [InlineData("iptables", "0.2.0")]
    [InlineData("iptables", "0.3.0")]
    [InlineData("iptables", "1.0.0")]
    [InlineData("iptables", "1.1.0")]
    public void Result_is_passed_on_and_del_leaves_nothing(string backend, string version)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        _host.Warm(keys);
        (TestNamespace container, PluginResult bridged) = _host.AddContainer(version: version);
        Snapshot before = Snapshot.Take(_host.Host);
        string mappings = $"[{Mapping(8080, 80)},{Mapping(8443, 443, "TCP")},{Mapping(5353, 53, "udp")},{Mapping(9000, 90, "sctp", "10.22.0.1")},{Mapping(9001, 91, "dccp")}]";
        string config = Config(bridged, mappings, keys, version: version);

        PluginResult added = _host.Ours.Add(container, config).Check();

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(bridged.StandardOutput), JsonNode.Parse(added.StandardOutput)));
        if (version is not ("0.1.0" or "0.2.0" or "0.3.0" or "0.3.1"))
            _host.Ours.Check(container, config).Check();
        Snapshot with = Snapshot.Take(_host.Host);
        _host.Ours.Add(container, config).Check();
        with.AssertSame(Snapshot.Take(_host.Host));

        // After a reboot of the runtime nobody knows anything any more, and the namespace is gone.
        _host.Ours.Invoke("DEL", Config(null, "[]", """{ "runtimeConfig": null }""", version: version), container.Name, "", "eth0").Check();
        before.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(_host.Host));
    }

    [Fact]
    public void Without_ports_nothing_is_touched()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        Snapshot before = Snapshot.Take(_host.Host);

        foreach (string mappings in (string[])["[]", "null"])
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(bridged.StandardOutput), JsonNode.Parse(_host.Ours.Add(container, Config(bridged, mappings)).Check().StandardOutput)));

        _host.Ours.Delete(container, Config(bridged, "[]")).Check();
        before.AssertSame(Snapshot.Take(_host.Host));
        Assert.DoesNotContain("cni_hostport", _host.Rules(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Networks_and_interfaces_of_a_container_are_independent(string backend)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        (TestNamespace container, PluginResult first) = _host.AddContainer();
        string one = Config(first, $"[{Mapping(8080, 80)}]", keys);
        _host.Ours.Add(container, one).Check();
        PluginResult second = _host.AddContainer("eth1", container: container).Bridged;
        PluginResult third = _host.AddContainer("eth2", "other", container).Bridged;
        string two = Config(second, $"[{Mapping(8081, 80)}]", keys), three = Config(third, $"[{Mapping(8082, 80)}]", keys, "other");
        _host.Ours.Add(container, two, "eth1").Check();
        _host.Ours.Add(container, three, "eth2").Check();
        _host.Ours.Check(container, two, "eth1").Check();

        _host.Ours.Delete(container, two, "eth1").Check();
        _host.Ours.Check(container, one).Check();
        _host.Ours.Check(container, three, "eth2").Check();
        _host.Ours.Delete(container, three, "eth2").Check();
        container.Run("ip", "link", "del", "eth1").Check();
        container.Run("ip", "link", "del", "eth2").Check();
        _host.Ours.Check(container, one).Check();
        Assert.DoesNotContain("8081", _host.Rules(), StringComparison.Ordinal);
        Assert.DoesNotContain("8082", _host.Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_of_any_length_will_do()
    {
        _host.Warm();
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        Snapshot before = Snapshot.Take(_host.Host);
        string id = new('a', 300), config = Config(bridged, $"[{Mapping(8080, 80)}]");
        foreach (string backend in (string[])["nftables", "iptables"])
        {
            config = Config(bridged, $"[{Mapping(8080, 80)}]", $$"""{ "backend": "{{backend}}" }""");
            _host.Ours.Add(container, config, containerId: id).Check();
            _host.Ours.Check(container, config, containerId: id).Check();
            _host.Ours.Delete(container, config, containerId: id).Check();
        }

        Assert.DoesNotContain("8080", _host.Rules(), StringComparison.Ordinal);
        Assert.NotNull(before);
    }

    [Theory]
    [InlineData("nftables", null, null)]
    [InlineData("nftables", null, "10.22.0.1")]
    [InlineData("nftables", "10.22.0.1", null)]
    [InlineData("nftables", "10.22.0.1", "10.22.0.1")]
    [InlineData("iptables", null, null)]
    [InlineData("iptables", "10.22.0.1", null)]
    [InlineData("iptables", "10.22.0.1", "10.22.0.1")]
    public void A_port_that_is_taken_is_refused_and_its_owner_named(string backend, string? has, string? wants)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        (TestNamespace first, PluginResult firstBridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        string held = Config(firstBridged, $"[{Mapping(8080, 80, hostIp: has)}]", keys);
        _host.Ours.Add(first, held, containerId: "the-first").Check();
        Snapshot before = Snapshot.Take(_host.Host);

        PluginResult refused = _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8079, 79)},{Mapping(8080, 80, hostIp: wants)}]", keys));

        refused.Failed(7, "8080/tcp", "\"the-first\"");
        before.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Check(first, held, containerId: "the-first").Check();
        // Another protocol is another port.
        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8080, 80, "udp")}]", keys)).Check();
    }

    [Theory]
    [InlineData("iptables", "nftables")]
    [InlineData("nftables", "iptables")]
    public void A_port_that_the_other_backend_has_is_refused_and_its_owner_named(string has, string wants)
    {
        string held = $$"""{ "backend": "{{has}}" }""", wanted = $$"""{ "backend": "{{wants}}" }""";
        (TestNamespace first, PluginResult firstBridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        (_, PluginResult elsewhereBridged) = _host.AddContainer("eth1", "net-b", first);
        _host.Ours.Add(first, Config(firstBridged, $"[{Mapping(8080, 80)},{Mapping(8081, 81, hostIp: HostV4)}]", held), containerId: "the-first").Check();
        Snapshot before = Snapshot.Take(_host.Host);

        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8080, 80)}]", wanted)).Failed(7, "8080/tcp", "\"the-first\"");
        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8081, 80)}]", wanted)).Failed(7, "8081/tcp", "\"the-first\"");
        before.AssertSame(Snapshot.Take(_host.Host));

        // Another address, another protocol, and the same container on another network are no collision.
        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8081, 80, hostIp: "10.22.0.1")},{Mapping(8080, 80, "udp")}]", wanted)).Check();
        _host.Ours.Add(first, Config(elsewhereBridged, $"[{Mapping(8080, 80)}]", wanted, "net-b"), "eth1", containerId: "the-first").Check();
    }

    [Theory]
    [InlineData("nftables", "sctp")]
    [InlineData("iptables", "udp")]
    [InlineData("iptables", "sctp")]
    public void A_port_of_another_protocol_is_refused_as_well(string backend, string protocol)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        (TestNamespace first, PluginResult firstBridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        _host.Ours.Add(first, Config(firstBridged, $"[{Mapping(8080, 80, protocol)}]", keys), containerId: "the-first").Check();

        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8080, 80, protocol)}]", keys)).Failed(7, $"8080/{protocol}", "\"the-first\"");
    }

    [Fact]
    public void The_ports_of_a_container_that_died_unheard_go_to_the_next_with_its_address()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8080, 80)}]"), containerId: "dead").Check();

        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8080, 81)}]"), containerId: "next").Check();

        Assert.Contains("tcp . 8080 : 10.22.0.3 . 81".Replace(".3", ".2", StringComparison.Ordinal), _host.Table(), StringComparison.Ordinal);
        _host.Ours.Delete(container, Config(bridged, "[]"), containerId: "dead").Check();
        _host.Ours.Check(container, Config(bridged, $"[{Mapping(8080, 81)}]"), containerId: "next").Check();
    }

    [Theory]
    [InlineData("""{ "hostPort": 8000, "containerPort": 9000, "hostPortEnd": 8999, "protocol": "tcp" }""")]
    [InlineData("""{ "hostPort": 8000, "containerPort": 9000, "containerPortEnd": 9999 }""")]
    [InlineData("""{ "hostPort": 8000, "containerPort": 9000, "hostPortEnd": 8999, "containerPortEnd": 9999 }""")]
    public void A_range_is_one_transaction(string mapping)
    {
        _host.Warm();
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        Snapshot before = Snapshot.Take(_host.Host);
        string config = Config(bridged, $"[{mapping}]");

        _host.Ours.Add(container, config).Check();

        string map = _host.Host.Run("nft", "list", "map", "ip6", "cni_hostport", "services").Check().StandardOutput;
        Assert.Equal(1000, map.Split("tcp . ").Length - 1);
        Assert.Contains("tcp . 8999 : fd22::3 . 9999", map, StringComparison.Ordinal);
        using (EchoServer.Tcp(container, 9500))
            Assert.Equal(ClientV6, EchoServer.AskTcp(_host.Client, HostV6, 8500));
        _host.Ours.Check(container, config).Check();
        _host.Ours.Delete(container, config).Check();
        Assert.DoesNotContain("tcp . ", _host.Rules(), StringComparison.Ordinal);
        Assert.NotNull(before);
    }

    [Theory]
    [InlineData("{ \"backend\": \"nftables\" }", "::")]
    [InlineData("{ \"backend\": \"nftables\", \"conditionsV6\": [\"tcp sport 1-1000\"] }", "2001:db8::1")]
    public void Every_port_there_is_comes_and_goes(string keys, string hostIp)
    {
        _host.Warm();
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, $$"""[{ "hostPort": 1, "containerPort": 1, "hostPortEnd": 65535, "protocol": "tcp", "hostIP": "{{hostIp}}" }]""", keys);

        _host.Ours.Add(container, config).Check();
        _host.Ours.Check(container, config).Check();
        _host.Ours.Delete(container, config).Check();

        Assert.DoesNotContain("tcp . ", _host.Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_ports_of_iptables_are_entered_by_fifteen()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, """[{ "hostPort": 8000, "containerPort": 80, "hostPortEnd": 8031, "protocol": "tcp" }]""", """{ "backend": "iptables" }""");

        _host.Ours.Add(container, config).Check();

        string saved = _host.Host.Run("iptables-save", "-t", "nat").Check().StandardOutput;
        Assert.Equal(3, saved.Split("--dports ").Length - 1);
        Assert.Contains("--dports 8030,8031 ", saved, StringComparison.Ordinal);
        _host.Ours.Check(container, config).Check();
    }

    [Theory]
    [InlineData("nft delete element ip cni_hostport services { tcp . 8080 }", "8080/tcp")]
    [InlineData("nft delete element ip6 cni_hostport services { tcp . 8080 }", "IPv6")]
    [InlineData("nft flush chain ip cni_hostport prerouting", "prerouting")]
    [InlineData("nft flush chain ip6 cni_hostport loopback_in", "loopback_in")]
    [InlineData("nft flush chain ip cni_hostport masquerading", "masquerading")]
    [InlineData("nft flush set ip cni_hostport hairpin", "hairpin")]
    [InlineData("nft delete table ip cni_hostport", "missing")]
    public void Check_finds_damage_and_the_next_add_repairs_it(string damage, string text)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, $"[{Mapping(8080, 80)}]");
        _host.Ours.Add(container, config).Check();
        _host.Ours.Check(container, config).Check();
        Snapshot good = Snapshot.Take(_host.Host);
        _host.Host.Run("sh", "-c", damage).Check();
        Snapshot damaged = Snapshot.Take(_host.Host);

        _host.Ours.Check(container, config).Failed(999, text);

        damaged.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Add(container, config).Check();
        good.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Check(container, config).Check();
    }

    [Theory]
    [InlineData("iptables -t nat -D PREROUTING 1", "CNI-HOSTPORT-DNAT")]
    [InlineData("iptables -t nat -F CNI-HOSTPORT-DNAT", "8080")]
    [InlineData("iptables -t nat -F CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-SETMARK")]
    [InlineData("iptables -t nat -D POSTROUTING 1", "CNI-HOSTPORT-MASQ")]
    [InlineData("for c in $(ip6tables -t nat -S | sed -n 's/^-N \\(CNI-DN-.*\\)/\\1/p'); do ip6tables -t nat -D $c 1; done", "IPv6")]
    public void Check_finds_damage_in_iptables(string damage, string text)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, $"[{Mapping(8080, 80)}]", """{ "backend": "iptables" }""");
        _host.Ours.Add(container, config).Check();
        _host.Ours.Check(container, config).Check();
        _host.Host.Run("sh", "-c", damage).Check();

        _host.Ours.Check(container, config).Failed(999, text);
    }

    [Fact]
    public void Check_and_delete_run_no_program_where_iptables_is_of_nf_tables()
    {
        Needs.IptablesNft();
        const string Keys = """{ "backend": "iptables" }""";
        _host.Warm(Keys);
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        Snapshot before = Snapshot.Take(_host.Host);
        string config = Config(bridged, $"[{Mapping(8080, 80)},{Mapping(8081, 81, hostIp: HostV4)},{Mapping(5353, 53, "udp")},{Mapping(9, 9, "sctp")}]", Keys);
        _host.Ours.Add(container, config).Check();

        _host.Ours.Invoke("CHECK", config, container.Name, container.Path, "eth0", environment: _host.Host.WithoutIptables()).Check();
        _host.Ours.Invoke("DEL", config, container.Name, container.Path, "eth0", environment: _host.Host.WithoutIptables()).Check();

        before.AssertSame(Snapshot.Take(_host.Host));
    }

    [Fact]
    public void Backend_is_chosen_by_what_only_one_of_them_has()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        foreach ((string keys, bool native) in new[]
        {
            ("""{ "conditionsV4": ["ip saddr != 10.0.0.0/8"] }""", true), ("""{ "conditionsV6": ["!", "-s", "fd00::/8"] }""", false),
            ("""{ "externalSetMarkChain": "KUBE-MARK-MASQ", "snat": false }""", false), ("{}", false), (Native, true),
        })
        {
            string config = Config(bridged, $"[{Mapping(8080, 80)}]", keys);
            _host.Ours.Add(container, config).Check();
            Assert.Equal(native, _host.Host.Run("nft", "list", "table", "ip", "cni_hostport").StandardOutput.Contains("tcp . 8080", StringComparison.Ordinal));
            // Whatever the configuration says later.
            _host.Ours.Delete(container, Config(null, "[]", Native)).Check();
            Assert.DoesNotContain("8080", _host.Rules(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void External_chain_marks_instead_of_ours()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        foreach (string family in (string[])["iptables", "ip6tables"])
            _host.Host.Run(family, "-t", "nat", "-N", "KUBE-MARK-MASQ").Check();
        string config = Config(bridged, $"[{Mapping(8080, 80)}]", """{ "externalSetMarkChain": "KUBE-MARK-MASQ" }""");

        _host.Ours.Add(container, config).Check();

        string saved = _host.Host.Run("iptables-save", "-t", "nat").Check().StandardOutput;
        Assert.Contains("-s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j KUBE-MARK-MASQ", saved, StringComparison.Ordinal);
        Assert.DoesNotContain("SETMARK", saved, StringComparison.Ordinal);
        _host.Ours.Check(container, config).Check();
    }

    [Fact]
    public void Example_works_by_cnitool()
    {
        TestHost host = _host.Host;
        TestNamespace container = host.AddContainer();
        using EchoServer server = EchoServer.Tcp(container, 80);
        string text = File.ReadAllText(Repository.PathOf("examples/40-portmap.conflist"));
        File.WriteAllText(
            Path.Combine(host.ConfigDirectory, "40-portmap.conflist"),
            text.Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{host.DataDirectory}\",", StringComparison.Ordinal));

        Run("add").Check();

        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.NotNull(EchoServer.AskTcp(host, "127.0.0.1", 8080));
        Assert.NotNull(EchoServer.AskTcp(host, "::1", 8080));
        Run("check").Check();
        Run("status").Check();
        Run("del").Check();
        Run("del").Check();
        Assert.DoesNotContain("8080", _host.Rules(), StringComparison.Ordinal);

        CommandResult Run(string verb) => host.Run(
            [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", host.CacheDirectory, verb, "published", container.Path],
            null,
            new Dictionary<string, string?>
            {
                ["CNI_PATH"] = Plugin.OursDirectory,
                ["NETCONFPATH"] = host.ConfigDirectory,
                ["CAP_ARGS"] = $"{{ \"portMappings\": [{Mapping(8080, 80)}] }}",
            });
    }
}
