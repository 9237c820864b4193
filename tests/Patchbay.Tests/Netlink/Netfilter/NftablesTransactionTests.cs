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
        var kernel = new KernelDouble(_ => []);
        new NftablesSocket(new NetlinkSocket(kernel)).Commit(new NftablesTransaction());
        Assert.Empty(kernel.Sent);
    }

    [Fact]
    public void Only_the_last_command_asks_for_an_acknowledgement()
    {
        var kernel = new KernelDouble(request => [Answer(request, (2, 0))]);
        Commit(kernel, tolerate: Tolerated.Nothing);

        var flags = Messages(Assert.Single(kernel.Sent)).Select(m => m.Flags.HasFlag(NetlinkFlags.Ack));
        Assert.Equal([false, false, true, false], flags);
    }

    [Fact]
    public void Failure_names_its_command()
    {
        var kernel = new KernelDouble(request => [Answer(request, (1, 2), (2, 2))]);
        var failure = Assert.Throws<NetlinkException>(() => Commit(kernel, Tolerated.Missing));

        Assert.Equal("add chain inet t c: No such file or directory", failure.Message);
        Assert.Equal(Errno.NotFound, failure.Error);
    }

    [Fact]
    public void Refused_batch_is_a_failure_of_the_transaction()
    {
        var kernel = new KernelDouble(request => [Answer(request, (0, 1))]);
        var failure = Assert.Throws<NetlinkException>(() => Commit(kernel, Tolerated.Nothing));

        Assert.Equal("begin nf_tables transaction: Operation not permitted", failure.Message);
    }

    [Fact]
    public void Deletion_that_may_miss_is_left_out_and_the_rest_carried_out()
    {
        var round = 0;
        var kernel = new KernelDouble(request => [round++ == 0 ? Answer(request, (2, 2)) : Answer(request, (1, 0))]);
        Commit(kernel, Tolerated.Missing);

        Assert.Equal([4, 3], kernel.Sent.Select(s => Messages(s).Count));
        Assert.True(Messages(kernel.Sent[1])[1].Flags.HasFlag(NetlinkFlags.Ack));
    }

    [Fact]
    public void Transaction_is_tried_again_when_the_kernel_asks_for_it()
    {
        var round = 0;
        var kernel = new KernelDouble(request => [round++ == 0 ? Answer(request, (0, 11)) : Answer(request, (2, 0))]);
        Commit(kernel, Tolerated.Nothing);

        Assert.Equal(2, kernel.Sent.Count);
    }

    [Fact]
    public void Overflow_of_errors_reports_the_first()
    {
        var kernel = new KernelDouble(request => [[], Answer(request, (1, 2))]);
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
        Assert.All(Messages(batch.Writer.Written.ToArray()), m => Assert.True(m.Length < 61_000));
    }

    private static void Commit(KernelDouble kernel, Tolerated tolerate)
    {
        var transaction = new NftablesTransaction();
        transaction.Add(Chain);
        transaction.DeleteChain(NftFamily.Inet, "t", "d", tolerate);
        using var socket = new NftablesSocket(new NetlinkSocket(kernel));
        socket.Commit(transaction);
    }

    // NLMSG_ERROR for requests by index: struct nlmsgerr with the header of the request (NLM_F_CAPPED).
    private static byte[] Answer(byte[] request, params (int Index, int Error)[] results)
    {
        var writer = new MessageWriter();
        var first = Messages(request)[0].Sequence;
        foreach (var (index, error) in results)
        {
            writer.BeginMessage(2, (NetlinkFlags)0x100, first + (uint)index);
            writer.Fixed(-error);
            writer.Fixed(default(UInt128));
            writer.EndMessage();
        }

        return writer.Written.ToArray();
    }

    private static List<(uint Sequence, NetlinkFlags Flags, int Length)> Messages(byte[] datagram)
    {
        var messages = new List<(uint, NetlinkFlags, int)>();
        var reader = new MessageReader(datagram);
        while (reader.Next())
            messages.Add((reader.Sequence, reader.Flags, reader.Payload.Length));
        return messages;
    }
}
