using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink;

public sealed partial class NetlinkSocket
{
    /// <summary>
    /// Sends a batch that begins with NFNL_MSG_BATCH_BEGIN and ends with NFNL_MSG_BATCH_END, and collects what failed by the
    /// index of the request.
    /// </summary>
    /// <remarks>
    /// The kernel (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch) tries every message and then sends the answers in order: errors, and
    /// the acknowledgement that the last command asks for; the end of a batch is acknowledged only since 6.10. What concerns the whole
    /// (no permission, no memory, a commit that failed) is reported on the beginning, with or without the answers to the
    /// others after it; those carry sequence numbers of the past by then and are skipped.
    /// </remarks>
    internal List<(int Index, NetlinkException Error)> Commit(NetlinkBatch batch)
    {
        var buffer = ReceiveBuffer.Take();
        var failures = Commit(batch, buffer);
        ReceiveBuffer.GiveBack(buffer);
        return failures;
    }

    private List<(int Index, NetlinkException Error)> Commit(NetlinkBatch batch, byte[] buffer)
    {
        var last = batch.Count - 2;
        batch.Writer.AddFlag(batch.Requests[last].Offset, NetlinkFlags.Ack);
        var first = Transmit(batch);
        var failures = new List<(int, NetlinkException)>();
        var timeout = -1;
        while (true)
        {
            int length;
            try
            {
                length = _channel.Receive(buffer, timeout);
            }
            catch (NetlinkException overflow) when (overflow.Error == Errno.NoBuffers && timeout < 0)
            {
                // More errors than the receive buffer holds: the rest is lost, but all there was is here already.
                failures.Add((0, overflow));
                timeout = 0;
                continue;
            }

            if (length == 0)
                return failures.Count > 1 ? failures[1..] : failures;
            var messages = new MessageReader(buffer.AsSpan(0, length));
            while (messages.Next())
            {
                var index = messages.Sequence - first;
                if (index >= (uint)batch.Count || messages.Type != NLMSG_ERROR)
                    continue;
                if (Acknowledgement.Read(messages, batch.Requests[(int)index].Operation) is { } error)
                    failures.Add(((int)index, error));
                if (timeout < 0 && (index == 0 || index == (uint)last))
                    return failures;
            }
        }
    }
}
