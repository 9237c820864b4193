using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink;

/// <summary>A conversation with the kernel over one netlink socket, in the namespace where the socket was opened.</summary>
/// <remarks>Not for several threads at a time. Set the environment variable <c>NLDEBUG=1</c> to see every message on standard error.</remarks>
public sealed partial class NetlinkSocket : IDisposable
{
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;

    /// <summary>How often an interrupted dump is repeated before it counts as failed: the table changes faster than it can be read.</summary>
    private const int DumpAttempts = 32;
    private const int HastyAttempts = 4;
    private const int LongestPauseMilliseconds = 50;

    // Answers wait in the receive buffer until the datagram was carried out whole, and what does not fit there is lost (KernelChannel). An answer takes up to 4 KiB.
    private const int RequestsPerDatagram = 2000;

    private readonly NetlinkChannel _channel;
    private uint _sequence;

    internal NetlinkSocket(NetlinkChannel channel)
    {
        _channel = NetlinkTrace.Wrap(channel);
        _sequence = 1;
    }

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <param name="family">The protocol.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel lacks the protocol, or there are no descriptors left.</exception>
    public static NetlinkSocket Open(NetlinkFamily family) => new(KernelChannel.Open(family));

    /// <summary>Opens a socket in another network namespace.</summary>
    /// <param name="family">The protocol.</param>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The socket; it works there whichever thread uses it.</returns>
    /// <exception cref="NetlinkException">The kernel lacks the protocol, or the namespace may not be entered.</exception>
    public static NetlinkSocket Open(NetlinkFamily family, NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return networkNamespace.Run(() => Open(family));
    }

    /// <summary>Carries out a batch of requests.</summary>
    /// <param name="batch">The requests.</param>
    /// <exception cref="NetlinkException">The first request that failed, by its own name; the later ones were tried all the same unless the family is transactional.</exception>
    public void Execute(NetlinkBatch batch)
    {
        if (TryExecute(batch) is [var first, ..])
            throw first;
    }

    /// <summary>Carries out a batch of requests and collects what failed.</summary>
    /// <param name="batch">The requests.</param>
    /// <returns>The failures in the order of the requests; empty when all succeeded.</returns>
    /// <exception cref="NetlinkException">The conversation itself failed.</exception>
    public IReadOnlyList<NetlinkException> TryExecute(NetlinkBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0)
            return [];
        batch.Writer.ThrowIfOpen();
        var first = Number(batch);
        List<NetlinkException>? errors = null;
        var buffer = ReceiveBuffer.Take();
        for (var begin = 0; begin < batch.Count; begin += RequestsPerDatagram)
        {
            var last = Math.Min(begin + RequestsPerDatagram, batch.Count) - 1;
            // Failures are always reported; only the last request needs an acknowledgement, which says that all were carried out.
            batch.Writer.AddFlag(batch.Requests[last].Offset, NetlinkFlags.Ack);
            var end = last + 1 < batch.Count ? batch.Requests[last + 1].Offset : batch.Writer.Length;
            _channel.Send(batch.Writer.Written[batch.Requests[begin].Offset..end]);
            if (Collect(batch, first, (uint)last, buffer) is { } failed)
                (errors ??= []).AddRange(failed);
        }

        ReceiveBuffer.GiveBack(buffer);

        return errors ?? (IReadOnlyList<NetlinkException>)[];
    }

    /// <summary>Sends a batch whose requests carry their own sequence range and returns the first number of it.</summary>
    internal uint Transmit(NetlinkBatch batch)
    {
        batch.Writer.ThrowIfOpen();
        var first = Number(batch);
        _channel.Send(batch.Writer.Written);
        return first;
    }

    private uint Number(NetlinkBatch batch)
    {
        var first = _sequence;
        batch.Writer.Renumber(batch.Requests, first);
        _sequence += (uint)batch.Count;
        return first;
    }

    /// <summary>Asks for a list and hands over each object of it.</summary>
    /// <param name="batch">One request with <see cref="NetlinkFlags.Dump"/>.</param>
    /// <param name="restart">Called before the list begins again because it changed while being read: forget what came so far.</param>
    /// <param name="item">Receives each object.</param>
    /// <exception cref="NetlinkException">The kernel refused, or the list kept changing through all attempts.</exception>
    public void Dump(NetlinkBatch batch, Action restart, NetlinkReply item)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(restart);
        ArgumentNullException.ThrowIfNull(item);
        var operation = batch.Requests[0].Operation;
        var buffer = ReceiveBuffer.Take();
        for (var attempt = 0; attempt < DumpAttempts; attempt++)
        {
            var sequence = Transmit(batch);
            if (ReceiveDump(sequence, operation, item, buffer))
            {
                ReceiveBuffer.GiveBack(buffer);
                return;
            }

            restart();
            // Where hundreds of links go at once, changes come faster than a list can be read, for a while, and nothing announces the last of them.
            if (attempt >= HastyAttempts)
#pragma warning disable RS0030
                Thread.Sleep(Math.Min(1 << Math.Min(attempt - HastyAttempts, 10), LongestPauseMilliseconds));
#pragma warning restore RS0030
        }

        throw new NetlinkException(operation, $"the list changed during each of {DumpAttempts} attempts to read it");
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    /// <summary>Closes the socket; what the kernel does at that may go on when this has returned.</summary>
    internal void DisposeInBackground() => _channel.DisposeInBackground();

    private bool ReceiveDump(uint sequence, string operation, NetlinkReply item, byte[] buffer)
    {
        var whole = true;
        while (true)
        {
            var messages = new MessageReader(buffer.AsSpan(0, _channel.Receive(buffer)));
            while (messages.Next())
            {
                if (messages.Sequence != sequence)
                    continue; // the tail of a conversation that was given up
                whole &= !messages.Flags.HasFlag(NetlinkFlags.DumpInterrupted);
                switch (messages.Type)
                {
                    case NLMSG_DONE:
                        if (EndOfDump(messages, operation) is { } failure)
                            throw failure;
                        return whole;
                    case NLMSG_ERROR:
                        if (Acknowledgement.Read(messages, operation) is { } error)
                            throw error;
                        return whole;
                    default:
                        item(messages);
                        break;
                }
            }
        }
    }

    // A dump that fails half-way says so in the status of its end.
    private static NetlinkException? EndOfDump(scoped in MessageReader message, string operation) =>
        message.Payload.Length >= 4 && MemoryMarshal.Read<int>(message.Payload) is < 0 and var status
            ? Acknowledgement.Error(operation, -status, message.Payload[4..])
            : null;

    /// <summary>Receives until the request with the given index is acknowledged; errors of others are kept by request.</summary>
    /// <returns>The errors; null when there are none.</returns>
    private List<NetlinkException>? Collect(NetlinkBatch batch, uint first, uint lastIndex, byte[] buffer)
    {
        List<NetlinkException>? errors = null;
        while (true)
        {
            var messages = new MessageReader(buffer.AsSpan(0, _channel.Receive(buffer)));
            while (messages.Next())
            {
                var index = messages.Sequence - first; // wraps to a large number for strangers
                if (index >= (uint)batch.Count)
                    continue;
                var request = batch.Requests[(int)index];
                if (messages.Type is not (NLMSG_ERROR or NLMSG_DONE))
                {
                    request.Reply?.Invoke(messages);
                    continue;
                }

                // The end of a list stands for its acknowledgement, and both begin with the error number. Success is not worth the words.
                if (!Acknowledgement.IsSuccess(messages))
                {
                    var error = messages.Type == NLMSG_ERROR ? Acknowledgement.Read(messages, request.Operation) : EndOfDump(messages, request.Operation);
                    if (error is not null && !request.Accepts(error.Error))
                        (errors ??= []).Add(error);
                }

                if (index == lastIndex)
                    return errors;
            }
        }
    }
}
