using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>portmap beside the reference: its iptables layout, its nftables rules, and faults of it that ours must not have; GC and STATUS.</summary>
public sealed class PortmapInteropTests : IDisposable
{
    private const string Mappings = """
        [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }, { "hostPort": 8081, "containerPort": 81, "protocol": "tcp", "hostIP": "10.22.0.1" }, { "hostPort": 5353, "containerPort": 53, "protocol": "udp" }]
        """;

    private readonly PortmapHost _host = new();

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Keys { get; } =
    [
        "{}", """{ "snat": false }""", """{ "markMasqBit": 5 }""", """{ "conditionsV4": ["!", "-s", "192.0.2.0/24"], "conditionsV6": ["!", "-s", "2001:db8::/32"] }""",
    ];

    [Theory]
    [MemberData(nameof(Keys))]
    public void Rules_of_iptables_are_the_references(string keys)
    {
        using var there = new PortmapHost();
        (TestNamespace ours, PluginResult ourBridged) = _host.AddContainer();
        (TestNamespace theirs, PluginResult theirBridged) = there.AddContainer();
        string with = With(keys, "backend", "iptables");

        _host.Ours.Add(ours, Config(ourBridged, Mappings, with), containerId: "ctr").Check();
        there.Theirs.Add(theirs, Config(theirBridged, Mappings, keys), containerId: "ctr").Check();

        Assert.Equal(Saved(there.Host, "iptables-save"), OwnerRules.Without(Saved(_host.Host, "iptables-save")));
        Assert.Equal(Saved(there.Host, "ip6tables-save"), OwnerRules.Without(Saved(_host.Host, "ip6tables-save")));
        // Each removes what the other made.
        _host.Theirs.Delete(ours, Config(ourBridged, Mappings, keys), containerId: "ctr").Check();
        there.Ours.Check(theirs, Config(theirBridged, Mappings, with), containerId: "ctr").Check();
        there.Ours.Delete(theirs, Config(theirBridged, "[]", with), containerId: "ctr").Check();
        Assert.Equal(Saved(there.Host, "iptables-save"), Saved(_host.Host, "iptables-save"));
        Assert.DoesNotContain("CNI-DN", Saved(_host.Host, "ip6tables-save"), StringComparison.Ordinal);
    }

    [Fact]
    public void Reference_checks_what_ours_added()
    {
        // On one family, and without the other's program: otherwise its CHECK looks for the rules of the one in the chain of the other.
        TestNamespace container = _host.Host.AddContainer();
        PluginResult bridged = new Plugin(_host.Host, "bridge").Add(container, Conf.Bridge(_host.Host, ranges: Conf.IPv4)).Check();
        string config = Config(bridged, Mappings, "{}");
        _host.Ours.Add(container, config).Check();
        string programs = Directory.CreateDirectory(Path.Combine(_host.Host.Directory, "bin")).FullName;
        File.CreateSymbolicLink(Path.Combine(programs, "iptables"), "/usr/sbin/iptables");
        CommandResult Check() => _host.Host.Run(
            ["/usr/bin/env", $"PATH={programs}", Path.Combine(ReferencePlugins.Directory, "portmap")],
            config,
            new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = "CHECK", ["CNI_CONTAINERID"] = container.Name, ["CNI_NETNS"] = container.Path, ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = ReferencePlugins.Directory,
            });
        Check().Check();
        _host.Host.Run("iptables", "-t", "nat", "-F", "CNI-HOSTPORT-DNAT").Check();
        Assert.NotEqual(0, Check().ExitCode);
    }

    [Fact]
    public void Check_of_two_families_works_where_the_references_fails()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, Mappings, "{}");
        _host.Theirs.Add(container, config).Check();
        _host.Ours.Check(container, config).Check();
    }

    [Fact]
    public void Upper_case_works_where_the_reference_fails()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, $"[{Mapping(8080, 80, "SCTP")},{Mapping(8080, 80, "TCP")}]", "{}");
        _host.Ours.Add(container, config).Check();
        _host.Ours.Check(container, config).Check();
    }

    [Fact]
    public void Rules_of_newer_references_go_with_their_container_and_no_other_network()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        _host.Warm();
        Snapshot before = Snapshot.Take(_host.Host);
        _host.Host.Run(["nft", "-f", "-"], Newer("ctr", "10.22.0.2", "fd22::2", 8080) + Newer("ctr", "10.23.0.2", "fd23::2", 8081) + Newer("ctr2", "10.22.0.9", "fd22::9", 8082)).Check();

        // A port that one of them has is not given away.
        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8082, 80)}]"), containerId: "ctr").Failed(7, "8082/tcp", "\"ctr2\"");

        _host.Ours.Check(container, Config(bridged, $"[{Mapping(8080, 80)}]", version: "1.0.0"), containerId: "ctr").Check();
        _host.Ours.Delete(container, Config(bridged, $"[{Mapping(8080, 80)}]"), containerId: "ctr").Check();
        string left = _host.Rules();
        Assert.DoesNotContain("8080", left, StringComparison.Ordinal);
        Assert.DoesNotContain("10.22.0.2 masquerade", left, StringComparison.Ordinal);
        Assert.Contains("8081", left, StringComparison.Ordinal);
        // Without a result, all that bears the id; of others nothing.
        _host.Ours.Invoke("DEL", Config(null, "[]"), "ctr", "", "eth0").Check();
        left = _host.Rules();
        Assert.DoesNotContain("8081", left, StringComparison.Ordinal);
        Assert.Contains("8082", left, StringComparison.Ordinal);
        _host.Ours.Invoke("DEL", Config(null, "[]"), "ctr2", "", "eth0").Check();
        before.AssertSame(Snapshot.Take(_host.Host));
    }

    [Fact]
    public void Ours_work_beside_conditions_of_the_reference()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8080, 80)}]")).Check();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        // Its ADD empties these chains and fills them with the conditions of its container, for everybody.
        _host.Host.Run(["nft", "-f", "-"], """
            flush chain ip cni_hostport hostports_all
            flush chain ip cni_hostport prerouting
            add rule ip cni_hostport hostports_all jump hostip_hostports
            add rule ip cni_hostport hostports_all jump hostports
            add rule ip cni_hostport prerouting ip saddr 198.51.100.7 fib daddr type local jump hostports_all
            """).Check();
        using EchoServer server = EchoServer.Tcp(container, 80), another = EchoServer.Tcp(second, 80);

        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8081, 80)}]")).Check();

        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8081));
        Assert.Contains("198.51.100.7", _host.Rules(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nftables", "cni.dev/valid-attachments")]
    [InlineData("iptables", "cni.dev/attachments")]
    public void Gc_removes_what_no_valid_attachment_of_the_network_has(string backend, string key)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        _host.Warm(keys);
        (TestNamespace a, PluginResult bridgedA) = _host.AddContainer();
        (TestNamespace b, PluginResult bridgedB) = _host.AddContainer();
        (TestNamespace c, PluginResult bridgedC) = _host.AddContainer("eth0", "net-b");
        Snapshot none = Snapshot.Take(_host.Host);
        _host.Ours.Add(c, Config(bridgedC, $"[{Mapping(8082, 80)}]", keys, "net-b"), containerId: "b").Check();
        Snapshot others = Snapshot.Take(_host.Host);
        _host.Ours.Add(a, Config(bridgedA, $"[{Mapping(8080, 80)}]", keys), containerId: "a").Check();
        Snapshot wanted = Snapshot.Take(_host.Host);
        _host.Ours.Add(b, Config(bridgedB, $"[{Mapping(8081, 80)}]", keys), containerId: "b").Check();
        Snapshot all = Snapshot.Take(_host.Host);
        string collect = Config(null, "[]", keys, version: "1.1.0");

        _host.Ours.Invoke("GC", collect).Check();
        all.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Invoke("GC", With(collect, key, JsonNode.Parse("""[{ "containerID": "a", "ifname": "eth0" }]""")!)).Check();
        wanted.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Invoke("GC", With(collect, key, new JsonArray())).Check();
        others.AssertSame(Snapshot.Take(_host.Host));
        _host.Ours.Delete(c, Config(bridgedC, "[]", keys, "net-b"), containerId: "b").Check();
        none.AssertSame(Snapshot.Take(_host.Host));
    }

    [Fact]
    public void Status_tells_what_is_missing_and_changes_nothing()
    {
        Snapshot before = Snapshot.Take(_host.Host);
        foreach (string backend in (string[])["nftables", "iptables"])
            _host.Ours.Invoke("STATUS", Config(null, "[]", $$"""{ "backend": "{{backend}}" }""", version: "1.1.0")).Check();
        before.AssertSame(Snapshot.Take(_host.Host));
        Assert.Empty(_host.Rules());

        const string Hide = "mount -t tmpfs none /usr/sbin && { [ -L /sbin ] || mount -t tmpfs none /sbin; }";
        Hidden("iptables").Failed(50, "iptables-restore");
        Hidden("nftables").Check();

        PluginResult Hidden(string backend) => new(_host.Host.Run(
            ["unshare", "--mount", "sh", "-c", $"{Hide} && exec \"$0\"", Path.Combine(Plugin.OursDirectory, "portmap")],
            Config(null, "[]", $$"""{ "backend": "{{backend}}" }""", version: "1.1.0"),
            new Dictionary<string, string?> { ["CNI_COMMAND"] = "STATUS", ["CNI_PATH"] = Plugin.OursDirectory }));
    }

    // As release 1.6 lays it out, without conditions.
    private static string Newer(string id, string v4, string v6, int port)
    {
        string text = "";
        foreach ((string family, string address, string target) in new[] { ("ip", v4, v4), ("ip6", v6, $"[{v6}]") })
        {
            text += $$"""
                table {{family}} cni_hostport {
                  comment "CNI portmap plugin"
                  chain hostports { tcp dport {{port}} dnat to {{target}}:80 comment "{{id}}"; }
                  chain masquerading { type nat hook postrouting priority 100; {{family}} saddr {{address}} {{family}} daddr {{address}} masquerade comment "{{id}}"; }
                }

                """;
        }

        return text;
    }

    private static string Saved(TestHost host, string program) => string.Join('\n', host.Run(program, "-t", "nat").Check().StandardOutput.Split('\n')
        .Where(line => !line.StartsWith('#')).Order(StringComparer.Ordinal));

    private static string With(string json, string key, JsonNode value)
    {
        JsonObject o = JsonNode.Parse(json)!.AsObject();
        o[key] = value;
        return o.ToJsonString();
    }
}
