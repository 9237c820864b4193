using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Dummy and tap devices, links of one kind, and the way that packets take, judged by the bytes that ip(8) and the kernel exchange.</summary>
public class DeviceGoldenTests
{
    [Fact] // ip link add dummy0 type dummy
    public void Dummy()
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "dummy0", Kind = new Dummy() });
        GoldenBytes.Equal(batch.Writer.Written, """
            40000000 1000 0106 00000000 00000000    # RTM_NEWLINK, REQUEST | EXCL | CREATE
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0b00 0300 64756d6d 79300000             # IFLA_IFNAME "dummy0"
            1400 1280                               # IFLA_LINKINFO
              0a00 0100 64756d6d 79000000           #   IFLA_INFO_KIND "dummy"
              0400 0280                             #   IFLA_INFO_DATA, empty; ip(8) leaves it out
            """);
    }

    [Fact] // ip -d link show dev tap0, made by: ip tuntap add dev tap0 mode tap user 5 group 6 multi_queue vnet_hdr
    public void Tap_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-tap", Link.Decode));

        Assert.Equal(("tap0", "tun"), (link.Name, link.Kind));
        Assert.Equal(
            new Tun { IsTap = true, Owner = 5, Group = 6, Persistent = true, MultiQueue = true, VnetHeader = true },
            Tun.Decode(link));
    }

    [Fact]
    public void Tun_settings_of_another_kind_are_refused()
    {
        var veth = Assert.Single(Captured.Decode("link-show-veth", Link.Decode));
        Assert.Contains("its kind is veth", Assert.Throws<NetlinkException>(() => Tun.Decode(veth)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("sixteen-bytes-xx")]
    [InlineData("tap%d")] // the kernel would choose a number
    [InlineData("a/b")]
    [InlineData("a\0b")]
    public void Names_that_a_tap_cannot_have(string name) =>
        Assert.Throws<ArgumentException>(() => TapDevice.Create(new TapSettings { Name = name }));

    [Fact] // ip route get fibmatch 198.41.0.4
    public void Way_to_an_address() =>
        AttributeTree.Equal("route-get-fibmatch", batch => batch.GetRoute(IPAddress.Parse("198.41.0.4"), _ => { }));

    [Fact] // ip route get fibmatch 2001:503:ba3e::2:30
    public void Way_to_an_IPv6_address() =>
        AttributeTree.Equal("route-get-fibmatch-ipv6", batch => batch.GetRoute(IPAddress.Parse("2001:503:ba3e::2:30"), _ => { }));

    [Fact]
    public void The_way_is_the_route_as_it_stands_with_all_its_next_hops()
    {
        var four = Assert.Single(Captured.Decode("route-get-fibmatch", Route.Decode));
        Assert.Equal((null, 3, 1400u), (four.Destination, four.Link, four.Mtu));
        Assert.Equal(IPAddress.Parse("10.1.2.1"), four.Gateway);

        var six = Assert.Single(Captured.Decode("route-get-fibmatch-ipv6", Route.Decode));
        Assert.Null(six.Destination);
        Assert.Equal([3, 3], six.NextHops.Select(hop => hop.Link));
    }

    [Fact] // ip link show type veth
    public void Links_of_a_kind_are_asked_for_by_kind_and_others_left_out()
    {
        var kernel = new ChannelDouble(datagram =>
        {
            var sequence = ChannelDouble.Requests(datagram)[0].Sequence;
            return [Answer("link-show-veth", sequence), Answer("link-show-tap", sequence), ChannelDouble.Done(sequence)];
        });
        using var route = new RouteSocket(new NetlinkSocket(kernel));

        // A kernel that does not know the kind does not filter.
        Assert.Equal("v0", Assert.Single(route.ListLinks("veth")).Name);
        GoldenBytes.Equal(GoldenBytes.Anonymous(kernel.Sent[0]), """
            38000000 1200 0103 00000000 00000000    # RTM_GETLINK, REQUEST | DUMP
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0800 1d00 08000000                      # IFLA_EXT_MASK RTEXT_FILTER_SKIP_STATS
            1000 1280                               # IFLA_LINKINFO
              0900 0100 76657468 00000000           #   IFLA_INFO_KIND "veth"
            """);
    }

    private static byte[] Answer(string capture, uint sequence)
    {
        var answer = (byte[])Captured.Answers(capture)[0].Clone();
        BitConverter.TryWriteBytes(answer.AsSpan(8), sequence);
        return answer;
    }
}
