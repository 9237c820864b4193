using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Tunnels and their forwarding entries, judged by the bytes that ip(8), bridge(8) and the kernel exchange.</summary>
public class TunnelGoldenTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress There = IPAddress.Parse("192.0.2.2");

    private static readonly Vxlan Policed = new(42) { Link = 3, Local = Here, Remote = There, Port = Vxlan.AssignedPort, Learning = false, GroupPolicy = true };

    [Fact] // ip link add vx0 type vxlan id 42 dev v0 local 192.0.2.1 remote 192.0.2.2 dstport 4789 nolearning gbp
    public void Vxlan_with_group_policy() => AttributeTree.Equal("link-add-vxlan", batch => batch.AddLink(new LinkSettings { Name = "vx0", Kind = Policed }));

    [Fact] // ip link add vx0 type vxlan id 7 local 2001:db8::1 remote 2001:db8::2 dstport 0 ttl 64
    public void Vxlan_over_IPv6() => AttributeTree.Equal("link-add-vxlan-ipv6", batch => batch.AddLink(new LinkSettings
    {
        Name = "vx0",
        Kind = new Vxlan(7) { Local = IPAddress.Parse("2001:db8::1"), Remote = IPAddress.Parse("2001:db8::2"), TimeToLive = 64, Learning = true },
    }));

    [Fact] // ip -d link show dev vx0
    public void Vxlan_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-vxlan", Link.Decode));

        Assert.Equal(("vx0", "vxlan"), (link.Name, link.Kind));
        var vxlan = Vxlan.Decode(link);
        Assert.Equal((42u, There, Here, 3, Vxlan.AssignedPort), (vxlan.Id, vxlan.Remote, vxlan.Local, vxlan.Link, vxlan.Port));
        Assert.Equal((false, true), (vxlan.Learning, vxlan.GroupPolicy));
        Assert.Throws<NetlinkException>(() => Geneve.Decode(link));
    }

    [Fact]
    public void Vxlan_over_IPv6_is_read_as_it_was_written()
    {
        var vxlan = Vxlan.Decode(Captured.Decode(Captured.Request("link-add-vxlan-ipv6"), Link.Decode));
        Assert.Equal((7u, "2001:db8::2", "2001:db8::1", (byte?)64, false), (vxlan.Id, vxlan.Remote?.ToString(), vxlan.Local?.ToString(), vxlan.TimeToLive, vxlan.GroupPolicy));
    }

    [Fact] // ip link add gnv0 type geneve id 1001 remote 192.0.2.2 dstport 16081 ttl 64, but for the IFLA_GENEVE_TOS 0 that ip sends
    public void Geneve_to_the_byte() => AssertBytes(new Geneve(1001, There) { Port = 16081, TimeToLive = 64 }, """
        60000000 1000 0106 00000000 00000000    # RTM_NEWLINK, REQUEST | EXCL | CREATE
        00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
        0900 0300 676e7630 00000000             # IFLA_IFNAME "gnv0"
        3400 1280                               # IFLA_LINKINFO
          0b00 0100 67656e65 76650000           #   IFLA_INFO_KIND "geneve"
          2400 0280                             #   IFLA_INFO_DATA
            0800 0100 e9030000                  #     IFLA_GENEVE_ID
            0800 0200 c0000202                  #     IFLA_GENEVE_REMOTE
            0500 0300 40000000                  #     IFLA_GENEVE_TTL
            0600 0500 3ed10000                  #     IFLA_GENEVE_PORT, network order
        """);

    [Fact] // ip link add gnv0 type geneve id 1001 remote 2001:db8::2, but for a TTL and a TOS of 0
    public void Geneve_over_IPv6_to_the_byte() => AssertBytes(new Geneve(1001, IPAddress.Parse("2001:db8::2")), """
        5c000000 1000 0106 00000000 00000000
        00 00 0000 00000000 00000000 00000000
        0900 0300 676e7630 00000000
        3000 1280
          0b00 0100 67656e65 76650000
          2000 0280
            0800 0100 e9030000
            1400 0700 20010db8 00000000 00000000 00000002   # IFLA_GENEVE_REMOTE6
        """);

    private static void AssertBytes(LinkKind kind, string golden)
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "gnv0", Kind = kind });
        GoldenBytes.Equal(batch.Writer.Written, golden);
    }

    [Fact]
    public void Geneve_is_read_as_it_was_written()
    {
        var link = Captured.Decode(Captured.Request("link-add-geneve"), Link.Decode);
        var geneve = Geneve.Decode(link);
        Assert.Equal((1001u, There, (ushort?)16081, (byte?)64), (geneve.Id, geneve.Remote, geneve.Port, geneve.TimeToLive));
        Assert.Equal("2001:db8::2", Geneve.Decode(Captured.Decode(Captured.Request("link-add-geneve-ipv6"), Link.Decode)).Remote.ToString());
        // IFLA_GENEVE_ID alone
        var external = link with { KindData = new byte[] { 8, 0, 1, 0, 1, 0, 0, 0 } };
        Assert.Contains("no remote end", Assert.Throws<NetlinkException>(() => Geneve.Decode(external)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_of_networks_have_24_bits()
    {
        foreach (LinkKind kind in (LinkKind[])[new Geneve(1 << 24, There), new Vxlan(1 << 24)])
            Assert.Throws<ArgumentOutOfRangeException>(() => new NetlinkBatch().AddLink(new LinkSettings { Name = "t", Kind = kind }));
    }

    [Fact] // bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2 self permanent
    public void Destination_of_the_unknown() => AttributeTree.Equal("fdb-append-self", batch => batch.AppendNeighbour(new Neighbour
    {
        Family = AddressFamily.Bridge,
        Link = 4,
        Address = MacAddress.FromBytes(new byte[6]),
        Destination = There,
        State = NeighbourState.NoArp | NeighbourState.Permanent,
        Flags = Neighbour.Self,
    }));

    [Fact] // bridge fdb replace ee:ee:0a:ff:44:00 dev vx0 dst 192.0.2.2 self permanent
    public void Destination_of_one() => AttributeTree.Equal("fdb-replace-self", batch => batch.SetNeighbour(new Neighbour
    {
        Family = AddressFamily.Bridge,
        Link = 4,
        Address = new MacAddress(0xEEEE_0AFF_4400),
        Destination = There,
        State = NeighbourState.NoArp | NeighbourState.Permanent,
        Flags = Neighbour.Self,
    }));

    [Fact] // bridge fdb show dev vx0
    public void Destinations_are_read()
    {
        var entries = Captured.Decode("fdb-show-vxlan", Neighbour.Decode);
        Assert.Equal(["192.0.2.2", "192.0.2.3"], entries.Select(entry => entry.Destination?.ToString()));
        Assert.All(entries, entry => Assert.Equal((2, "00:00:00:00:00:00", Neighbour.Self), (entry.Link, entry.Address?.ToString(), entry.Flags)));
    }
}
