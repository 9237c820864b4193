using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using static Patchbay.Tests.Netlink.ChannelDouble;

namespace Patchbay.Tests.Netlink;

public class NetlinkSocketTests
{
    private const ushort AnyType = 100;

    // NLMSGERR_ATTR_MSG "No such device" and NLMSGERR_ATTR_OFFS 36
    private const string Details = "1300 0100 4e6f2073756368206465766963650000  0800 0200 24000000";

    private static NetlinkBatch Batch(params Tolerated[] requests)
    {
        var batch = new NetlinkBatch();
        for (var i = 0; i < requests.Length; i++)
        {
            batch.Begin(AnyType, NetlinkFlags.None, "add link", $"eth{i}", requests[i]);
            batch.End();
        }

        return batch;
    }

    private static NetlinkBatch List()
    {
        var batch = new NetlinkBatch();
        batch.Begin(AnyType, NetlinkFlags.Dump, "list links");
        batch.End();
        return batch;
    }

    private static (List<uint> Items, int Restarts) Dump(ChannelDouble kernel)
    {
        using var socket = new NetlinkSocket(kernel);
        var items = new List<uint>();
        var restarts = 0;
        socket.Dump(
            List(),
            () =>
            {
                items.Clear();
                restarts++;
            },
            (scoped in MessageReader m) =>
            {
                m.Fixed(out uint value);
                items.Add(value);
            });
        return (items, restarts);
    }

    [Fact]
    public void Batch_goes_out_in_one_datagram_and_asks_for_one_acknowledgement()
    {
        var kernel = new ChannelDouble(d => [Acknowledge(Requests(d)[^1].Sequence, 0)]);
        using var socket = new NetlinkSocket(kernel);

        socket.Execute(Batch(Tolerated.Nothing, Tolerated.Nothing, Tolerated.Nothing));

        var requests = Requests(Assert.Single(kernel.Sent));
        Assert.Equal([NetlinkFlags.Request, NetlinkFlags.Request, NetlinkFlags.Request | NetlinkFlags.Ack], requests.Select(r => r.Flags));
        Assert.Equal([0u, 1u, 2u], requests.Select(r => r.Sequence - requests[0].Sequence));
    }

    [Fact]
    public void Many_requests_go_out_in_pieces_whose_answers_fit_into_the_receive_buffer()
    {
        var kernel = new ChannelDouble(d => [.. Requests(d).Select(request => Acknowledge(request.Sequence, request.Sequence % 1500 == 0 ? 17 : 0))]);
        using var socket = new NetlinkSocket(kernel);

        var errors = socket.TryExecute(Batch(new Tolerated[4500]));

        var sent = kernel.Sent.ConvertAll(Requests);
        Assert.Equal([2000, 2000, 500], sent.Select(requests => requests.Count));
        Assert.All(sent, requests => Assert.Equal(requests[^1], Assert.Single(requests, request => request.Flags.HasFlag(NetlinkFlags.Ack))));
        Assert.Equal(Enumerable.Range(1, 4500), sent.SelectMany(requests => requests).Select(request => (int)request.Sequence));
        Assert.Equal(["add link \"eth1499\": File exists", "add link \"eth2999\": File exists", "add link \"eth4499\": File exists"], errors.Select(error => error.Message));
    }

    [Fact]
    public void Errors_are_mapped_to_their_requests()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var first = Requests(d)[0].Sequence;
            return [[.. Acknowledge(first + 1, 17), .. Acknowledge(first + 3, 19, Details)], Acknowledge(first + 4, 0)];
        }));

        var errors = socket.TryExecute(Batch(new Tolerated[5]));

        Assert.Collection(
            errors,
            e => Assert.Equal(("""add link "eth1": File exists""", Errno.Exists, null, -1), (e.Message, e.Error, e.KernelMessage, e.Offset)),
            e => Assert.Equal(("""add link "eth3": No such device (No such device)""", Errno.NoDevice, "No such device", 36), (e.Message, e.Error, e.KernelMessage, e.Offset)));
    }

    [Fact]
    public void First_error_of_a_batch_is_thrown_even_when_the_last_request_failed_too()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var first = Requests(d)[0].Sequence;
            return [Acknowledge(first, 16), Acknowledge(first + 1, 1)];
        }));

        Assert.Equal("""add link "eth0": Device or resource busy""", Assert.Throws<NetlinkException>(() => socket.Execute(Batch(new Tolerated[2]))).Message);
    }

    [Theory]
    [InlineData(Tolerated.Nothing, 17, false)]
    [InlineData(Tolerated.Existing, 17, true)]
    [InlineData(Tolerated.Existing, 16, false)]
    [InlineData(Tolerated.Missing, 2, true)]
    [InlineData(Tolerated.Missing, 3, true)]
    [InlineData(Tolerated.Missing, 6, true)]
    [InlineData(Tolerated.Missing, 19, true)]
    [InlineData(Tolerated.Missing, 99, true)]
    [InlineData(Tolerated.Missing, 1, false)]
    [InlineData(Tolerated.Anything, 95, true)]
    public void Tolerated_errors_count_as_success(Tolerated tolerated, int error, bool success)
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d => [Acknowledge(Requests(d)[0].Sequence, error)]));

        Assert.Equal(success, socket.TryExecute(Batch(tolerated)).Count == 0);
    }

    [Fact]
    public void Capped_and_whole_requests_in_an_error_are_both_understood()
    {
        // Without NLM_F_CAPPED the request follows whole, here 20 bytes; the details come after it.
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
            [Message(2, Requests(d)[0].Sequence, $"edffffff 14000000 64000000 00000000 00000000 00000000 {Details}", flags: 0x200)]));

        var error = Assert.Single(socket.TryExecute(Batch(Tolerated.Nothing)));

        Assert.Equal(("No such device", 36), (error.KernelMessage, error.Offset));
    }

    [Fact]
    public void Replies_inside_a_batch_go_to_their_requests()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var first = Requests(d)[0].Sequence;
            return [Message(AnyType, first, "0a000000"), [.. Message(AnyType, first + 1, "0b000000"), .. Acknowledge(first + 1, 0)]];
        }));
        var replies = new List<string>();
        var batch = new NetlinkBatch();
        foreach (var name in (string[])["a", "b"])
        {
            batch.Begin(AnyType, NetlinkFlags.None, "find link", name, reply: (scoped in MessageReader m) => replies.Add($"{name} {m.Payload[0]}"));
            batch.End();
        }

        socket.Execute(batch);

        Assert.Equal(["a 10", "b 11"], replies);
    }

    [Fact]
    public void List_inside_a_batch_ends_with_its_own_end()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d => [Message(AnyType, Requests(d)[0].Sequence, "0a000000", flags: 2), Done(Requests(d)[0].Sequence)]));
        var replies = 0;
        var batch = new NetlinkBatch();
        batch.Begin(AnyType, NetlinkFlags.Dump, "list links", reply: (scoped in MessageReader _) => replies++);
        batch.End();

        socket.Execute(batch);

        Assert.Equal(1, replies);
    }

    [Fact]
    public void Answers_to_others_are_ignored()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var (sequence, _, _) = Requests(d)[0];
            return [Acknowledge(sequence - 1, 1), Acknowledge(0, 1), Message(AnyType, sequence + 1, "00000000"), Acknowledge(sequence + 1, 1), Acknowledge(sequence, 0)];
        }));

        socket.Execute(Batch(Tolerated.Nothing));
    }

    [Fact]
    public void Batch_can_be_carried_out_again()
    {
        var kernel = new ChannelDouble(d => [Acknowledge(Requests(d)[^1].Sequence, 0)]);
        using var socket = new NetlinkSocket(kernel);
        var batch = Batch(new Tolerated[2]);

        socket.Execute(batch);
        socket.Execute(batch);

        Assert.Equal(2, Requests(kernel.Sent[1])[0].Sequence - (long)Requests(kernel.Sent[0])[0].Sequence);
    }

    [Fact]
    public void Acknowledgement_too_short_for_its_error_is_malformed()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(d => [Message(2, Requests(d)[0].Sequence, "ffffffff")]));

        Assert.Contains("malformed", Assert.Throws<NetlinkException>(() => socket.Execute(Batch(Tolerated.Nothing))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dump_over_several_datagrams_is_complete()
    {
        var (items, restarts) = Dump(new ChannelDouble(d =>
        {
            var (sequence, _, _) = Requests(d)[0];
            return
            [
                [.. Message(AnyType, sequence, "01000000", flags: 2), .. Message(AnyType, sequence, "02000000", flags: 2)],
                Message(AnyType, sequence, "03000000", flags: 2),
                Done(sequence),
            ];
        }));

        Assert.Equal([1u, 2u, 3u], items);
        Assert.Equal(0, restarts);
    }

    [Theory]
    [InlineData(false)] // the kernel marks the objects
    [InlineData(true)] // it marks the end
    public void Interrupted_dump_is_repeated(bool atTheEnd)
    {
        var attempt = 0;
        var (items, restarts) = Dump(new ChannelDouble(d =>
        {
            var (sequence, _, _) = Requests(d)[0];
            var interrupted = ++attempt < 3 ? 0x10 : 0;
            return [Message(AnyType, sequence, $"0{attempt}000000", flags: 2 | (atTheEnd ? 0 : interrupted)), Done(sequence, flags: 2 | (atTheEnd ? interrupted : 0))];
        }));

        Assert.Equal([3u], items);
        Assert.Equal(2, restarts);
    }

    [Fact]
    public void Dump_that_is_always_interrupted_is_given_up()
    {
        var kernel = new ChannelDouble(d => [Done(Requests(d)[0].Sequence, flags: 2 | 0x10)]);

        var error = Assert.Throws<NetlinkException>(() => Dump(kernel));

        Assert.Equal("list links: the list changed during each of 32 attempts to read it", error.Message);
        Assert.Equal(32, kernel.Sent.Count);
    }

    [Fact]
    public void Error_at_the_end_of_a_dump_is_thrown_with_its_details()
    {
        var error = Assert.Throws<NetlinkException>(() => Dump(new ChannelDouble(d =>
            [Message(AnyType, Requests(d)[0].Sequence, "01000000", flags: 2), Done(Requests(d)[0].Sequence, error: 2, Details, flags: 0x202)])));

        Assert.Equal(("list links: No such file or directory (No such device)", Errno.NotFound, 36), (error.Message, error.Error, error.Offset));
    }

    [Fact]
    public void Error_instead_of_a_dump_is_thrown()
    {
        var error = Assert.Throws<NetlinkException>(() => Dump(new ChannelDouble(d => [Acknowledge(Requests(d)[0].Sequence, 95)])));

        Assert.Equal(Errno.NotSupported, error.Error);
    }

    [Fact]
    public void Tail_of_a_dump_that_was_given_up_does_not_disturb_the_next()
    {
        var attempt = 0;
        using var socket = new NetlinkSocket(new ChannelDouble(d =>
        {
            var (sequence, _, _) = Requests(d)[0];
            return attempt++ == 0
                ? [Message(AnyType, sequence, "01000000", flags: 2), Message(AnyType, sequence, "02000000", flags: 2), Done(sequence)]
                : [Message(AnyType, sequence, "03000000", flags: 2), Done(sequence)];
        }));
        var items = new List<byte>();

        Assert.Throws<FormatException>(() => socket.Dump(List(), () => { }, (scoped in MessageReader _) => throw new FormatException()));
        socket.Dump(List(), items.Clear, (scoped in MessageReader m) => items.Add(m.Payload[0]));

        Assert.Equal([3], items);
    }
}
