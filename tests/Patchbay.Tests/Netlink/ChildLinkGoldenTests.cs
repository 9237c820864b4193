using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Links on top of another one, judged by the bytes that ip(8) and the kernel exchange.</summary>
public class ChildLinkGoldenTests
{
    [Fact] // ip link add link v0 name m0 type macvlan mode bridge bcqueuelen 500
    public void Macvlan() =>
        AttributeTree.Equal("link-add-macvlan", batch => batch.AddLink(new LinkSettings
        {
            Name = "m0",
            Lower = 3,
            Kind = new Macvlan { Mode = MacvlanMode.Bridge, BroadcastQueueLength = 500 },
        }));

    [Fact] // ip link add link v0 name i0 type ipvlan mode l3s private
    public void Ipvlan() =>
        AttributeTree.Equal("link-add-ipvlan", batch => batch.AddLink(new LinkSettings
        {
            Name = "i0",
            Lower = 3,
            Kind = new Ipvlan { Mode = IpvlanMode.L3S, Flags = IpvlanFlags.Private },
        }));

    [Fact] // ip link add link v0 name mt0 type macvtap mode bridge
    public void Macvtap() =>
        AttributeTree.Equal("link-add-macvtap", batch => batch.AddLink(new LinkSettings { Name = "mt0", Lower = 3, Kind = new Macvtap { Mode = MacvlanMode.Bridge } }));

    [Fact] // ip link add link v0 name it0 type ipvtap mode l2
    public void Ipvtap() =>
        AttributeTree.Equal("link-add-ipvtap", batch => batch.AddLink(new LinkSettings { Name = "it0", Lower = 3, Kind = new Ipvtap { Mode = IpvlanMode.L2, Flags = IpvlanFlags.Bridge } }));

    [Fact] // ip -d link show dev mt0
    public void Taps_are_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-macvtap", Link.Decode));
        Assert.Equal(("mt0", MacvlanMode.Bridge), (link.Name, Patchbay.Netlink.Rtnetlink.Macvtap.Decode(link).Mode));
        Assert.Throws<NetlinkException>(() => Patchbay.Netlink.Rtnetlink.Macvlan.Decode(link));
        Assert.Equal(IpvlanMode.L2, Patchbay.Netlink.Rtnetlink.Ipvtap.Decode(Captured.Decode(Captured.Request("link-add-ipvtap"), Link.Decode)).Mode);
    }

    [Fact] // ip link add link v0 name v0.5 type vlan protocol 802.1ad id 5
    public void Vlan() =>
        AttributeTree.Equal("link-add-vlan", batch => batch.AddLink(new LinkSettings { Name = "v0.5", Lower = 3, Kind = new Vlan(5) { Protocol = VlanProtocol.Service } }));

    [Fact] // ip link add link v0 link-netnsid 7 name m0 type macvlan mode passthru nopromisc
    public void Macvlan_on_a_link_of_another_namespace_to_the_byte()
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings
        {
            Name = "m0",
            Lower = 3,
            LowerNamespaceId = 7,
            Kind = new Macvlan { Mode = MacvlanMode.Passthru, Flags = MacvlanFlags.NoPromiscuous },
        });
        GoldenBytes.Equal(batch.Writer.Written, """
            5c000000 1000 0106 00000000 00000000    # RTM_NEWLINK, REQUEST | EXCL | CREATE
            00 00 0000 00000000 00000000 00000000   # struct ifinfomsg
            0700 0300 6d300000                      # IFLA_IFNAME "m0"
            0800 0500 03000000                      # IFLA_LINK 3
            0800 2500 07000000                      # IFLA_LINK_NETNSID 7
            2400 1280                               # IFLA_LINKINFO
              0c00 0100 6d616376 6c616e00           #   IFLA_INFO_KIND "macvlan"
              1400 0280                             #   IFLA_INFO_DATA
                0800 0100 08000000                  #     IFLA_MACVLAN_MODE MACVLAN_MODE_PASSTHRU
                0600 0200 01000000                  #     IFLA_MACVLAN_FLAGS MACVLAN_FLAG_NOPROMISC
            """);
    }

    [Fact] // ip -d link show dev m0
    public void Macvlan_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-macvlan", Link.Decode));

        Assert.Equal(("m0", "macvlan", 3, null), (link.Name, link.Kind, link.LowerIndex, link.LowerNamespaceId));
        var macvlan = Patchbay.Netlink.Rtnetlink.Macvlan.Decode(link);
        Assert.Equal((MacvlanMode.Bridge, MacvlanFlags.None, 500u), (macvlan.Mode, macvlan.Flags, macvlan.BroadcastQueueLength));
    }

    [Fact] // ip -n blue -d link show dev i0; the link below is in the namespace that blue knows as 0
    public void Ipvlan_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-ipvlan", Link.Decode));

        Assert.Equal(("i0", "ipvlan", 2, 0), (link.Name, link.Kind, link.LowerIndex, link.LowerNamespaceId));
        var ipvlan = Patchbay.Netlink.Rtnetlink.Ipvlan.Decode(link);
        Assert.Equal((IpvlanMode.L3S, IpvlanFlags.Private), (ipvlan.Mode, ipvlan.Flags));
    }

    [Fact] // ip -d link show dev v0.5
    public void Vlan_is_read()
    {
        var link = Assert.Single(Captured.Decode("link-show-vlan", Link.Decode));

        Assert.Equal(("v0.5", "vlan"), (link.Name, link.Kind));
        var vlan = Patchbay.Netlink.Rtnetlink.Vlan.Decode(link);
        Assert.Equal(((ushort)5, (VlanProtocol?)VlanProtocol.Service), (vlan.Id, vlan.Protocol));
    }

    [Fact]
    public void Settings_of_another_kind_are_refused()
    {
        var link = Assert.Single(Captured.Decode("link-show-vlan", Link.Decode));
        foreach (var read in (Action[])[() => Patchbay.Netlink.Rtnetlink.Macvlan.Decode(link), () => Patchbay.Netlink.Rtnetlink.Ipvlan.Decode(link)])
            Assert.Contains("\"v0.5\": its kind is vlan", Assert.Throws<NetlinkException>(read).Message, StringComparison.Ordinal);
        var macvlan = Assert.Single(Captured.Decode("link-show-macvlan", Link.Decode));
        Assert.Throws<NetlinkException>(() => Patchbay.Netlink.Rtnetlink.Vlan.Decode(macvlan));
        // IFLA_VLAN_ID of one byte.
        Assert.Throws<NetlinkException>(() => Patchbay.Netlink.Rtnetlink.Vlan.Decode(link with { KindData = new byte[] { 5, 0, 1, 0, 5, 0, 0, 0 } }));
    }

    [Fact] // ip netns set blue auto
    public void Namespace_is_numbered()
    {
        using var blue = NetworkNamespace.OpenCurrent(); // any descriptor will do
        var batch = new NetlinkBatch();
        batch.AssignNamespaceId(blue);
        batch.GetNamespaceId(blue, static _ => { });
        var descriptor = (byte)blue.Handle.DangerousGetHandle();
        var captured = (byte[])Captured.Request("nsid-set").Clone();
        captured[24] = descriptor;
        captured.AsSpan(8, 4).Clear(); // the sequence number
        captured[6] = 1; // ours asks for an acknowledgement when it is sent
        GoldenBytes.Equal(batch.Writer.Written[..36], Convert.ToHexString(captured));
        GoldenBytes.Equal(batch.Writer.Written[36..], $"1c000000 5a00 0100 01000000 00000000  00000000  0800 0300 {descriptor:x2}000000");

        batch.Clear();
        blue.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.AssignNamespaceId(blue));
        Assert.Throws<ObjectDisposedException>(() => batch.GetNamespaceId(blue, static _ => { }));
    }

    [Theory]
    [InlineData("07000000", 7)]
    [InlineData("00000000", 0)]
    [InlineData("ffffffff", null)] // NETNSA_NSID_NOT_ASSIGNED
    public void Number_of_a_namespace_is_read(string bytes, int? expected)
    {
        var message = ChannelDouble.Message(88, 1, $"00000000  0800 0100 {bytes}");
        Assert.Equal(expected, Captured.Decode(message, NamespaceIdRequests.Decode));
    }
}
