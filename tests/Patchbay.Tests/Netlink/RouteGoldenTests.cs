using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Routes, judged by the bytes that ip(8) and the kernel exchange. Link 4 is br0.</summary>
public class RouteGoldenTests
{
    private static Route To(string? destination, string? gateway = null) => new()
    {
        Family = destination?.Contains(':', StringComparison.Ordinal) == true ? AddressFamily.IPv6 : AddressFamily.IPv4,
        Destination = destination is null ? null : IPNetwork.Parse(destination),
        Gateway = gateway is null ? null : IPAddress.Parse(gateway),
        Link = 4,
    };

    private static void Equal(string captured, Route route) => AttributeTree.Equal(captured, batch => batch.AddRoute(route));

    [Fact] // ip route add 10.5.0.0/16 via 10.1.2.1 dev br0 src 10.1.2.3 mtu 1300 advmss 1200 metric 50
    public void Gateway_source_and_metrics() => Equal(
        "route-add-metrics",
        To("10.5.0.0/16", "10.1.2.1") with { PreferredSource = IPAddress.Parse("10.1.2.3"), Mtu = 1300, AdvertisedMss = 1200, Priority = 50 });

    [Fact] // ip route add default via 10.1.2.1 dev br0 table 1000
    public void Table_beyond_255() => Equal("route-add-table", To(null, "10.1.2.1") with { Table = 1000 });

    [Fact] // ip route add default via 10.1.2.1 dev br0 table 1000
    public void Default_route_may_be_written_as_a_network() => Equal("route-add-table", To("0.0.0.0/0", "10.1.2.1") with { Table = 1000 });

    [Fact] // ip route add 10.6.0.0/16 dev br0 table 100
    public void Destination_on_the_link() => Equal("route-add-link", To("10.6.0.0/16") with { Table = 100, Scope = RouteScope.Link });

    [Fact] // ip route add 10.7.0.0/16 nexthop via 10.1.2.1 dev br0 weight 1 nexthop via 10.1.2.2 dev br0 weight 3
    public void Multipath() => Equal(
        "route-add-multipath",
        To("10.7.0.0/16") with { Link = 0, NextHops = [new(4, IPAddress.Parse("10.1.2.1")), new(4, IPAddress.Parse("10.1.2.2"), Weight: 3)] });

    [Fact] // ip -6 route add 2001:db8:7::/48 nexthop via 2001:db8::1 dev br0 weight 1 nexthop via 2001:db8::2 dev br0 weight 2
    public void Multipath_of_IPv6() => Equal(
        "route-add-multipath-ipv6",
        To("2001:db8:7::/48") with { Link = 0, NextHops = [new(4, IPAddress.Parse("2001:db8::1")), new(4, IPAddress.Parse("2001:db8::2"), Weight: 2)] });

    [Fact] // ip route add 10.8.0.0/16 via inet6 2001:db8::1 dev br0
    public void IPv6_gateway_of_an_IPv4_route() => Equal("route-add-via-inet6", To("10.8.0.0/16", "2001:db8::1"));

    [Fact] // ip route add 10.10.0.0/16 via 192.0.2.1 dev br0 onlink
    public void Onlink() => Equal("route-add-onlink", To("10.10.0.0/16", "192.0.2.1") with { Flags = 4 });

    [Fact] // ip route add blackhole 10.11.0.0/16
    public void Blackhole() => Equal("route-add-blackhole", To("10.11.0.0/16") with { Link = 0, Type = RouteType.Blackhole });

    [Fact] // ip route del 10.6.0.0/16 dev br0 table 100
    public void Deletion_that_matches_any_type_and_scope() => AttributeTree.Equal("route-del", batch => batch.DeleteRoute(
        To("10.6.0.0/16") with { Table = 100, Scope = RouteScope.Nowhere, Protocol = 0, Type = RouteType.Unspecified }));

    [Fact]
    public void Next_hops_of_both_families_in_one_route()
    {
        var batch = new NetlinkBatch();
        batch.AddRoute(To("10.7.0.0/16") with { Link = 0, NextHops = [new(4, IPAddress.Parse("2001:db8::1"), 256), new(5, null)] });
        GoldenBytes.Equal(batch.Writer.Written.Slice(36), """
            2c00 0900
            2000 00ff 04000000                                          # struct rtnexthop: length, flags, weight - 1; link
              1600 1200 0a00 2001 0db8 0000 0000 0000 0000 0000 0001 0000 # RTA_VIA: family, address
            0800 0000 05000000
            """);
    }

    [Fact]
    public void Weight_that_does_not_fit_is_refused() => Assert.Contains(
        "weight 257",
        Assert.Throws<ArgumentException>(() => new NetlinkBatch().AddRoute(To("10.7.0.0/16") with { NextHops = [new(4, null, 257)] })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void What_only_the_kernel_may_set_is_not_sent_back()
    {
        var batch = new NetlinkBatch();
        batch.AddRoute(To("10.6.0.0/16") with { Flags = 0x1d }); // DEAD, ONLINK, OFFLOAD, LINKDOWN
        Assert.Equal(4u, BitConverter.ToUInt32(batch.Writer.Written.Slice(24, 4)));
    }

    [Fact] // ip -4 route show table all
    public void Routes_are_read()
    {
        var routes = Captured.Decode("route-show", Route.Decode).ToDictionary(r => $"{r.Type} {r}");

        Assert.Equal(15, routes.Count);
        var metrics = routes["Unicast 10.5.0.0/16 via 10.1.2.1 dev 4 metric 50"];
        Assert.Equal((1300u, 1200u, 50u, "10.1.2.3"), (metrics.Mtu, metrics.AdvertisedMss, metrics.Priority, metrics.PreferredSource?.ToString()));
        Assert.Null(routes["Unicast default via 10.1.2.1 dev 4 table 1000"].Destination);
        Assert.Equal(RouteScope.Link, routes["Unicast 10.6.0.0/16 dev 4 table 100"].Scope);
        Assert.Equal([new(4, IPAddress.Parse("10.1.2.1"), 1), new(4, IPAddress.Parse("10.1.2.2"), 3)], routes["Unicast 10.7.0.0/16"].NextHops);
        Assert.Contains("Unicast 10.8.0.0/16 via 2001:db8::1 dev 4", routes.Keys);
        Assert.Equal(4u, routes["Unicast 10.10.0.0/16 via 192.0.2.1 dev 4"].Flags & 4);
        Assert.Contains("Blackhole 10.11.0.0/16", routes.Keys);
        Assert.Equal((Route.LocalTable, (byte)2, RouteScope.Host), (routes["Local 10.1.2.3/32 dev 4 table 255"] is var local ? local.Table : 0, local.Protocol, local.Scope));
    }

    [Fact] // ip -6 route show table main
    public void IPv6_routes_are_read()
    {
        var routes = Captured.Decode("route-show-ipv6", Route.Decode);

        var multipath = Assert.Single(routes, r => r.NextHops.Count > 0);
        Assert.Equal(IPNetwork.Parse("2001:db8:7::/48"), multipath.Destination);
        Assert.Equal([new(4, IPAddress.Parse("2001:db8::1"), 1), new(4, IPAddress.Parse("2001:db8::2"), 2)], multipath.NextHops);
        Assert.All(routes, r => Assert.Equal((AddressFamily.IPv6, Route.MainTable), (r.Family, r.Table)));
    }
}
