using System.Text;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink;

/// <summary>Shows each message on standard error, four bytes a line, when the environment variable NLDEBUG is 1.</summary>
internal sealed class NetlinkTrace(NetlinkChannel inner) : NetlinkChannel
{
    internal override uint PortId => inner.PortId;

    internal static NetlinkChannel Wrap(NetlinkChannel channel) =>
        Environment.GetEnvironmentVariable("NLDEBUG") == "1" ? new NetlinkTrace(channel) : channel;

    internal override void Send(ReadOnlySpan<byte> datagram)
    {
        Show("->", datagram);
        inner.Send(datagram);
    }

    internal override int Receive(Span<byte> buffer, int timeoutMilliseconds = -1)
    {
        var length = inner.Receive(buffer, timeoutMilliseconds);
        Show("<-", buffer[..length]);
        return length;
    }

    public override void Dispose() => inner.Dispose();

    private static void Show(string direction, ReadOnlySpan<byte> datagram)
    {
        var text = new StringBuilder();
        var messages = new MessageReader(datagram);
        while (messages.Next())
        {
            text.Append(direction).Append($" type {messages.Type} flags {messages.Flags} seq {messages.Sequence} port {messages.PortId}\n");
            var payload = messages.Payload;
            for (var at = 0; at < payload.Length; at += 4)
            {
                text.Append($"   {at,4}  ");
                foreach (var b in payload.Slice(at, Math.Min(4, payload.Length - at)))
                    text.Append($" {b:x2}");
                text.Append('\n');
            }
        }

        Console.Error.Write(text);
    }
}
