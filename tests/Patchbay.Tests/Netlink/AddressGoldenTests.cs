using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Addresses, judged by the bytes that ip(8) and the kernel exchange. Link 4 is br0.</summary>
public class AddressGoldenTests
{
    private static InterfaceAddress Address(string address, int prefixLength) => new() { Link = 4, Address = IPAddress.Parse(address), PrefixLength = prefixLength };

    [Fact] // ip addr add 10.1.2.3/24 brd + dev br0
    public void IPv4_with_broadcast() => AttributeTree.Equal("addr-add", batch =>
        batch.AddAddress(Address("10.1.2.3", 24) with { Broadcast = InterfaceAddress.BroadcastOf(IPAddress.Parse("10.1.2.3"), 24) }));

    [Fact] // ip addr add 2001:db8::3/64 dev br0 nodad
    public void IPv6_without_duplicate_detection() => AttributeTree.Equal("addr-add-nodad", batch =>
        batch.AddAddress(Address("2001:db8::3", 64) with { Flags = AddressFlags.NoDuplicateDetection }));

    [Fact] // ip addr add 10.9.0.1 peer 10.9.0.2/32 dev br0 label br0:p
    public void Peer_and_label() => AttributeTree.Equal("addr-add-peer", batch =>
        batch.AddAddress(Address("10.9.0.1", 32) with { Peer = IPAddress.Parse("10.9.0.2"), Label = "br0:p" }));

    [Fact]
    public void Flags_of_more_than_eight_bits_go_into_their_attribute()
    {
        var batch = new NetlinkBatch();
        batch.AddAddress(Address("10.1.2.3", 24) with { Flags = AddressFlags.NoPrefixRoute | AddressFlags.NoDuplicateDetection });
        GoldenBytes.Equal(batch.Writer.Written.Slice(16), "02 18 00 00 04000000  0800 0200 0a010203  0800 0100 0a010203  0800 0800 02020000");
    }

    [Fact] // ip addr add 10.1.2.3/24 dev br0 proto 0x70
    public void Who_gave_it_is_told_and_read()
    {
        var batch = new NetlinkBatch();
        batch.AddAddress(Address("10.1.2.3", 24) with { Protocol = 0x70 });

        GoldenBytes.Equal(batch.Writer.Written.Slice(16), "02 18 00 00 04000000  0800 0200 0a010203  0800 0100 0a010203  0500 0b00 70000000");
        Assert.Equal(0x70, Captured.Decode(batch.Writer.Written.ToArray(), static (scoped in MessageReader m) => InterfaceAddress.Decode(m)).Protocol);
    }

    [Fact] // ip addr add 2001:db8::3/64 dev br0 nodad preferred_lft 0
    public void Deprecation_is_told_by_the_lifetimes()
    {
        var batch = new NetlinkBatch();
        batch.AddAddress(Address("2001:db8::3", 64) with { Flags = AddressFlags.Deprecated | AddressFlags.NoDuplicateDetection });
        GoldenBytes.Equal(batch.Writer.Written.Slice(16), "0a 40 02 00 04000000  1400 0200 20010db8000000000000000000000003  1400 0100 20010db8000000000000000000000003  1400 0600 00000000 ffffffff 00000000 00000000");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(129)]
    public void Prefix_length_that_does_not_fit_is_refused(int length) =>
        Assert.Throws<ArgumentException>(() => new NetlinkBatch().AddAddress(Address("10.1.2.3", length)));

    [Theory]
    [InlineData("10.1.2.3", 24, "10.1.2.255")]
    [InlineData("10.1.2.3", 9, "10.127.255.255")]
    [InlineData("10.1.2.3", 30, "10.1.2.3")]
    [InlineData("10.1.2.3", 31, null)]
    [InlineData("10.1.2.3", 32, null)]
    [InlineData("2001:db8::3", 24, null)]
    public void Broadcast_of_a_network(string address, int length, string? broadcast) =>
        Assert.Equal(broadcast, InterfaceAddress.BroadcastOf(IPAddress.Parse(address), length)?.ToString());

    [Fact] // ip addr show dev br0
    public void Addresses_are_read()
    {
        var addresses = Captured.Decode("addr-show", InterfaceAddress.Decode);

        Assert.Equal(["10.1.2.3/24", "10.9.0.1/32", "2001:db8::3/64"], addresses.Select(a => a.ToString()).Where(a => !a.StartsWith("fe80", StringComparison.Ordinal)));
        Assert.Equal((4, "10.1.2.255", "br0", null), (addresses[0].Link, addresses[0].Broadcast?.ToString(), addresses[0].Label, addresses[0].Peer));
        Assert.Equal(AddressFlags.Permanent, addresses[0].Flags);
        Assert.Equal(("10.9.0.2", "br0:p", null), (addresses[1].Peer?.ToString(), addresses[1].Label, addresses[1].Broadcast));
        Assert.Equal(AddressFlags.Permanent | AddressFlags.NoDuplicateDetection, addresses.Single(a => a.ToString() == "2001:db8::3/64").Flags);
        Assert.Equal(253, addresses.Single(a => a.Address.IsIPv6LinkLocal).Scope);
    }
}
