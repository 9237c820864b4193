using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>How answers of the kernel become results of a transaction.</summary>
public class NftablesTransactionTests
{
    private static readonly NftChain Chain = new(NftFamily.Inet, "t", "c");

    [Fact]
    public void Empty_transaction_sends_nothing()
    {
        var kernel = new ChannelDouble(_ => []);
        new NftablesSocket(new NetlinkSocket(kernel)).Commit(new NftablesTransaction());
        Assert.Empty(kernel.Sent);
    }

    [Fact]
    public void Only_the_last_command_asks_for_an_acknowledgement()
    {
        var kernel = new ChannelDouble(request => [Answer(request, (2, 0))]);
        Commit(kernel, tolerate: Tolerated.Nothing);

        var flags = ChannelDouble.Requests(Assert.Single(kernel.Sent)).Select(m => m.Flags.HasFlag(NetlinkFlags.Ack));
        Assert.Equal([false, false, true, false], flags);
    }

    [Fact]
    public void Transaction_that_rests_on_a_state_tells_its_number()
    {
        var kernel = new ChannelDouble(request => [Answer(request, (0, 85))]);
        var transaction = new NftablesTransaction(7);
        transaction.Add(Chain);
        var failure = Assert.Throws<NetlinkException>(() => new NftablesSocket(new NetlinkSocket(kernel)).Commit(transaction));

        Assert.Equal(Errno.Restart, failure.Error);
        // struct nfgenmsg, then NFNL_BATCH_GENID
        Assert.Equal("0000000a" + "08000100" + "00000007", Convert.ToHexStringLower(kernel.Sent[0].AsSpan(16, 12)));
    }

    [Fact]
    public void Failure_names_its_command()
    {
        var kernel = new ChannelDouble(request => [Answer(request, (1, 2), (2, 2))]);
        var failure = Assert.Throws<NetlinkException>(() => Commit(kernel, Tolerated.Missing));

        Assert.Equal("add chain inet t c: No such file or directory", failure.Message);
        Assert.Equal(Errno.NotFound, failure.Error);
    }

    [Fact]
    public void Refused_batch_is_a_failure_of_the_transaction()
    {
        var kernel = new ChannelDouble(request => [Answer(request, (0, 1))]);
        var failure = Assert.Throws<NetlinkException>(() => Commit(kernel, Tolerated.Nothing));

        Assert.Equal("begin nf_tables transaction: Operation not permitted", failure.Message);
    }

    [Fact]
    public void Deletion_that_may_miss_is_left_out_and_the_rest_carried_out()
    {
        var round = 0;
        var kernel = new ChannelDouble(request => [round++ == 0 ? Answer(request, (2, 2)) : Answer(request, (1, 0))]);
        Commit(kernel, Tolerated.Missing);

        Assert.Equal([4, 3], kernel.Sent.Select(s => ChannelDouble.Requests(s).Count));
        Assert.True(ChannelDouble.Requests(kernel.Sent[1])[1].Flags.HasFlag(NetlinkFlags.Ack));
    }

    [Fact]
    public void Transaction_is_tried_again_when_the_kernel_asks_for_it()
    {
        var round = 0;
        var kernel = new ChannelDouble(request => [round++ == 0 ? Answer(request, (0, 11)) : Answer(request, (2, 0))]);
        Commit(kernel, Tolerated.Nothing);

        Assert.Equal(2, kernel.Sent.Count);
    }

    [Fact]
    public void Overflow_of_errors_reports_the_first()
    {
        var kernel = new ChannelDouble(request => [[], Answer(request, (1, 2))]);
        var failure = Assert.Throws<NetlinkException>(() => Commit(kernel, Tolerated.Nothing));

        Assert.Equal("add chain inet t c: No such file or directory", failure.Message);
    }

    [Fact]
    public void Elements_are_split_over_messages()
    {
        var transaction = new NftablesTransaction();
        var set = new NftSet(NftFamily.Ip, "t", "s", NftDataType.Ipv4Address);
        transaction.Add(set, [.. Enumerable.Range(0, 10_000).Select(i => new NftSetElement(BitConverter.GetBytes(i)))]);

        var batch = transaction.Close();

        Assert.Equal(1 + 1 + 3 + 1, batch.Count);
        var messages = new MessageReader(batch.Writer.Written);
        while (messages.Next())
            Assert.InRange(messages.Payload.Length, 4, 61_000);
    }

    private static void Commit(ChannelDouble kernel, Tolerated tolerate)
    {
        var transaction = new NftablesTransaction();
        transaction.Add(Chain);
        transaction.DeleteChain(NftFamily.Inet, "t", "d", tolerate);
        using var socket = new NftablesSocket(new NetlinkSocket(kernel));
        socket.Commit(transaction);
    }

    // Acknowledgements of requests by index, in one datagram.
    private static byte[] Answer(byte[] request, params (int Index, int Error)[] results)
    {
        var first = ChannelDouble.Requests(request)[0].Sequence;
        return [.. results.SelectMany(result => ChannelDouble.Acknowledge(first + (uint)result.Index, result.Error))];
    }
}
