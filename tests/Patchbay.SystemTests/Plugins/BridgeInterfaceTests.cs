using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The interface in the container: up or not, its addresses usable, its routes, and the result's DNS.</summary>
public class BridgeInterfaceTests
{
    [Fact]
    public void Addresses_are_usable_when_add_returns()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // As in images that have IPv6 off.
        container.SetSysctl("ipv6/conf/default/disable_ipv6", "1");

        PluginResult added = new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Check();

        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], container.Addresses("eth0"));
        Assert.DoesNotContain(container.Link("eth0").GetProperty("addr_info").EnumerateArray(),
            a => a.Text("local") == "fd22::2" && (a.TryGetProperty("tentative", out _) || a.TryGetProperty("dadfailed", out _)));
        Assert.Equal("10.22.0.255", container.Link("eth0").GetProperty("addr_info").EnumerateArray().First(a => a.Text("local") == "10.22.0.2").Text("broadcast"));
        Assert.True(container.Link("eth0").IsUp());
        Assert.Equal("0", container.Sysctl("ipv6/conf/eth0/accept_dad"));
        Assert.Equal("1", container.Sysctl("ipv6/conf/eth0/keep_addr_on_down"));
        Assert.Equal("1", container.Sysctl("ipv4/conf/eth0/arp_notify"));
        Assert.Equal("UP", host.Link(added.HostEnd()).Text("operstate"));
        container.Ping("fd22::1");
    }

    [Fact]
    public void Duplicate_address_detection_is_waited_for()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "isGateway": true, "enabledad": true }""")).Check();

        JsonElement address = container.Link("eth0").GetProperty("addr_info").EnumerateArray().Single(a => a.Text("local") == "fd22::2");
        Assert.False(address.TryGetProperty("tentative", out _), address.GetRawText());
        Assert.False(address.TryGetProperty("nodad", out _), address.GetRawText());
        Assert.Equal("1", container.Sysctl("ipv6/conf/eth0/accept_dad"));
        Assert.Equal("1", container.Sysctl("ipv6/conf/eth0/enhanced_dad"));
    }

    [Fact]
    public void Duplicate_address_that_is_detected_is_an_error_and_leaves_nothing()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer(), other = host.AddContainer();
        host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
        host.Run("ip", "link", "add", "port", "master", "cni0", "up", "type", "veth", "peer", "name", "eth0", "netns", other.Name).Check();
        other.Run("ip", "link", "set", "eth0", "up").Check();
        other.Run("ip", "addr", "add", "fd22::2/64", "dev", "eth0", "nodad").Check();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "isGateway": true, "enabledad": true }""", ranges: Conf.IPv6))
            .Failed(999, "fd22::2", "eth0", "duplicate address detection");

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Container_interface_stays_down_when_it_is_disabled()
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, """{ "ipam": null, "disableContainerInterface": true }""");
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult added = bridge.Add(container, config).Check();

        Assert.False(container.Link("eth0").IsUp());
        Assert.False(added.Json.TryGetProperty("ips", out _));
        bridge.Check(container, Conf.WithResult(config, added)).Check();
        bridge.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));

        bridge.Add(container, Conf.Bridge(host, """{ "disableContainerInterface": true }"""))
            .Failed(7, "cannot use IPAM when DisableContainerInterface flag is set");
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("""{ "ipam": null }""")]
    [InlineData("""{ "ipam": {} }""")]
    public void Bridge_without_ipam_gives_a_link_only(string keys)
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, keys);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult added = bridge.Add(container, config).Check();

        Assert.True(container.Link("eth0").IsUp());
        Assert.Empty(container.Addresses("eth0"));
        Assert.Equal(3, added.Json.GetProperty("interfaces").GetArrayLength());
        Assert.Equal("cni0", host.Port(added.HostEnd()).Text("master"));
        bridge.Check(container, Conf.WithResult(config, added)).Check();
        bridge.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("""{ "dns": { "nameservers": ["192.0.2.53"], "domain": "d.example", "search": ["s.example"], "options": ["ndots:2"] } }""",
        """{"nameservers":["192.0.2.53"],"domain":"d.example","search":["s.example"],"options":["ndots:2"]}""")]
    [InlineData("""{ "dns": { "nameservers": [] } }""", "{}")]
    [InlineData("""{ "dns": {} }""", """{"nameservers":["192.0.2.1"],"domain":"ipam.example","search":["a.example"]}""")]
    [InlineData("{}", """{"nameservers":["192.0.2.1"],"domain":"ipam.example","search":["a.example"]}""")]
    public void Dns_of_the_configuration_replaces_that_of_the_ipam(string keys, string expected)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string resolv = Path.Combine(host.Directory, "resolv.conf");
        File.WriteAllText(resolv, "nameserver 192.0.2.1\ndomain ipam.example\nsearch a.example\n");
        string config = Conf.Bridge(host, keys, version: "0.4.0").Replace("\"dataDir\"", $"\"resolvConf\":\"{resolv}\",\"dataDir\"", StringComparison.Ordinal);

        PluginResult added = new Plugin(host, "bridge").Add(container, config).Check();

        Assert.Equal(expected, JsonSerializer.Serialize(added.Json.GetProperty("dns")));
    }

    [Fact]
    public void Routes_are_made_as_the_ipam_says()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, version: "1.1.0", routes: """
            [
              { "dst": "192.0.2.0/24", "mtu": 1300, "advmss": 1200, "priority": 5 },
              { "dst": "198.51.100.0/24", "gw": "10.22.0.7", "table": 77 },
              { "dst": "2001:db8::/32", "mtu": 1400, "priority": 9 },
              { "dst": "2001:db8:1::/48", "gw": "fd22::7", "table": 78 }
            ]
            """);

        PluginResult added = bridge.Add(container, config).Check();

        Assert.Equal(["198.51.100.0/24 via 10.22.0.7 dev eth0"], container.Routes("77"));
        Assert.Equal(["2001:db8:1::/48 via fd22::7 dev eth0"], container.Routes("78"));
        JsonElement four = container.IpJson("-4 route show 192.0.2.0/24")[0];
        Assert.Equal(("10.22.0.1", "5"), (four.Text("gateway"), four.Text("metric")));
        Assert.Equal(("1300", "1200"), (four.GetProperty("metrics")[0].Text("mtu"), four.GetProperty("metrics")[0].Text("advmss")));
        JsonElement six = container.IpJson("-6 route show 2001:db8::/32")[0];
        Assert.Equal(("fd22::1", "9", "1400"), (six.Text("gateway"), six.Text("metric"), six.GetProperty("metrics")[0].Text("mtu")));
        Assert.Equal(4, added.Json.GetProperty("routes").GetArrayLength());

        bridge.Check(container, Conf.WithResult(config, added)).Check();
        container.Run("ip", "route", "del", "198.51.100.0/24", "table", "77").Check();
        bridge.Check(container, Conf.WithResult(config, added)).Failed(999, "198.51.100.0/24", "not found");
    }
}
