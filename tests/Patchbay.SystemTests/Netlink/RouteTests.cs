using System.Net;
using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Addresses, routes, rules and neighbours made by the library, judged by ip(8) and bridge(8).</summary>
public sealed class RouteTests : IDisposable
{
    private readonly TestHost _host = TestHost.Create();
    private readonly RouteSocket _route;
    private readonly int _link;
    private readonly int _port;

    public RouteTests()
    {
        using var space = NetworkNamespace.Open(_host.Path);
        _route = RouteSocket.Open(space);
        _host.Run("sh", "-c", "ip link add br0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master br0 up && ip link set v1 up && ip link set br0 up").Check();
        _link = _route.FindLink("br0")!.Index;
        _port = _route.FindLink("v0")!.Index;
    }

    public void Dispose()
    {
        _route.Dispose();
        _host.Dispose();
    }

    private void Execute(Action<NetlinkBatch> requests)
    {
        var batch = new NetlinkBatch();
        requests(batch);
        _route.Execute(batch);
    }

    private InterfaceAddress Address(string address, int prefixLength) => new() { Link = _link, Address = IPAddress.Parse(address), PrefixLength = prefixLength };

    private Route To(string? destination, string? gateway = null) => new()
    {
        Family = destination?.Contains(':', StringComparison.Ordinal) == true ? AddressFamily.IPv6 : AddressFamily.IPv4,
        Destination = destination is null ? null : IPNetwork.Parse(destination),
        Gateway = gateway is null ? null : IPAddress.Parse(gateway),
        Link = _link,
    };

    private void AddAddresses() => Execute(batch =>
    {
        batch.AddAddress(Address("10.1.2.3", 24) with { Broadcast = InterfaceAddress.BroadcastOf(IPAddress.Parse("10.1.2.3"), 24) });
        batch.AddAddress(Address("10.9.0.1", 32) with { Peer = IPAddress.Parse("10.9.0.2"), Label = "br0:p", Flags = AddressFlags.NoPrefixRoute });
        batch.AddAddress(Address("2001:db8::3", 64) with { Flags = AddressFlags.NoDuplicateDetection });
    });

    [Fact]
    public void Addresses()
    {
        AddAddresses();

        var shown = _host.IpJson("addr show dev br0")[0].GetProperty("addr_info").EnumerateArray().ToDictionary(a => a.Text("local")!);
        Assert.Equal((24, "10.1.2.255", "global"), (shown["10.1.2.3"].Number("prefixlen"), shown["10.1.2.3"].Text("broadcast"), shown["10.1.2.3"].Text("scope")));
        Assert.Equal(("10.9.0.2", "br0:p", "True"), (shown["10.9.0.1"].Text("address"), shown["10.9.0.1"].Text("label"), shown["10.9.0.1"].Text("noprefixroute")));
        Assert.Equal(("True", null), (shown["2001:db8::3"].Text("nodad"), shown["2001:db8::3"].Text("tentative")));

        IReadOnlyList<InterfaceAddress> listed = _route.ListAddresses(_link);
        Assert.Equal(shown.Keys.Order(), listed.Select(a => a.Address.ToString()).Order());
        Assert.All(listed, a => Assert.Equal(_link, a.Link));
        Assert.True(_route.ListAddresses().Count > listed.Count); // lo's

        Execute(batch =>
        {
            batch.AddAddress(Address("10.1.2.3", 24), Tolerated.Existing);
            foreach (InterfaceAddress address in listed) // as they were read
                batch.DeleteAddress(address);
            batch.DeleteAddress(Address("10.1.2.3", 24), Tolerated.Missing);
        });
        Assert.Empty(_route.ListAddresses(_link));
    }

    [Fact]
    public void Routes()
    {
        AddAddresses();
        Execute(batch =>
        {
            batch.AddRoute(To("10.5.0.0/16", "10.1.2.1") with { PreferredSource = IPAddress.Parse("10.1.2.3"), Mtu = 1300, AdvertisedMss = 1200, Priority = 50 });
            batch.AddRoute(To(null, "10.1.2.1") with { Table = 1000 });
            batch.AddRoute(To("10.6.0.0/16") with { Scope = RouteScope.Link, Protocol = 4 });
            batch.AddRoute(To("10.7.0.0/16") with { Link = 0, NextHops = [new(_link, IPAddress.Parse("10.1.2.1")), new(_link, IPAddress.Parse("10.1.2.2"), 3)] });
            batch.AddRoute(To("10.8.0.0/16", "2001:db8::1"));
            batch.AddRoute(To("10.11.0.0/16") with { Link = 0, Type = RouteType.Blackhole });
            batch.AddRoute(To("2001:db8:7::/48", "2001:db8::1") with { Mtu = 1280 });
            batch.AddRoute(To("2001:db8:8::/48", "2001:db8::1"));
            batch.AddRoute(To("2001:db8:8::/48", "2001:db8::2"), RouteAddition.Replace);
        });

        var shown = _host.IpJson("-4 route show").EnumerateArray().ToDictionary(r => r.Text("dst")!);
        JsonElement metrics = shown["10.5.0.0/16"];
        Assert.Equal(("10.1.2.1", "10.1.2.3", 50), (metrics.Text("gateway"), metrics.Text("prefsrc"), metrics.Number("metric")));
        Assert.Equal((1300, 1200), (metrics.GetProperty("metrics")[0].Number("mtu"), metrics.GetProperty("metrics")[0].Number("advmss")));
        Assert.Equal(("link", "static"), (shown["10.6.0.0/16"].Text("scope"), shown["10.6.0.0/16"].Text("protocol")));
        Assert.Equal([1, 3], shown["10.7.0.0/16"].GetProperty("nexthops").EnumerateArray().Select(n => n.Number("weight")));
        Assert.Equal("2001:db8::1", shown["10.8.0.0/16"].GetProperty("via").Text("host"));
        Assert.Equal("blackhole", shown["10.11.0.0/16"].Text("type"));
        Assert.Equal("10.1.2.1", _host.IpJson("-4 route show table 1000")[0].Text("gateway"));
        var six = _host.IpJson("-6 route show").EnumerateArray().Where(r => r.Text("dst") != "fe80::/64").ToDictionary(r => $"{r.Text("dst")} {r.Text("gateway")}");
        Assert.Equal(1280, six["2001:db8:7::/48 2001:db8::1"].GetProperty("metrics")[0].Number("mtu"));
        Assert.Contains("2001:db8:8::/48 2001:db8::2", six.Keys);
        Assert.DoesNotContain("2001:db8:8::/48 2001:db8::1", six.Keys);

        Assert.Equal(shown.Count, _route.ListRoutes(AddressFamily.IPv4).Count);
        Assert.Equal(_host.IpJson("-4 route show table all").GetArrayLength(), _route.ListRoutes(AddressFamily.IPv4, table: 0).Count);
        Assert.Equal(_host.IpJson("-6 route show table all").GetArrayLength(), _route.ListRoutes(AddressFamily.IPv6, table: 0).Count);
        Assert.Single(_route.ListRoutes(AddressFamily.IPv4, table: 1000));
        Assert.Empty(_route.ListRoutes(AddressFamily.IPv4, table: 4711)); // no such table
        Assert.Empty(_route.ListRoutes(AddressFamily.IPv6, table: 4711));

        // A route is deleted as it was read, and added again as it was read.
        Route read = _route.ListRoutes(AddressFamily.IPv4).Single(r => r.NextHops.Count == 2);
        Execute(batch =>
        {
            batch.DeleteRoute(read);
            batch.AddRoute(read);
        });
        Assert.Equal(read with { Other = [], NextHops = [] }, _route.ListRoutes(AddressFamily.IPv4).Single(r => r.NextHops.Count == 2) with { Other = [], NextHops = [] });

        var error = Assert.Throws<NetlinkException>(() => Execute(batch => batch.AddRoute(To("10.12.0.0/16", "192.0.2.1"))));
        Assert.Equal((Errno.NetworkUnreachable, $"add route 10.12.0.0/16 via 192.0.2.1 dev {_link}: Network is unreachable (Nexthop has invalid gateway)"), (error.Error, error.Message));
        error = Assert.Throws<NetlinkException>(() => Execute(batch => batch.AddRoute(To("10.6.0.0/16") with { Scope = RouteScope.Link, Protocol = 4 })));
        Assert.Equal(Errno.Exists, error.Error);
        Execute(batch => batch.DeleteRoute(To("10.99.0.0/16"), Tolerated.Missing));
        Execute(batch => batch.DeleteRoute(To("2001:db8:99::/48"), Tolerated.Missing));
    }

    [Fact]
    public void Rules()
    {
        var rule = new Rule { Family = AddressFamily.IPv4, Priority = 100, Source = IPNetwork.Parse("10.1.2.0/24"), Destination = IPNetwork.Parse("10.5.0.0/16"), Mark = 0x10, MarkMask = 0xff, InputLink = "br0", Table = 1000 };
        var inverted = new Rule { Family = AddressFamily.IPv6, Priority = 101, Source = IPNetwork.Parse("2001:db8::/32"), Inverted = true, Table = Route.MainTable, SuppressPrefixLength = 0 };
        Execute(batch =>
        {
            batch.AddRule(rule);
            batch.AddRule(inverted);
            batch.AddRule(inverted, Tolerated.Existing);
        });
        // ip(8) lets host bits through, and so must we.
        _host.Run("ip", "rule", "add", "pref", "102", "from", "10.1.2.3/24", "lookup", "1001").Check();

        JsonElement shown = _host.IpJson("-4 rule show")[1];
        Assert.Equal(
            (100, "10.1.2.0", 24, "10.5.0.0", 16, "0x10", "0xff", "br0", "1000"),
            (shown.Number("priority"), shown.Text("src"), shown.Number("srclen"), shown.Text("dst"), shown.Number("dstlen"), shown.Text("fwmark"), shown.Text("fwmask"), shown.Text("iif"), shown.Text("table")));
        shown = _host.IpJson("-6 rule show")[1];
        Assert.Equal((101, "2001:db8::", "0", "main"), (shown.Number("priority"), shown.Text("src"), shown.Text("suppress_prefixlen"), shown.Text("table")));
        Assert.True(shown.TryGetProperty("not", out _));
        Assert.Equal(_host.IpJson("-4 rule show").EnumerateArray().Select(r => (uint?)r.Number("priority")), _route.ListRules(AddressFamily.IPv4).Select(r => r.Priority));
        Assert.Equal(IPNetwork.Parse("10.1.2.0/24"), _route.ListRules(AddressFamily.IPv4).Single(r => r.Priority == 102).Source);

        Execute(batch =>
        {
            batch.DeleteRule(rule);
            batch.DeleteRule(_route.ListRules(AddressFamily.IPv6).Single(r => r.Priority == 101)); // as it was read
            batch.DeleteRule(rule, Tolerated.Missing);
        });
        Assert.DoesNotContain(_route.ListRules(AddressFamily.IPv4), r => r.Priority == 100);
        Assert.Equal(2, _host.IpJson("-6 rule show").GetArrayLength());
    }

    [Fact]
    public void Neighbours_and_forwarding_entries()
    {
        Assert.True(MacAddress.TryParse("0a:58:0a:01:02:09", out MacAddress mac));
        var four = new Neighbour { Family = AddressFamily.IPv4, Link = _link, Destination = IPAddress.Parse("10.1.2.9"), Address = mac };
        var six = new Neighbour { Family = AddressFamily.IPv6, Link = _link, Destination = IPAddress.Parse("2001:db8::9"), Address = mac, State = NeighbourState.NoArp };
        var entry = new Neighbour { Family = AddressFamily.Bridge, Link = _port, Address = mac, State = NeighbourState.NoArp | NeighbourState.Reachable, Flags = 4 };
        Execute(batch =>
        {
            batch.SetNeighbour(four);
            batch.SetNeighbour(six);
            batch.SetNeighbour(entry);
            batch.SetNeighbour(entry); // replaces
        });

        var shown = _host.IpJson("neigh show nud all dev br0").EnumerateArray().ToDictionary(n => n.Text("dst")!);
        Assert.Equal((mac.ToString(), "PERMANENT"), (shown["10.1.2.9"].Text("lladdr"), shown["10.1.2.9"].GetProperty("state")[0].GetString()));
        Assert.Equal("NOARP", shown["2001:db8::9"].GetProperty("state")[0].GetString());
        // A kernel with VLAN filtering makes a further entry for each VLAN of the port.
        JsonElement forwarding = Assert.Single(_host.BridgeJson("fdb show dev v0").EnumerateArray(), e => e.Text("mac") == mac.ToString() && e.Text("vlan") is null);
        Assert.Equal(("br0", "static"), (forwarding.Text("master"), forwarding.Text("state")));

        Assert.Contains(_route.ListNeighbours(AddressFamily.IPv4), n => n.Destination!.Equals(four.Destination) && n.Address == mac);
        Neighbour read = Assert.Single(_route.ListNeighbours(AddressFamily.Bridge), n => n.Address == mac && n.Vlan is null);
        Assert.Equal((_port, _link), (read.Link, read.Master));

        Execute(batch =>
        {
            batch.DeleteNeighbour(four);
            batch.DeleteNeighbour(six);
            batch.DeleteNeighbour(entry);
            batch.DeleteNeighbour(entry, Tolerated.Missing);
            batch.DeleteNeighbour(four, Tolerated.Missing);
        });
        Assert.DoesNotContain(_route.ListNeighbours(AddressFamily.Bridge), n => n.Address == mac);
    }
}
