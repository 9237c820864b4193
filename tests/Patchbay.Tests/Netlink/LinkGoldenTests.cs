using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Links, judged by the bytes that ip(8) and the kernel exchange.</summary>
public class LinkGoldenTests
{
    private static readonly MacAddress Mac = MacAddress.FromBytes([0x0a, 0x58, 0x0a, 0x01, 0x02, 0x03]);

    [Fact] // ip link add v0 mtu 1400 address 0a:58:0a:01:02:03 type veth peer name v1 netns blue
    public void Veth_with_its_peer_in_another_namespace()
    {
        using var blue = NetworkNamespace.OpenCurrent(); // any descriptor will do
        AttributeTree.Equal("link-add-veth", batch => batch.AddLink(new LinkSettings
        {
            Name = "v0",
            Mtu = 1400,
            Address = Mac,
            Kind = new Veth(new LinkSettings { Name = "v1", Namespace = blue }),
        }));
    }

    [Fact]
    public void Veth_with_a_single_queue() => AttributeTree.Equal("link-add-veth-queues", batch => batch.AddLink(new LinkSettings
    {
        Name = "v0",
        Queues = 1,
        Kind = new Veth(new LinkSettings { Name = "v1", Queues = 1 }),
    }));

    [Fact] // ip link add v0 mtu 1400 address 0a:58:0a:01:02:03 type veth peer name v1
    public void Veth_to_the_byte()
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "v0", Mtu = 1400, Address = Mac, Kind = new Veth(new LinkSettings { Name = "v1" }) });
        GoldenBytes.Equal(batch.Writer.Written, """
            6c000000 1000 0106 00000000 00000000    # RTM_NEWLINK, REQUEST | EXCL | CREATE
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0700 0300 76300000                      # IFLA_IFNAME "v0"
            0800 0400 78050000                      # IFLA_MTU 1400
            0a00 0100 0a580a01 02030000             # IFLA_ADDRESS
            3000 1280                               # IFLA_LINKINFO
              0900 0100 76657468 00000000           #   IFLA_INFO_KIND "veth"
              2000 0280                             #   IFLA_INFO_DATA, without the peer's
                1c00 0100                           #     VETH_INFO_PEER, which has no NLA_F_NESTED: it begins with a header
                00 00 0000 00000000 00000000 00000000
                0700 0300 76310000                  #       IFLA_IFNAME "v1"
            """);
    }

    [Fact] // ip link add d0 group 7 type dummy
    public void Group_of_a_new_link()
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "d0", Group = 7, Kind = new Dummy() });
        GoldenBytes.Equal(batch.Writer.Written, """
            44000000 1000 0106 00000000 00000000    # RTM_NEWLINK, REQUEST | EXCL | CREATE
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0700 0300 64300000                      # IFLA_IFNAME "d0"
            0800 1b00 07000000                      # IFLA_GROUP 7
            1400 1280                               # IFLA_LINKINFO
              0a00 0100 64756d6d 79000000           #   IFLA_INFO_KIND "dummy"
              0400 0280                             #   IFLA_INFO_DATA
            """);
    }

    [Fact] // ip link del group 7
    public void Deletion_of_a_group()
    {
        var batch = new NetlinkBatch();
        batch.DeleteLinkGroup(7);
        GoldenBytes.Equal(batch.Writer.Written, """
            28000000 1100 0100 00000000 00000000    # RTM_DELLINK, REQUEST
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0800 1b00 07000000                      # IFLA_GROUP 7
            """);
    }

    [Fact] // ip -d link show group 7
    public void Group_of_a_link()
    {
        byte[] message = GoldenBytes.Parse("28000000 1000 0000 00000000 00000000  00 00 0100 02000000 00000000 00000000  0800 1b00 07000000");

        Assert.Equal(7u, Captured.Decode(message, static (scoped in MessageReader m) => Link.Decode(m)).Group);
    }

    [Fact] // ip link add br0 type bridge mcast_snooping 0 group_fwd_mask 8
    public void Bridge() =>
        AttributeTree.Equal("link-add-bridge", batch => batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge { MulticastSnooping = false, GroupForwardMask = 8 } }));

    [Fact] // ip link add br0 type bridge forward_delay 400 ageing_time 1000 stp_state 1 priority 4096
    public void Bridge_with_a_spanning_tree() => AttributeTree.Equal("link-add-bridge-stp", batch => batch.AddLink(new LinkSettings
    {
        Name = "br0",
        Kind = new Bridge { ForwardDelay = TimeSpan.FromSeconds(4), AgeingTime = TimeSpan.FromSeconds(10), SpanningTree = true, Priority = 4096 },
    }));

    [Fact] // ip link add brx type bridge vlan_filtering 1 vlan_default_pvid 5 mcast_snooping 0
    public void Bridge_with_VLAN_filtering() =>
        AttributeTree.Equal("link-add-bridge-vlan-filtering", batch =>
            batch.AddLink(new LinkSettings { Name = "brx", Kind = new Bridge { VlanFiltering = true, DefaultVlan = 5, MulticastSnooping = false } }));

    [Fact] // ip link set dev v0 master br0 up
    public void Link_joins_a_bridge() =>
        AttributeTree.Equal("link-set-master-up", batch => batch.SetLink(2, new LinkSettings { Master = 4, Up = true }));

    [Fact] // ip link property add dev v0 altname container-0123456789-eth0
    public void Alternative_name() =>
        AttributeTree.Equal("link-property-add", batch => batch.AddAlternativeName(2, "container-0123456789-eth0"));

    [Fact] // ip link property del dev br0 altname other
    public void Alternative_name_goes() => AttributeTree.Equal("link-property-del", batch => batch.DeleteAlternativeName(2, "other"));

    [Fact] // ip link del dev br1
    public void Deletion_by_index() => AttributeTree.Equal("link-del", batch => batch.DeleteLink(5));

    [Fact] // bridge link set dev v0 hairpin on isolated on
    public void Bridge_port_flags() =>
        AttributeTree.Equal("bridge-link-set", batch => batch.SetBridgePort(2, new BridgePort { Hairpin = true, Isolated = true }));

    [Fact] // bridge vlan add vid 10 dev v0 pvid untagged
    public void VLAN_of_a_port() => AttributeTree.Equal("vlan-add-pvid", batch => batch.AddBridgeVlans(2, [new BridgeVlan(10, Pvid: true, Untagged: true)]));

    [Fact] // bridge vlan add vid 20-30 dev v0
    public void VLANs_that_follow_one_another_are_a_range() =>
        AttributeTree.Equal("vlan-add-range", batch => batch.AddBridgeVlans(2, Enumerable.Range(20, 11).Select(id => new BridgeVlan((ushort)id))));

    [Fact]
    public void Ranges_end_where_flags_change_and_hold_no_PVID()
    {
        var batch = new NetlinkBatch();
        batch.AddBridgeVlans(2, [new(1, Pvid: true), new(2, Pvid: true), new(3), new(4), new(6), new(7, Untagged: true), new(8, Untagged: true)], self: true);
        GoldenBytes.Equal(batch.Writer.Written.Slice(32), """
            4400 1a80
            0600 0000 02000000      # IFLA_BRIDGE_FLAGS: BRIDGE_FLAGS_SELF
            0800 0200 0200 0100     # 1 PVID
            0800 0200 0200 0200     # 2 PVID
            0800 0200 0800 0300     # 3, RANGE_BEGIN
            0800 0200 1000 0400     # 4, RANGE_END
            0800 0200 0000 0600     # 6
            0800 0200 0c00 0700     # 7, untagged, RANGE_BEGIN
            0800 0200 1400 0800     # 8, untagged, RANGE_END
            """);
    }

    [Fact]
    public void Names_of_more_than_15_bytes_are_looked_for_as_alternative_names()
    {
        var batch = new NetlinkBatch();
        batch.DeleteLink("äääääääääää"); // 11 characters, 22 bytes
        GoldenBytes.Equal(batch.Writer.Written.Slice(32), "1b00 3500 c3a4c3a4 c3a4c3a4 c3a4c3a4 c3a4c3a4 c3a4c3a4 c3a40000");
    }

    [Fact]
    public void Alias_of_a_new_link_is_refused_because_the_kernel_would_forget_it()
    {
        var settings = new LinkSettings { Name = "v0", Alias = "x" };
        Assert.Throws<ArgumentException>(() => new NetlinkBatch().AddLink(settings));
        Assert.Throws<ArgumentException>(() => new NetlinkBatch().AddLink(new LinkSettings { Name = "v1", Kind = new Veth(settings) }));
    }

    [Fact]
    public void Closed_namespace_is_not_named_to_the_kernel()
    {
        var closed = NetworkNamespace.OpenCurrent();
        closed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => new NetlinkBatch().AddLink(new LinkSettings { Name = "v0", Namespace = closed }));
    }

    [Fact] // ip -d link show dev v0
    public void Veth_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-veth", Link.Decode));

        Assert.Equal((2, "v0", 1400, Mac, "veth", "bridge"), (link.Index, link.Name, link.Mtu, link.Address, link.Kind, link.PortKind));
        Assert.Equal(["container-0123456789-eth0"], link.AlternativeNames);
        Assert.Equal((4, 2, 0), (link.Master, link.LowerIndex, link.LowerNamespaceId));
        Assert.Equal((1000, true, OperationalState.Down), (link.TransmitQueueLength, link.IsUp, link.State));
        var port = BridgePort.Decode(link);
        Assert.Equal((true, true, true, true), (port.Hairpin, port.Isolated, port.Learning, port.UnicastFlood));
    }

    [Fact] // ip -d link show dev br0
    public void Bridge_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-bridge", Link.Decode));

        Assert.Equal((4, "br0", "bridge", null, 0), (link.Index, link.Name, link.Kind, link.PortKind, link.Master));
        var bridge = Patchbay.Netlink.Rtnetlink.Bridge.Decode(link);
        Assert.Equal((false, (ushort)8, false), (bridge.MulticastSnooping, bridge.GroupForwardMask, bridge.SpanningTree));
        Assert.Equal((TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(300), (ushort)32768), (bridge.ForwardDelay, bridge.AgeingTime, bridge.Priority));
        Assert.Null(BridgePort.Decode(link).Hairpin);
        Assert.Throws<ArgumentOutOfRangeException>(() => new NetlinkBatch().AddLink(new LinkSettings { Name = "b", Kind = new Bridge { AgeingTime = TimeSpan.FromSeconds(-1) } }));
    }

    [Fact] // ip -s link show dev v1
    public void Statistics_are_read() => Assert.Equal(
        new LinkStatistics(ReceivedPackets: 2, SentPackets: 0, ReceivedBytes: 84, SentBytes: 0, 0, 0, 0, 0),
        Assert.Single(Captured.Decode("link-show-statistics", Link.Decode)).Statistics);

    [Fact] // bridge vlan show; the first is the bridge's own port
    public void VLANs_of_ports_are_read()
    {
        var all = Captured.Decode("vlan-show", (scoped in MessageReader m) => (Vlans: BridgeVlan.Decode(m, out var index), Index: index));
        Assert.Equal([2, 4], all.Select(p => p.Index));
        Assert.Equal([new(5, Pvid: true, Untagged: true), new(40)], all[0].Vlans);
        Assert.Equal([new(5, Untagged: true), new(10, Pvid: true, Untagged: true), .. Enumerable.Range(20, 11).Select(id => new BridgeVlan((ushort)id))], all[1].Vlans);

        // bridge -compressvlans vlan show
        var compressed = Captured.Decode("vlan-show-ranges", (scoped in MessageReader m) => BridgeVlan.Decode(m, out _));
        Assert.True(Captured.Answers("vlan-show-ranges")[1].Length < Captured.Answers("vlan-show")[1].Length);
        Assert.Equal(all[1].Vlans, compressed[1]);
    }

    [Theory]
    [InlineData("0000 0000")] // no such VLAN
    [InlineData("0000 ffff")]
    [InlineData("1000 0a00")] // the end of a range that has no beginning
    public void VLANs_that_cannot_be_are_malformed(string info)
    {
        var message = ChannelDouble.Message(16, 1, $"07000000 02000000 00000000 00000000  0c00 1a00  0800 0200 {info}");
        Assert.Throws<NetlinkException>(() => Captured.Decode(message, (scoped in MessageReader m) => BridgeVlan.Decode(m, out _)));
    }

    [Fact]
    public void Bridge_settings_of_another_kind_are_refused()
    {
        var veth = Assert.Single(Captured.Decode("link-show-veth", Link.Decode));
        Assert.Contains("its kind is veth", Assert.Throws<NetlinkException>(() => Patchbay.Netlink.Rtnetlink.Bridge.Decode(veth)).Message, StringComparison.Ordinal);
    }

    [Fact] // ip link add br0 type bridge
    public void Refusal_of_a_real_kernel_is_understood()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var answer = (byte[])Captured.Answers("link-add-refused")[0].Clone();
            d.AsSpan(8, 4).CopyTo(answer.AsSpan(8)); // the sequence number
            return [answer];
        }));
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "br0", Kind = new Bridge() });

        Assert.Equal("""add link "br0": File exists""", Assert.Throws<NetlinkException>(() => socket.Execute(batch)).Message);
    }
}
