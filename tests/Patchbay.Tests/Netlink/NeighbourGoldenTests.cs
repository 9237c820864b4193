using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Neighbours and forwarding entries, judged by the bytes that ip(8), bridge(8) and the kernel exchange. Link 4 is br0, 2 its port v0.</summary>
public class NeighbourGoldenTests
{
    private static readonly MacAddress Mac = MacAddress.FromBytes([0x0a, 0x58, 0x0a, 0x01, 0x02, 0x09]);

    [Fact] // ip neigh replace 10.1.2.9 lladdr 0a:58:0a:01:02:09 dev br0 nud permanent
    public void IPv4() => AttributeTree.Equal("neigh-replace", batch =>
        batch.SetNeighbour(new Neighbour { Family = AddressFamily.IPv4, Link = 4, Destination = IPAddress.Parse("10.1.2.9"), Address = Mac }));

    [Fact] // ip -6 neigh replace 2001:db8::9 lladdr 0a:58:0a:01:02:09 dev br0 nud noarp
    public void IPv6() => AttributeTree.Equal("neigh-replace-ipv6", batch =>
        batch.SetNeighbour(new Neighbour { Family = AddressFamily.IPv6, Link = 4, Destination = IPAddress.Parse("2001:db8::9"), Address = Mac, State = NeighbourState.NoArp }));

    [Fact] // bridge fdb replace 0a:58:0a:01:02:0a dev v0 master static
    public void Forwarding_entry() => AttributeTree.Equal("fdb-replace", batch => batch.SetNeighbour(new Neighbour
    {
        Family = AddressFamily.Bridge,
        Link = 2,
        Address = MacAddress.FromBytes([0x0a, 0x58, 0x0a, 0x01, 0x02, 0x0a]),
        State = NeighbourState.NoArp | NeighbourState.Reachable,
        Flags = 4, // NTF_MASTER
    }));

    [Fact]
    public void Forwarding_entry_of_a_VLAN()
    {
        var batch = new NetlinkBatch();
        batch.DeleteNeighbour(new Neighbour { Family = AddressFamily.Bridge, Link = 2, Address = Mac, Flags = 4, Vlan = 10 });
        GoldenBytes.Equal(batch.Writer.Written, """
            30000000 1d00 0100 00000000 00000000
            07 00 0000 02000000 8000 04 00          # struct ndmsg
            0a00 0200 0a580a01 02090000             # NDA_LLADDR
            0600 0500 0a000000                      # NDA_VLAN
            """);
    }

    [Fact] // ip neigh show dev br0
    public void Neighbours_are_read()
    {
        var neighbours = Captured.Decode("neigh-show", Neighbour.Decode);

        var four = Assert.Single(neighbours, n => n.Family == AddressFamily.IPv4);
        Assert.Equal((4, "10.1.2.9", Mac, NeighbourState.Permanent), (four.Link, four.Destination?.ToString(), four.Address, four.State));
        Assert.Equal("10.1.2.9 dev 4", four.ToString());
        Assert.Contains(neighbours, n => n.Destination?.ToString() == "2001:db8::9" && n.State == NeighbourState.NoArp);
    }

    [Fact] // bridge fdb show dev v0
    public void Forwarding_entries_are_read()
    {
        var entries = Captured.Decode("fdb-show", Neighbour.Decode);

        var entry = Assert.Single(entries, n => n.Address?.ToString() == "0a:58:0a:01:02:0a");
        Assert.Equal((AddressFamily.Bridge, 2, 4, null), (entry.Family, entry.Link, entry.Master, entry.Vlan));
        Assert.Equal(NeighbourState.NoArp, entry.State); // "static"
    }
}
