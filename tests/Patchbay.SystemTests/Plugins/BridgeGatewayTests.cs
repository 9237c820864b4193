using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The bridge on the host: found or made, and given the gateways' addresses.</summary>
public class BridgeGatewayTests
{
    [Fact]
    public void Gateway_addresses_are_on_the_bridge_and_the_host_forwards()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.SetSysctl("ipv4/ip_forward", "0");
        host.SetSysctl("ipv6/conf/all/forwarding", "0");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "bridge": "br-test", "isGateway": true }""")).Check();

        Assert.Equal(["10.22.0.1/24", "fd22::1/64"], host.Addresses("br-test"));
        Assert.True(host.Link("br-test").IsUp());
        Assert.Equal("1", host.Sysctl("ipv4/ip_forward"));
        Assert.Equal("1", host.Sysctl("ipv6/conf/all/forwarding"));
        Assert.Equal("0", host.Sysctl("ipv6/conf/br-test/accept_ra"));
        Assert.Empty(container.Routes());
        Assert.DoesNotContain(host.Link("br-test").GetProperty("addr_info").EnumerateArray(),
            a => a.Text("scope") == "global" && a.TryGetProperty("tentative", out _));
    }

    [Fact]
    public void Bridge_without_gateway_has_no_address_and_its_name_is_cni0()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.SetSysctl("ipv4/ip_forward", "0");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, "{}", ranges: Conf.IPv4)).Check();

        Assert.Empty(host.Addresses("cni0"));
        Assert.Equal("bridge", host.Link("cni0").GetProperty("linkinfo").Text("info_kind"));
        Assert.Equal(["10.22.0.2/24"], container.Addresses("eth0"));
        Assert.Equal("0", host.Sysctl("ipv4/ip_forward"));
    }

    [Fact]
    public void Default_route_of_the_ipam_and_that_of_the_default_gateway_are_one()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        new Plugin(host, "bridge").Add(
            container, Conf.Bridge(host, """{ "isDefaultGateway": true }""", routes: """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""")).Check();

        Assert.Equal(["default via 10.22.0.1 dev eth0", "default via fd22::1 dev eth0"], container.Routes());
    }

    [Fact]
    public void Default_gateway_gives_a_default_route_for_each_family()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        PluginResult added = new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "isDefaultGateway": true }""")).Check();

        Assert.Equal(["10.22.0.1/24", "fd22::1/64"], host.Addresses("cni0"));
        Assert.Equal(["default via 10.22.0.1 dev eth0", "default via fd22::1 dev eth0"], container.Routes());
        Assert.Equal(2, added.Json.GetProperty("routes").GetArrayLength());
    }

    [Fact]
    public void Default_route_of_the_ipam_stands_in_for_the_default_gateway()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        string config = Conf.Bridge(host, """{ "isDefaultGateway": true }""", ranges: Conf.IPv4, routes: """[{ "dst": "0.0.0.0/0", "gw": "10.22.0.9" }]""");
        new Plugin(host, "bridge").Add(container, config).Check();

        Assert.Equal(["default via 10.22.0.9 dev eth0"], container.Routes());
        Assert.Equal(["10.22.0.1/24"], host.Addresses("cni0"));
    }

    [Fact]
    public void Gateway_that_the_range_names_is_used()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        string ranges = """[[{ "subnet": "10.22.0.0/24", "gateway": "10.22.0.254" }]]""";
        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "isDefaultGateway": true }""", ranges: ranges)).Check();

        Assert.Equal(["10.22.0.254/24"], host.Addresses("cni0"));
        Assert.Equal(["10.22.0.1/24"], container.Addresses("eth0"));
        container.Ping("10.22.0.254");
    }

    [Theory]
    [InlineData(Conf.IPv4, "10.22.0.77/24", "10.22.0.1/24")]
    [InlineData(Conf.IPv4, "192.0.2.1/24", "10.22.0.1/24")]
    [InlineData(Conf.IPv6, "fd22::77/64", "fd22::1/64")]
    [InlineData(Conf.IPv6, "fd22::77/48", "fd22::1/64")]
    public void Other_address_on_the_bridge_is_refused_or_replaced(string ranges, string other, string gateway)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
        string[] flags = other.Contains(':', StringComparison.Ordinal) ? ["nodad"] : [];
        host.Run(["ip", "addr", "add", other, "dev", "cni0", .. flags]).Check();
        Plugin bridge = new(host, "bridge");
        Snapshot before = Snapshot.Take(host);

        bridge.Add(container, Conf.Bridge(host, ranges: ranges)).Failed(999, "\"cni0\" already has an IP address different from " + gateway, other, "forceAddress");

        before.AssertSame(Snapshot.Take(host));

        bridge.Add(container, Conf.Bridge(host, """{ "isGateway": true, "forceAddress": true }""", ranges: ranges)).Check();
        Assert.Equal([gateway], host.Addresses("cni0"));
        container.Ping(gateway[..gateway.IndexOf('/', StringComparison.Ordinal)]);
    }

    [Fact]
    public void Other_ipv6_network_stays_beside_the_gateway()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
        host.Run("ip", "addr", "add", "fd33::1/64", "dev", "cni0", "nodad").Check();

        new Plugin(host, "bridge").Add(host.AddContainer(), Conf.Bridge(host, ranges: Conf.IPv6)).Check();

        Assert.Equal(["fd22::1/64", "fd33::1/64"], host.Addresses("cni0"));
    }

    [Fact]
    public void Bridge_that_exists_is_used_as_it_is()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.Run("ip", "link", "add", "cni0", "address", "02:00:00:00:00:07", "type", "bridge", "ageing_time", "1234").Check();
        // An MTU that was set, unlike one given at creation, does not follow the ports.
        host.Run("ip", "link", "set", "cni0", "mtu", "1450").Check();

        PluginResult added = new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Check();

        Assert.True(host.Link("cni0").IsUp());
        Assert.Equal(1450, host.Mtu("cni0"));
        Assert.Equal("02:00:00:00:00:07", host.Link("cni0").Text("address"));
        Assert.Equal("1234", host.Link("cni0").GetProperty("linkinfo").GetProperty("info_data").Text("ageing_time"));
        Assert.Equal("02:00:00:00:00:07", added.Json.GetProperty("interfaces")[0].Text("mac"));
    }

    [Fact]
    public void Ethernet_address_of_a_gateway_never_changes_again()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        Plugin bridge = new(host, "bridge");
        TestNamespace first = host.AddContainer();
        string config = Conf.Bridge(host, ranges: Conf.IPv4);

        string told = bridge.Add(first, config).Check().Json.GetProperty("interfaces")[0].Text("mac");
        Assert.Equal(told, host.Link("cni0").Text("address"));
        // Lower than any address that the kernel makes up, so that a bridge that follows its lowest port would take it.
        host.Run("ip", "link", "add", "low", "address", "00:00:00:00:00:01", "master", "cni0", "type", "veth").Check();
        bridge.Add(host.AddContainer(), config).Check();
        bridge.Delete(first, config).Check();

        Assert.Equal(told, host.Link("cni0").Text("address"));
    }

    [Fact]
    public void Gateway_is_added_to_a_bridge_that_has_lost_its_ports()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // The kernel leaves such a bridge with the address 00:00:00:00:00:00.
        host.Run("ip", "link", "add", "cni0", "type", "bridge").Check();
        host.Run("ip", "link", "add", "port", "master", "cni0", "type", "veth").Check();
        host.Run("ip", "link", "del", "port").Check();
        Assert.Equal("00:00:00:00:00:00", host.Link("cni0").Text("address"));

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Check();

        container.Ping("10.22.0.1");
    }

    [Fact]
    public void Promiscuous_mode_is_set_on_a_new_and_on_a_present_bridge()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        Plugin bridge = new(host, "bridge");
        TestNamespace container = host.AddContainer();
        host.Run("ip", "link", "add", "old", "up", "type", "bridge").Check();

        foreach (string name in (string[])["new", "old"])
        {
            string config = Conf.Bridge(host, $$"""{ "name": "{{name}}", "bridge": "{{name}}", "promiscMode": true }""", ranges: Conf.IPv4);
            PluginResult added = bridge.Add(container, config, ifName: name).Check();
            Assert.Contains(host.Link(name).GetProperty("flags").EnumerateArray(), flag => flag.GetString() == "PROMISC");
            bridge.Check(container, Conf.WithResult(config, added), ifName: name).Check();
            host.Run("ip", "link", "set", name, "promisc", "off").Check();
            bridge.Check(container, Conf.WithResult(config, added), ifName: name).Failed(999, "promiscuous", name);
        }
    }
}
