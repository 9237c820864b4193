using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Links made by the library, judged by ip(8) and bridge(8).</summary>
public class LinkTests
{
    [Fact]
    public void One_batch_makes_a_bridge_a_veth_into_a_container_and_its_port()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        using var hostSpace = NetworkNamespace.Open(host.Path);
        using var containerSpace = NetworkNamespace.Open(container.Path);
        using var route = RouteSocket.Open(hostSpace);
        Assert.True(MacAddress.TryParse("0a:58:0a:01:02:03", out MacAddress mac));

        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "br0", Up = true, Mtu = 1400, Kind = new Bridge { MulticastSnooping = false, GroupForwardMask = 8 } });
        batch.AddLink(new LinkSettings
        {
            Name = "veth0",
            Mtu = 1400,
            Kind = new Veth(new LinkSettings { Name = "eth0", Namespace = containerSpace, Address = mac, Mtu = 1400 }),
        });
        // By name: of a link that this batch makes nobody knows the index yet.
        batch.SetLink(0, new LinkSettings { Name = "veth0", Up = true, Alias = "a port" });
        route.Execute(batch);
        int bridge = route.FindLink("br0")!.Index, port = route.FindLink("veth0")!.Index;
        batch.Clear();
        batch.SetLink(port, new LinkSettings { Master = bridge, TransmitQueueLength = 77 });
        batch.SetBridgePort(port, new BridgePort { Hairpin = true, Isolated = true, Learning = false, UnicastFlood = false });
        batch.AddAlternativeName(port, "container-0123456789-eth0");
        route.Execute(batch);

        JsonElement br0 = host.IpJson("link show dev br0")[0];
        JsonElement data = br0.GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal((0, "0x8"), (data.GetProperty("mcast_snooping").GetInt32(), data.GetProperty("group_fwd_mask").GetString()));
        JsonElement veth0 = host.IpJson("link show dev container-0123456789-eth0")[0];
        Assert.Equal(
            ("veth0", "br0", "a port", 1400, 77),
            (veth0.Text("ifname"), veth0.Text("master"), veth0.Text("ifalias"), veth0.Number("mtu"), veth0.Number("txqlen")));
        JsonElement flags = host.BridgeJson("link show dev veth0")[0];
        Assert.True(flags.GetProperty("hairpin").GetBoolean() && flags.GetProperty("isolated").GetBoolean());
        Assert.False(flags.GetProperty("learning").GetBoolean() || flags.GetProperty("flood").GetBoolean());
        JsonElement eth0 = container.IpJson("link show dev eth0")[0];
        Assert.Equal(("0a:58:0a:01:02:03", 1400, "veth"), (eth0.Text("address"), eth0.Number("mtu"), eth0.GetProperty("linkinfo").Text("info_kind")));

        // What the library reads is what ip(8) reads.
        Link found = route.FindLink("container-0123456789-eth0")!;
        Assert.Equal((port, bridge, "veth", "bridge"), (found.Index, found.Master, found.Kind, found.PortKind));
        Assert.Equal(eth0.Number("ifindex"), found.LowerIndex);
        Assert.True(BridgePort.Decode(found) is { Hairpin: true, Isolated: true, Learning: false, UnicastFlood: false });
        Assert.True(Bridge.Decode(route.FindLink(bridge)!) is { MulticastSnooping: false, GroupForwardMask: 8, SpanningTree: false });

        batch.Clear();
        batch.DeleteLink("container-0123456789-eth0");
        batch.DeleteLink("veth0", Tolerated.Missing);
        batch.DeleteLink(bridge);
        route.Execute(batch);
        Assert.False(host.HasLink("br0"));
        Assert.False(container.HasLink("eth0"));
        Assert.Null(route.FindLink("veth0"));
        Assert.Null(route.FindLink(bridge));
    }

    [Fact]
    public void Spanning_tree_and_the_other_settings_of_a_bridge()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings
        {
            Name = "br0",
            Kind = new Bridge { SpanningTree = true, ForwardDelay = TimeSpan.FromSeconds(4), AgeingTime = TimeSpan.FromSeconds(10), Priority = 4096, GroupForwardMask = 0x4000 },
        });
        batch.SetLink(0, new LinkSettings { Name = "br0", Alias = "of a lab" });
        route.Execute(batch);
        Link bridge = route.FindLink("br0")!;
        batch.Clear();
        batch.AddAlternativeName(bridge.Index, "first");
        batch.AddAlternativeName(bridge.Index, "second");
        batch.DeleteAlternativeName(bridge.Index, "first");
        batch.DeleteAlternativeName(bridge.Index, "first", Tolerated.Missing);
        batch.SetLink(bridge.Index, new LinkSettings { Kind = new Bridge { AgeingTime = TimeSpan.Zero } });
        route.Execute(batch);

        JsonElement shown = host.IpJson("link show dev br0")[0];
        Assert.Equal(("of a lab", """["second"]"""), (shown.Text("ifalias"), shown.Text("altnames")));
        JsonElement data = shown.GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal((1, 400, 0, 4096, "0x4000"), (data.Number("stp_state"), data.Number("forward_delay"), data.Number("ageing_time"), data.Number("priority"), data.Text("group_fwd_mask")));
        Assert.True(Bridge.Decode(route.FindLink("br0")!) is { SpanningTree: true, ForwardDelay.Seconds: 4, AgeingTime.Ticks: 0, Priority: 4096 });
    }

    [Fact]
    public void VLANs_of_ports()
    {
        Needs.BridgeVlanFiltering();
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge { VlanFiltering = true, DefaultVlan = 5 } });
        batch.AddLink(new LinkSettings { Name = "v0", Kind = new Veth(new LinkSettings { Name = "v1" }) });
        route.Execute(batch);
        int bridge = route.FindLink("br0")!.Index, port = route.FindLink("v0")!.Index;

        batch.Clear();
        batch.SetLink(port, new LinkSettings { Master = bridge });
        batch.DeleteBridgeVlans(port, [new BridgeVlan(5)]);
        batch.AddBridgeVlans(port, [new BridgeVlan(10, Pvid: true, Untagged: true), .. Enumerable.Range(100, 3995).Select(id => new BridgeVlan((ushort)id))]);
        batch.AddBridgeVlans(bridge, [new BridgeVlan(40)], self: true);
        route.Execute(batch);

        Assert.Equal("10 PVID Egress Untagged", Vlans(host, "v0")[0]);
        Assert.Equal(1 + 3995, Vlans(host, "v0").Count);
        Assert.Equal(["5 PVID Egress Untagged", "40"], Vlans(host, "br0"));
        Assert.Equal(1 + 3995, route.ListBridgeVlans(port).Count);
        Assert.Equal([new(5, Pvid: true, Untagged: true), new(40)], route.ListBridgeVlans(bridge));
        Assert.True(Bridge.Decode(route.FindLink("br0")!) is { VlanFiltering: true, DefaultVlan: 5 });

        batch.Clear();
        batch.DeleteBridgeVlans(port, [.. Enumerable.Range(200, 3800).Select(id => new BridgeVlan((ushort)id))]);
        route.Execute(batch);
        Assert.Equal(1 + 195, Vlans(host, "v0").Count);
    }

    [Fact]
    public void Errors_of_a_batch_name_their_requests_and_the_others_are_carried_out()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge() });
        batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge() });
        batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge() }, Tolerated.Existing);
        batch.AddLink(new LinkSettings { Name = "a name of more than 15 bytes", Kind = new Bridge() });
        batch.DeleteLink("nobody");
        batch.DeleteLink("nobody", Tolerated.Missing);
        batch.AddLink(new LinkSettings { Name = "br1", Kind = new Bridge() });

        IReadOnlyList<NetlinkException> errors = route.TryExecute(batch);

        Assert.Collection(
            errors,
            e => Assert.Equal("""add link "br0": File exists""", e.Message),
            e => Assert.Equal(("""add link "a name of more than 15 bytes": Numerical result out of range (Attribute failed policy validation)""", Errno.Range, 32), (e.Message, e.Error, e.Offset)),
            e => Assert.Equal("""delete link "nobody": No such device""", e.Message));
        Assert.True(host.HasLink("br0") && host.HasLink("br1"));
    }

    [Fact]
    public void Batch_of_any_size_is_carried_out_and_all_its_errors_arrive()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        var found = 0;
        for (var i = 0; i < 2000; i++)
        {
            batch.DeleteLink($"nobody-{i}");
            batch.GetLink("lo", _ => found++);
        }

        // Long aliases, to have more than the usual 208 KiB in one datagram.
        for (var i = 0; i < 2000; i++)
            batch.SetLink(1, new LinkSettings { Alias = new string('x', 200) });
        Assert.True(batch.Writer.Length > 500_000);

        IReadOnlyList<NetlinkException> errors = route.TryExecute(batch);

        Assert.Equal(2000, errors.Count);
        Assert.Equal("""delete link "nobody-1999": No such device""", errors[^1].Message);
        Assert.Equal(2000, found);
        Assert.Equal(new string('x', 200), host.IpJson("link show dev lo")[0].Text("ifalias"));
    }

    private static List<string> Vlans(TestHost host, string link)
    {
        var vlans = new List<string>();
        foreach (JsonElement port in host.BridgeJson($"vlan show dev {link}").EnumerateArray())
        {
            foreach (JsonElement vlan in port.GetProperty("vlans").EnumerateArray())
            {
                IEnumerable<string?> flags = vlan.TryGetProperty("flags", out JsonElement f) ? f.EnumerateArray().Select(x => x.GetString()) : [];
                // bridge(8) writes ranges as "vlan" and "vlanEnd".
                int last = vlan.TryGetProperty("vlanEnd", out JsonElement end) ? end.GetInt32() : vlan.Number("vlan");
                for (int id = vlan.Number("vlan"); id <= last; id++)
                    vlans.Add(string.Join(' ', [$"{id}", .. flags]));
            }
        }

        return vlans;
    }
}
