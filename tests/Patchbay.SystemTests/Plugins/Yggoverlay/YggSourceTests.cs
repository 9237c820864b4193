using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>What a container sends to the Internet has its own source, whatever kind of network it is on.</summary>
public class YggSourceTests
{
    // RFC 6724: the kernel's labels and the longest common prefix would choose the mesh's address for some of these.
    private static readonly string[] Internet = ["2606:4700::1111", "64:ff9b::808:808", "fd99::1"];

    [Theory]
    [InlineData("2a01:4f8:5:6::", true)] // global
    [InlineData("3ffe:ffff:0:1ff::", true)] // the 6bone's, of another label than the rest of the Internet
    [InlineData("fd22::", true)] // unique local
    [InlineData("2a01:4f8:5:6::", false)]
    [InlineData("3ffe:ffff:0:1ff::", false)]
    [InlineData("fd22::", false)]
    public void It_is_that_of_the_network(string prefix, bool deprecated)
    {
        using YggHost ygg = new($$"""[[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "{{prefix}}/64" }]]""");
        ygg.Start();
        TestNamespace internet = Connect(ygg.Host), container = ygg.Host.AddContainer();
        using EchoServer server = EchoServer.Tcp(internet, 7000);

        ygg.Add(container, "web", $$"""{ "deprecated": {{(deprecated ? "true" : "false")}} }""");

        foreach (string address in Internet)
            Assert.Equal($"{prefix}2", EchoServer.AskTcp(container, address, 7000));
        Assert.Equal("10.22.0.2", EchoServer.AskTcp(container, "198.51.100.2", 7000));
        Assert.Equal(ygg.AddressOf("web"), container.IpJson($"route get {ygg.NodeAddress}")[0].Text("prefsrc"));
        Assert.Equal(!deprecated, container.Run("ip", "-6", "addr", "show", "dev", "eth0", "-deprecated").Check().StandardOutput.Contains(ygg.AddressOf("web"), StringComparison.Ordinal));
    }

    [Fact]
    public void A_network_of_IPv4_has_the_mesh_and_no_other_IPv6()
    {
        using YggHost ygg = new(Conf.IPv4);
        ygg.Start();
        TestNamespace internet = Connect(ygg.Host), container = ygg.Host.AddContainer();
        using EchoServer server = EchoServer.Tcp(internet, 7000);
        // As an engine or an administrator may have it.
        container.SetSysctl("ipv6/conf/all/disable_ipv6", "1");
        container.SetSysctl("ipv6/conf/default/disable_ipv6", "1");
        ygg.Host.SetSysctl("ipv6/conf/default/disable_ipv6", "1");
        // The host's way out comes from a router; a host that forwards would not listen to it any more.
        ygg.Host.SetSysctl("ipv6/conf/all/forwarding", "0");
        ygg.Host.SetSysctl("ipv6/conf/up0/accept_ra", "1");
        ygg.Host.Ip("route replace default via 2001:db8::2 proto ra");

        ygg.Add(container, "web");

        Assert.Equal(("1", "2"), (ygg.Host.Sysctl("ipv6/conf/all/forwarding"), ygg.Host.Sysctl("ipv6/conf/up0/accept_ra")));

        container.Ping(ygg.NodeAddress);
        ygg.Host.Ping(ygg.AddressOf("web"));
        Assert.Equal("10.22.0.2", EchoServer.AskTcp(container, "198.51.100.2", 7000));
        Assert.Null(EchoServer.AskTcp(container, "2606:4700::1111", 7000));
        Assert.Equal([$"{ygg.AddressOf("web")}/64"], container.Addresses("eth0").Where(address => address.Contains(':', StringComparison.Ordinal)));
    }

    // The host's uplink, and all that is behind it.
    private static TestNamespace Connect(TestHost host)
    {
        TestNamespace internet = host.AddContainer();
        host.To(internet);
        host.Ip("addr add 198.51.100.1/24 dev up0", "addr add 2001:db8::1/64 dev up0 nodad", "route add default via 2001:db8::2");
        internet.Ip("addr add 198.51.100.2/24 dev far", "addr add 2001:db8::2/64 dev far nodad", "route add default via 198.51.100.1", "route add default via 2001:db8::1");
        foreach (string address in Internet)
            internet.Ip($"addr add {address}/128 dev lo");
        return internet;
    }
}
