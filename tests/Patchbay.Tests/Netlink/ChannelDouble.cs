using Patchbay.Netlink;
using Patchbay.Netlink.Codec;

namespace Patchbay.Tests.Netlink;

/// <summary>A kernel in a few lines: answers each datagram with datagrams.</summary>
internal sealed class ChannelDouble(Func<byte[], IEnumerable<byte[]>> kernel) : NetlinkChannel
{
    private readonly Queue<byte[]> _answers = new();

    internal override uint PortId => 4711;

    internal List<byte[]> Sent { get; } = [];

    /// <summary>The requests of a datagram: sequence number, type and flags of each.</summary>
    internal static List<(uint Sequence, ushort Type, NetlinkFlags Flags)> Requests(byte[] datagram)
    {
        var requests = new List<(uint, ushort, NetlinkFlags)>();
        var reader = new MessageReader(datagram);
        while (reader.Next())
            requests.Add((reader.Sequence, reader.Type, reader.Flags));
        return requests;
    }

    /// <summary>One message as the kernel would send it.</summary>
    internal static byte[] Message(ushort type, uint sequence, string payload, int flags = 0)
    {
        var writer = new MessageWriter();
        writer.BeginMessage(type, NetlinkFlags.None, sequence);
        foreach (var b in GoldenBytes.Parse(payload).Chunk(4))
            writer.Fixed(BitConverter.ToUInt32([.. b, .. new byte[4 - b.Length]]));
        writer.EndMessage();
        var message = writer.Written.ToArray();
        BitConverter.TryWriteBytes(message.AsSpan(6), (ushort)flags);
        return message;
    }

    /// <summary>NLMSG_ERROR without the request, as after NETLINK_CAP_ACK; 0 is success.</summary>
    internal static byte[] Acknowledge(uint sequence, int error, string details = "") =>
        Message(2, sequence, $"{Hex(-error)} 00000000 00000000 00000000 00000000 {details}", details.Length > 0 ? 0x300 : 0x100);

    /// <summary>NLMSG_DONE.</summary>
    internal static byte[] Done(uint sequence, int error = 0, string details = "", int flags = 2) => Message(3, sequence, $"{Hex(-error)} {details}", flags);

    internal override void Send(ReadOnlySpan<byte> datagram)
    {
        var sent = datagram.ToArray();
        Sent.Add(sent);
        foreach (var answer in kernel(sent))
            _answers.Enqueue(answer);
    }

    internal override int Receive(Span<byte> buffer, int timeoutMilliseconds = -1)
    {
        if (!_answers.TryDequeue(out var answer))
            return timeoutMilliseconds >= 0 ? 0 : throw new InvalidOperationException("the conversation waits for an answer that does not come");
        if (answer.Length == 0) // an empty datagram stands for a receive buffer that overflowed
            throw new NetlinkException("receive from the kernel", Errno.NoBuffers);
        answer.CopyTo(buffer);
        return answer.Length;
    }

    public override void Dispose()
    {
    }

    private static string Hex(int value) => Convert.ToHexString(BitConverter.GetBytes(value));
}
