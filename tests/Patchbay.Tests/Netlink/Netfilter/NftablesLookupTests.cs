using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>Questions about single chains and rules: what is asked, and what becomes of the answers.</summary>
public class NftablesLookupTests
{
    private const ushort NewChain = 0xa03, NewRule = 0xa06, GetChain = 0xa04, GetRule = 0xa07; // NFNL_SUBSYS_NFTABLES << 8

    [Fact]
    public void Chains_are_asked_for_all_at_once()
    {
        var kernel = new ChannelDouble(request => [ChannelDouble.Message(NewChain, First(request), "02000000" + Name(1, "t") + Name(3, "c") + "08000600 00000005"), ChannelDouble.Acknowledge(First(request) + 1, 2)]);

        var found = Socket(kernel).FindChains((NftFamily.Ip, "t", "c"), (NftFamily.Ip, "t", "missing"));

        Assert.Equal(5, found[0]!.UseCount);
        Assert.Null(found[1]);
        Assert.Equal([GetChain, GetChain], ChannelDouble.Requests(Assert.Single(kernel.Sent)).Select(request => request.Type));
        // struct nfgenmsg, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME
        GoldenBytes.Equal(kernel.Sent[0].AsSpan(16, 20), "02000000" + Name(1, "t") + Name(3, "c"));
    }

    [Fact]
    public void Rules_are_asked_for_by_their_handles()
    {
        var kernel = new ChannelDouble(request => [ChannelDouble.Acknowledge(First(request), 2), Rule(First(request) + 1, 8, ""), ChannelDouble.Acknowledge(First(request) + 1, 0)]);

        var found = Socket(kernel).FindRules(NftFamily.Ip, "t", "c", [7, 8]);

        Assert.Equal(8ul, Assert.Single(found).Handle);
        Assert.Equal([GetRule, GetRule], ChannelDouble.Requests(Assert.Single(kernel.Sent)).Select(request => request.Type));
        // struct nfgenmsg, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_HANDLE
        GoldenBytes.Equal(kernel.Sent[0].AsSpan(16, 32), "02000000" + Name(1, "t") + Name(2, "c") + "0c000300 00000000 00000007");
    }

    [Fact]
    public void Of_a_long_chain_only_the_rules_with_the_bytes_are_read()
    {
        // The second one is broken, which would be found out if it were looked at closely.
        var kernel = new ChannelDouble(request => [Rule(First(request), 1, Name(7, "here")), Rule(First(request), 2, "ffff0700"), Rule(First(request), 3, Name(7, "there")), ChannelDouble.Done(First(request))]);

        var found = Socket(kernel).ListRulesHolding(NftFamily.Ip, "t", "c", Encoding.UTF8.GetBytes("nowhere"), Encoding.UTF8.GetBytes("here"));

        Assert.Equal([1ul, 3ul], found.Select(rule => rule.Handle));
    }

    private static NftablesSocket Socket(ChannelDouble kernel) => new(new NetlinkSocket(kernel));

    private static uint First(byte[] request) => ChannelDouble.Requests(request)[0].Sequence;

    private static byte[] Rule(uint sequence, ulong handle, string more) =>
        ChannelDouble.Message(NewRule, sequence, "02000000" + Name(1, "t") + Name(2, "c") + $"0c000300 {handle:x16}" + more, flags: 2);

    // An attribute with a text and its terminating zero.
    private static string Name(ushort type, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text + "\0");
        var padded = new byte[(bytes.Length + 3) & ~3];
        bytes.CopyTo(padded, 0);
        return Convert.ToHexString([.. BitConverter.GetBytes((ushort)(4 + bytes.Length)), .. BitConverter.GetBytes(type), .. padded]);
    }
}
