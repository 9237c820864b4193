using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Rules, judged by the bytes that ip(8) and the kernel exchange.</summary>
public class RuleGoldenTests
{
    private static readonly Rule Marked = new()
    {
        Family = AddressFamily.IPv4,
        Priority = 100,
        Source = IPNetwork.Parse("10.1.2.0/24"),
        Destination = IPNetwork.Parse("10.5.0.0/16"),
        Mark = 0x10,
        MarkMask = 0xff,
        InputLink = "br0",
        Table = 1000,
    };

    private static readonly Rule Inverted = new()
    {
        Family = AddressFamily.IPv6,
        Priority = 101,
        Source = IPNetwork.Parse("2001:db8::/32"),
        Inverted = true,
        Table = Route.MainTable,
        SuppressPrefixLength = 0,
    };

    [Fact] // ip rule add pref 100 from 10.1.2.0/24 to 10.5.0.0/16 fwmark 0x10/0xff iif br0 table 1000
    public void Networks_mark_and_table_beyond_255() => AttributeTree.Equal("rule-add", batch => batch.AddRule(Marked));

    [Fact] // ip -6 rule add pref 101 not from 2001:db8::/32 lookup main suppress_prefixlength 0
    public void Inverted_with_suppressed_prefixes() => AttributeTree.Equal("rule-add-ipv6", batch => batch.AddRule(Inverted));

    [Fact]
    public void L3_master_device()
    {
        var batch = new NetlinkBatch();
        batch.AddRule(new Rule { Family = AddressFamily.IPv4, Priority = 1000, L3MasterDevice = true, OutputLink = "o", Protocol = 4 });
        GoldenBytes.Equal(batch.Writer.Written.Slice(16), """
            02 00 00 00 00 00 00 01 00000000    # struct fib_rule_hdr: family, action FR_ACT_TO_TBL
            0800 0600 e8030000                  # FRA_PRIORITY
            0600 1100 6f000000                  # FRA_OIFNAME
            0500 1300 01000000                  # FRA_L3MDEV
            0500 1500 04000000                  # FRA_PROTOCOL
            """);
    }

    [Fact] // ip -4 rule; ip -6 rule
    public void Rules_are_read()
    {
        // What a rule does not say is 0, and the kernel tells who made it: RTPROT_UNSPEC for iproute2's, RTPROT_KERNEL for its own.
        var rules = Captured.Decode("rule-show", Rule.Decode);
        Assert.Equal(["0: from all lookup 255", "100: from 10.1.2.0/24 to 10.5.0.0/16 lookup 1000", "32766: from all lookup 254", "32767: from all lookup 253"], rules.Select(r => r.ToString()));
        Assert.Equal(Marked with { Protocol = 0 }, rules[1] with { Other = [] });
        Assert.Equal((byte?)2, rules[0].Protocol);

        var inverted = Captured.Decode("rule-show-ipv6", Rule.Decode)[1];
        Assert.Equal(Inverted with { Protocol = 0 }, inverted with { Other = [] });
        Assert.Equal("101: not from 2001:db8::/32 lookup 254", inverted.ToString());
    }
}
