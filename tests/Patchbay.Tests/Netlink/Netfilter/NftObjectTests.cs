using System.Net;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>Tables, chains, sets and deletions, compared with what nft(8) 1.0.6 sends.</summary>
public class NftObjectTests : NftGolden
{
    private static readonly NftSet Addresses = new(NftFamily.Ip, "t", "s", NftDataType.Ipv4Address) { Comment = "a comment" };

    [Fact]
    public void Table_with_comment()
    {
        const string Golden = "34000000000a01000000000000000000010000000600010074000000080002000000000010000600000a6120636f6d6d656e7400";
        var table = new NftTable(NftFamily.Inet, "t") { Comment = "a comment" };

        GoldenBytes.AssertEqual("nft add table inet t { comment \"a comment\"; }", Golden, Assert.Single(Encode(t => t.Add(table))));
        Assert.Equal(table, NftTable.Decode(Message(Golden)));
    }

    [Theory]
    [InlineData(
        "nft add chain inet t postrouting { type nat hook postrouting priority 100; policy accept; }", NftFamily.Inet, "postrouting", "nat", NftHookPoint.Postrouting, 100, false,
        """
        50000000030a0104000000000000000001000000060001007400000010000300706f7374726f7574696e6700080007006e617400080005000000000114000480
        08000100000000040800020000000064
        """)]
    [InlineData(
        "nft add chain bridge t x { type filter hook prerouting priority -300; policy drop; }", NftFamily.Bridge, "x", "filter", NftHookPoint.Prerouting, -300, true,
        """
        4c000000030a0104000000000000000007000000060001007400000006000300780000000b00070066696c746572000008000500000000001400048008000100
        0000000008000200fffffed4
        """)]
    public void Base_chain(string caption, NftFamily family, string name, string type, NftHookPoint point, int priority, bool drop, string golden)
    {
        var chain = new NftChain(family, "t", name) { Hook = new NftHook(type, point, priority) { Drop = drop } };

        // nft writes the hook after the type and policy, the kernel before them; the order means nothing.
        GoldenBytes.AssertEqual(caption, golden, Assert.Single(Encode(t => t.Add(chain))));
        Assert.Equal(chain, NftChain.Decode(Message(golden)));
    }

    [Fact]
    public void Regular_chain_with_comment()
    {
        const string Golden = "34000000030a01040000000000000000010000000600010074000000060003006300000010000c00000a6120636f6d6d656e7400";
        var chain = new NftChain(NftFamily.Inet, "t", "c") { Comment = "a comment" };

        GoldenBytes.AssertEqual("nft add chain inet t c { comment \"a comment\"; }", Golden, Assert.Single(Encode(t => t.Add(chain))));
        Assert.Equal(chain, NftChain.Decode(Message(Golden)));
    }

    [Fact]
    public void Chain_of_a_device_round_trips()
    {
        var chain = new NftChain(NftFamily.Netdev, "t", "i") { Hook = new NftHook("filter", NftHookPoint.Ingress, 0) { Device = "lo" }, Owner = "net/eth0" };

        Assert.Equal(chain, NftChain.Decode(Message(Convert.ToHexString(Assert.Single(Encode(t => t.Add(chain)))))));
    }

    [Fact]
    public void Deletions_and_flushes()
    {
        var messages = Encode(t =>
        {
            t.DeleteRule(NftFamily.Inet, "t", "c", 3);
            t.Flush(NftFamily.Inet, "t", "c");
            t.DeleteChain(NftFamily.Inet, "t", "c");
            t.DeleteElements(Addresses, [new NftSetElement(NftKey.Of(IPAddress.Parse("10.0.0.2")))]);
            t.FlushSet(NftFamily.Ip, "t", "s");
            t.DeleteSet(NftFamily.Ip, "t", "s");
            t.DeleteTable(NftFamily.Ip, "t");
        });

        GoldenBytes.AssertEqual(
            "nft delete rule inet t c handle 3", "30000000080a0100000000000000000001000000060001007400000006000200630000000c0003000000000000000003", messages[0]);
        GoldenBytes.AssertEqual("nft flush chain inet t c", "24000000080a010000000000000000000100000006000100740000000600020063000000", messages[1]);
        GoldenBytes.AssertEqual("nft delete chain inet t c", "24000000050a010000000000000000000100000006000100740000000600030063000000", messages[2]);
        GoldenBytes.AssertEqual(
            "nft delete element ip t s { 10.0.0.2 }", "380000000e0a01000000000000000000020000000600010074000000060002007300000014000380100001800c000180080001000a000002", messages[3]);
        GoldenBytes.AssertEqual("nft flush set ip t s", "240000000e0a010000000000000000000200000006000200730000000600010074000000", messages[4]);
        GoldenBytes.AssertEqual("nft delete set ip t s", "240000000b0a010000000000000000000200000006000100740000000600020073000000", messages[5]);
        GoldenBytes.AssertEqual("nft delete table ip t", "1c000000020a01000000000000000000020000000600010074000000", messages[6]);
    }

    [Fact]
    public void Set_with_comments()
    {
        const string Caption = "nft add set ip t s { type ipv4_addr; comment \"a comment\"; elements = { 10.0.0.1 comment \"el\", 10.0.0.2 } }";
        const string Golden =
            """
            5c000000090a01040000000000000000020000000600010074000000060002007300000008000300000000000800040000000007080005000000000408000a00
            0000000116000d00000402000000070a6120636f6d6d656e74000000
            """;

        var messages = Encode(t => t.Add(
            Addresses,
            [new NftSetElement(NftKey.Of(IPAddress.Parse("10.0.0.1"))) { Comment = "el" }, new NftSetElement(NftKey.Of(IPAddress.Parse("10.0.0.2")))]));

        GoldenBytes.AssertEqual(Caption, Golden, messages[0]);
        GoldenBytes.AssertEqual(
            Caption,
            """
            5c0000000c0a0104000000000000000002000000060001007400000006000200730000000800040000000001300003801c0001800c000180080001000a000001
            090006000003656c00000000100002800c000180080001000a000002
            """,
            messages[1]);
        Assert.Equal(Addresses, NftSet.Decode(Message(Golden)));
    }

    [Fact]
    public void Verdict_map_with_timeouts()
    {
        const string Caption = "nft add map ip t m { type inet_service : verdict; flags timeout; timeout 1m; elements = { 80 timeout 30s : accept } }";
        const string Golden =
            """
            78000000090a01040000000000000000020000000600010074000000060002006d0000000800030000000018080004000000000d080005000000000208000600
            ffffff00080007000000000008000a00000000010c000b00000000000000ea6016000d000004020000000104000000000604000000000000
            """;
        var map = new NftSet(NftFamily.Ip, "t", "m", NftDataType.InetService)
        {
            DataType = NftDataType.Verdict,
            HasTimeouts = true,
            Timeout = TimeSpan.FromMinutes(1),
        };

        var messages = Encode(t => t.Add(map, [new NftSetElement(NftKey.Port(80)) { Timeout = TimeSpan.FromSeconds(30), Data = new NftData(NftVerdict.Accept) }]));

        GoldenBytes.AssertEqual(Caption, Golden, messages[0]);
        GoldenBytes.AssertEqual(
            Caption,
            """
            5c0000000c0a01040000000000000000020000000600010074000000060002006d0000000800040000000001300003802c0001800c0004000000000000007530
            0c0001800600010000500000100002800c0002800800010000000001
            """,
            messages[1]);
        Assert.Equal(map, NftSet.Decode(Message(Golden)));
    }

    [Fact]
    public void Set_that_rules_fill()
    {
        const string Golden =
            """
            68000000090a01040000000000000000020000000600010074000000060002007300000008000300000000300800040000000007080005000000000408000a00
            000000010c000980080001000000ffff0c000b0000000000000027100a000d000004020000000000
            """;
        var set = Addresses with { Comment = null, Dynamic = true, Size = 65535, HasTimeouts = true, Timeout = TimeSpan.FromSeconds(10) };

        GoldenBytes.AssertEqual("nft add set ip t s { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10s; }", Golden, Encode(t => t.Add(set))[0]);
        Assert.Equal(set, NftSet.Decode(Message(Golden)));
    }

    [Fact]
    public void Ranges_are_joined_again()
    {
        var set = Addresses with { Interval = true };
        var (first, last) = NftKey.Prefix(IPAddress.Parse("10.0.0.77"), 24);
        var range = new NftSetElement(first) { LastKey = last };
        var single = new NftSetElement(NftKey.Of(IPAddress.Parse("192.0.2.1")));
        var top = new NftSetElement(NftKey.Of(IPAddress.Parse("255.0.0.0"))) { LastKey = NftKey.Of(IPAddress.Broadcast) };
        var end = new NftSetElement(NftKey.Of(IPAddress.Parse("10.0.1.0")));
        var singleEnd = new NftSetElement(NftKey.Of(IPAddress.Parse("192.0.2.2")));

        var joined = NftSetElement.JoinRanges([(top, false), (singleEnd, true), (single, false), (end, true), (range with { LastKey = default }, false)]);

        Assert.Equal(["0A000000-0A0000FF", "C0000201-", "FF000000-FFFFFFFF"], joined.Select(e => $"{Convert.ToHexString(e.Key.Span)}-{Convert.ToHexString(e.LastKey.Span)}"));
        Assert.Equal(5, Encode(t => t.AddElements(set, [range, single, top])).Sum(m => Count(m, [0x0c, 0x00, 0x01, 0x80])));
    }

    [Theory]
    [InlineData("a \"quoted\" comment")]
    [InlineData("two\nlines")]
    public void Comment_that_nft_could_not_read_is_refused(string comment) =>
        Assert.Throws<ArgumentException>(() => Encode(t => t.Add(new NftTable(NftFamily.Inet, "t") { Comment = comment })));

    [Fact]
    public void Comment_that_is_too_long_is_refused() =>
        Assert.Contains("129 bytes", Assert.Throws<ArgumentException>(() => Encode(t => t.Add(new NftTable(NftFamily.Inet, "t") { Comment = new string('x', 129) }))).Message, StringComparison.Ordinal);

    private static int Count(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> what)
    {
        var count = 0;
        for (var at = 0; at + what.Length <= bytes.Length; at += 4)
            count += bytes[at..].StartsWith(what) ? 1 : 0;
        return count;
    }
}
