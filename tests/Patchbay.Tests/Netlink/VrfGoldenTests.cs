using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>VRF devices, judged by the bytes that ip(8) sends.</summary>
public class VrfGoldenTests
{
    [Fact] // ip link add red type vrf table 1000
    public void Vrf_with_its_table() =>
        AttributeTree.Equal("link-add-vrf", batch => batch.AddLink(new LinkSettings { Name = "red", Kind = new Vrf(1000) }));

    [Fact]
    public void Table_is_read()
    {
        // The request is also what a description consists of: struct ifinfomsg, name, kind and its data.
        var link = Captured.Decode(Captured.Request("link-add-vrf"), (scoped in MessageReader m) => Link.Decode(m));

        Assert.Equal(("red", "vrf", 1000u), (link.Name, link.Kind, Vrf.Decode(link).Table));
    }

    [Fact]
    public void Other_kinds_and_short_tables_are_refused()
    {
        var other = new Link { Index = 1, Name = "br0", Kind = "bridge" };
        Assert.Contains("its kind is bridge", Assert.Throws<NetlinkException>(() => Vrf.Decode(other)).Message, StringComparison.Ordinal);
        var malformed = new Link { Index = 1, Name = "red", Kind = "vrf", KindData = new byte[] { 6, 0, 1, 0, 1, 0, 0, 0 } };
        Assert.Contains("VRF \"red\"", Assert.Throws<NetlinkException>(() => Vrf.Decode(malformed)).Message, StringComparison.Ordinal);
    }
}
