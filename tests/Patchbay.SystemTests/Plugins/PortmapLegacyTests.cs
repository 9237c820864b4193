using System.Net.Sockets;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>portmap on a host whose iptables means the old tables of the kernel.</summary>
public sealed class PortmapLegacyTests : IDisposable
{
    private const string Keys = """{ "backend": "iptables" }""";

    private readonly PortmapHost _host = new();
    private readonly Dictionary<string, string?> _path;

    public PortmapLegacyTests() => _path = _host.Host.WithLegacyIptables();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Ports_lead_to_the_container_until_the_DEL_which_needs_no_result()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        string mappings = $"[{Mapping(8080, 80)},{Mapping(5353, 53, "udp")}]", config = Config(bridged, mappings, Keys);
        Call("ADD", second, Config(secondBridged, $"[{Mapping(8081, 81)}]", Keys)).Check();
        string[] before = [Saved("iptables"), Saved("ip6tables")];
        using Socket early = EchoServer.UdpClient(_host.Client, HostV4, 40000);

        Call("ADD", container, config).Check();
        string[] added = [Saved("iptables"), Saved("ip6tables")];
        using (EchoServer.Tcp(container, 80))
        using (EchoServer.Udp(container, 53))
        {
            Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
            Assert.Equal(ClientV6, EchoServer.AskTcp(_host.Client, HostV6, 8080));
            Assert.Equal(ClientV4, EchoServer.AskUdp(early, HostV4, 5353));
            Assert.Equal("10.22.0.1", EchoServer.AskTcp(_host.Host, "127.0.0.1", 8080));
            Assert.Equal("fd22::1", EchoServer.AskTcp(_host.Host, "::1", 8080));
        }

        Assert.DoesNotContain("CNI-DN", _host.Rules(), StringComparison.Ordinal); // nothing in nf_tables
        Call("CHECK", container, config).Check();
        Call("ADD", container, config).Check();
        Assert.Equal(added, (string[])[Saved("iptables"), Saved("ip6tables")]);
        _host.Host.Run("ip6tables-legacy", "-w", "-t", "nat", "-F", "CNI-HOSTPORT-DNAT").Check();
        Call("CHECK", container, config).Failed(999, "8080");
        Call("ADD", container, config).Check();
        Call("ADD", second, Config(secondBridged, $"[{Mapping(8081, 81)}]", Keys)).Check();

        _host.Ours.Invoke("DEL", Config(null, "[]", Keys), container.Name, "", "eth0", environment: _path).Check();
        Assert.Equal(before, (string[])[Saved("iptables"), Saved("ip6tables")]);
        Assert.DoesNotContain("dport=5353", _host.Host.Run("conntrack", "-L", "-p", "udp").StandardOutput, StringComparison.Ordinal);
        Call("CHECK", second, Config(secondBridged, $"[{Mapping(8081, 81)}]", Keys)).Check();
    }

    [Fact]
    public void Reference_and_ours_check_and_delete_what_the_other_added()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string config = Config(bridged, $"[{Mapping(8080, 80)}]", "{}");
        _ = ReferencePlugins.Plugin(_host.Host, "portmap");

        Call("ADD", container, config).Check();
        string ours = Saved("iptables");
        Call("DEL", container, config, _host.Theirs).Check();
        Assert.DoesNotContain("CNI-DN", Saved("iptables") + Saved("ip6tables"), StringComparison.Ordinal);

        Call("ADD", container, config, _host.Theirs).Check();
        Assert.Equal(OwnerRules.Without(ours), Saved("iptables"));
        Call("CHECK", container, config).Check();
        Call("DEL", container, config).Check();
        Assert.DoesNotContain("CNI-DN", Saved("iptables") + Saved("ip6tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void Gc_removes_what_no_valid_attachment_of_the_network_has()
    {
        (TestNamespace stale, PluginResult staleBridged) = _host.AddContainer();
        (TestNamespace valid, PluginResult validBridged) = _host.AddContainer();
        (TestNamespace elsewhere, PluginResult elsewhereBridged) = _host.AddContainer(network: "other");
        Call("ADD", valid, Config(validBridged, $"[{Mapping(8081, 80)}]", Keys)).Check();
        Call("ADD", elsewhere, Config(elsewhereBridged, $"[{Mapping(8082, 80)}]", Keys, network: "other")).Check();
        string[] before = [Saved("iptables"), Saved("ip6tables")];
        Call("ADD", stale, Config(staleBridged, $"[{Mapping(8080, 80)}]", Keys)).Check();

        string keys = $$"""{ "backend": "iptables", "cni.dev/valid-attachments": [{ "containerID": "{{valid.Name}}", "ifname": "eth0" }] }""";
        _host.Ours.Invoke("GC", Config(null, "[]", keys, version: "1.1.0"), environment: _path).Check();

        Assert.Equal(before, (string[])[Saved("iptables"), Saved("ip6tables")]);
    }

    private PluginResult Call(string command, TestNamespace container, string config, Plugin? plugin = null) =>
        (plugin ?? _host.Ours).Invoke(command, config, container.Name, container.Path, "eth0", environment: _path);

    // Rules and chains without their counters and comments of the day.
    private string Saved(string family) => string.Join('\n', _host.Host.Run($"{family}-legacy-save", "-t", "nat").Check().StandardOutput
        .Split('\n').Where(line => !line.StartsWith('#')).Select(line => line.StartsWith(':') ? line.Split(' ')[0] : line).Order(StringComparer.Ordinal));
}
