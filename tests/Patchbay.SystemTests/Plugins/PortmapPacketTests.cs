using System.Net.Sockets;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What packets do: from outside, from the host, from the container to itself; over TCP and UDP, IPv4 and IPv6, by either backend.</summary>
public sealed class PortmapPacketTests : IDisposable
{
    private readonly PortmapHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Ports_lead_to_the_container_and_show_who_asks(string backend)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string keys = $$"""{ "backend": "{{backend}}" }""";
        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8080, 80)},{Mapping(5353, 53, "UDP")}]", keys)).Check();
        using EchoServer tcp = EchoServer.Tcp(container, 80), udp = EchoServer.Udp(container, 53), udp6 = EchoServer.Udp(container2(), 53, ipv4: false);

        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Equal(ClientV6, EchoServer.AskTcp(_host.Client, HostV6, 8080));
        Assert.Equal(ClientV4, EchoServer.AskUdp(_host.Client, HostV4, 5353));
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV4, 8081));

        // The host to one of its own addresses, and the container to itself by the host's.
        Assert.NotNull(EchoServer.AskTcp(_host.Host, HostV4, 8080));
        Assert.NotNull(EchoServer.AskTcp(_host.Host, HostV6, 8080));
        Assert.Equal("10.22.0.1", EchoServer.AskTcp(container, HostV4, 8080));
        Assert.Equal("fd22::1", EchoServer.AskTcp(container, HostV6, 8080));
        Assert.Equal("10.22.0.1", EchoServer.AskTcp(_host.Host, "127.0.0.1", 8080));
        Assert.NotNull(EchoServer.AskUdp(_host.Host, "127.0.0.1", 5353));

        _host.Ours.Delete(container, Config(bridged, $"[{Mapping(8080, 80)},{Mapping(5353, 53, "UDP")}]", keys)).Check();
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Null(EchoServer.AskTcp(_host.Host, "127.0.0.1", 8080));

        TestNamespace container2() => container;
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Localhost_of_IPv6_leads_there_too(string backend)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        using EchoServer tcp = EchoServer.Tcp(container, 80), udp = EchoServer.Udp(container, 53, ipv4: false);
        string config = Config(bridged, $"[{Mapping(8080, 80)},{Mapping(5353, 53, "udp")}]", $$"""{ "backend": "{{backend}}" }""");

        _host.Ours.Add(container, config).Check();
        _host.Ours.Add(container, config).Check();

        Assert.Equal("fd22::1", EchoServer.AskTcp(_host.Host, "::1", 8080));
        Assert.Equal("fd22::1", EchoServer.AskUdp(_host.Host, "::1", 5353));
        _host.Ours.Check(container, config).Check();
        _host.Ours.Delete(container, config).Check();
        Assert.Null(EchoServer.AskTcp(_host.Host, "::1", 8080));
        Assert.DoesNotContain("8080", _host.Rules(), StringComparison.Ordinal);
        // What is at home there is reached by its own address again.
        using EchoServer local = EchoServer.Tcp(_host.Host, 8080);
        Assert.Equal("::1", EchoServer.AskTcp(_host.Host, "::1", 8080));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Without_snat_and_with_masqAll(string backend)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        using EchoServer tcp = EchoServer.Tcp(container, 80);

        string without = Config(bridged, $"[{Mapping(8080, 80)}]", $$"""{ "backend": "{{backend}}", "snat": false }""");
        _host.Ours.Add(container, without).Check();
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Null(EchoServer.AskTcp(container, HostV4, 8080));
        _host.Ours.Delete(container, without).Check();

        string all = Config(bridged, $"[{Mapping(8080, 80)}]", $$"""{ "backend": "{{backend}}", "masqAll": true }""");
        _host.Ours.Add(container, all).Check();
        Assert.Equal("10.22.0.1", EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Equal("fd22::1", EchoServer.AskTcp(_host.Client, HostV6, 8080));
        Assert.Equal("10.22.0.1", EchoServer.AskTcp(container, HostV4, 8080));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void One_address_of_the_host(string backend)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        using EchoServer tcp = EchoServer.Tcp(container, 80);
        string keys = $$"""{ "backend": "{{backend}}" }""";
        _host.Client.Run("true").Check();
        _host.Host.Run("ip", "addr", "add", "192.0.2.11/24", "dev", "out0").Check();

        _host.Ours.Add(container, Config(bridged, $"[{Mapping(8080, 80, hostIp: HostV4)},{Mapping(8081, 80, hostIp: "::")},{Mapping(8082, 80, hostIp: "0.0.0.0")}]", keys)).Check();

        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Null(EchoServer.AskTcp(_host.Client, "192.0.2.11", 8080));
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV6, 8080));
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV4, 8081));
        Assert.Equal(ClientV6, EchoServer.AskTcp(_host.Client, HostV6, 8081));
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, "192.0.2.11", 8082));
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV6, 8082));
        // The same port at another address is another's to have.
        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8080, 80, hostIp: "192.0.2.11")}]", keys)).Check();
    }

    [Theory]
    [InlineData("nftables", """["ip saddr 192.0.2.2", "iifname out0"]""", true)]
    [InlineData("nftables", """["ip", "saddr", "!=", "192.0.2.0/24"]""", false)]
    [InlineData("nftables", """["ip saddr { 198.51.100.0/24, 192.0.2.2 } tcp sport 1024-65535"]""", true)]
    [InlineData("nftables", """["ip saddr != { 198.51.100.0/24, 192.0.2.2 }"]""", false)]
    [InlineData("nftables", """["meta mark 0x7"]""", false)]
    [InlineData("nftables", """["meta mark != 7 iifname != \"lo\" ip daddr 192.0.2.1"]""", true)]
    [InlineData("iptables", """["-s", "192.0.2.2"]""", true)]
    [InlineData("iptables", """["!", "-s", "192.0.2.0/24"]""", false)]
    public void Conditions_are_one_containers_own(string backend, string conditions, bool lets)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        using EchoServer tcp = EchoServer.Tcp(container, 80), other = EchoServer.Tcp(second, 80);
        string config = Config(bridged, $"[{Mapping(8080, 80)},{Mapping(8090, 80, hostIp: HostV4)}]", $$"""{ "backend": "{{backend}}", "conditionsV4": {{conditions}} }""");

        _host.Ours.Add(container, config).Check();
        _host.Ours.Add(second, Config(secondBridged, $"[{Mapping(8081, 80)}]", $$"""{ "backend": "{{backend}}" }""")).Check();

        string? answer = lets ? ClientV4 : null;
        Assert.Equal(answer, EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Equal(answer, EchoServer.AskTcp(_host.Client, HostV4, 8090));
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8081));
        Assert.Equal(ClientV6, EchoServer.AskTcp(_host.Client, HostV6, 8080));
        _host.Ours.Check(container, config).Check();
        _host.Ours.Delete(container, config).Check();
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV4, 8080));
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, 8081));
    }

    [Theory]
    [InlineData("nftables", true)]
    [InlineData("nftables", false)]
    [InlineData("iptables", true)]
    [InlineData("iptables", false)]
    public void A_client_that_keeps_sending_by_udp_meets_the_next_container(string backend, bool resultIsKnown)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""", mappings = $"[{Mapping(5353, 53, "udp")}]";
        (TestNamespace first, PluginResult firstBridged) = _host.AddContainer();
        (TestNamespace second, PluginResult secondBridged) = _host.AddContainer();
        using Socket early = EchoServer.UdpClient(_host.Client, HostV4, 40000);
        // Before anything is mapped, the host itself is asked, and the connection tracked.
        Assert.Null(EchoServer.AskUdp(early, HostV4, 5353));
        _host.Ours.Add(first, Config(firstBridged, mappings, keys)).Check();
        using (EchoServer.Udp(first, 53))
            Assert.Equal(ClientV4, EchoServer.AskUdp(early, HostV4, 5353));

        // Without the result of the ADD the rules themselves tell where they lead.
        string gone = resultIsKnown ? Config(firstBridged, mappings, keys) : Config(null, "[]", keys);
        _host.Ours.Invoke("DEL", gone, first.Name, "", "eth0").Check();
        Assert.DoesNotContain("dport=5353", _host.Host.Run("conntrack", "-L", "-p", "udp").StandardOutput, StringComparison.Ordinal);
        _host.Ours.Add(second, Config(secondBridged, mappings, keys)).Check();
        using (EchoServer.Udp(second, 53))
            Assert.Equal(ClientV4, EchoServer.AskUdp(early, HostV4, 5353));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Gc_ends_the_udp_connections_of_what_it_removes_of_both_families(string backend)
    {
        (TestNamespace stale, PluginResult bridged) = _host.AddContainer(version: "1.1.0");
        string keys = $$"""{ "backend": "{{backend}}" }""", mappings = $"[{Mapping(5353, 53, "udp")}]";
        _host.Ours.Add(stale, Config(bridged, mappings, keys, version: "1.1.0")).Check();
        using (EchoServer.Udp(stale, 53))
            Assert.Equal(ClientV4, EchoServer.AskUdp(_host.Client, HostV4, 5353));
        using (EchoServer.Udp(stale, 53, ipv4: false))
            Assert.Equal(ClientV6, EchoServer.AskUdp(_host.Client, HostV6, 5353));
        string Connections(string family) => _host.Host.Run("conntrack", "-L", "-f", family, "-p", "udp").StandardOutput;
        Assert.Contains("dport=5353", Connections("ipv4"), StringComparison.Ordinal);
        Assert.Contains("dport=5353", Connections("ipv6"), StringComparison.Ordinal);

        string gc = Config(null, "[]", $$"""{ "backend": "{{backend}}", "cni.dev/valid-attachments": [] }""", version: "1.1.0");
        _host.Ours.Invoke("GC", gc).Check();

        Assert.DoesNotContain("dport=5353", Connections("ipv4"), StringComparison.Ordinal);
        Assert.DoesNotContain("dport=5353", Connections("ipv6"), StringComparison.Ordinal);
    }
}
