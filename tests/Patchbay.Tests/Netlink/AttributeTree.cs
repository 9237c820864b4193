using System.Buffers.Binary;
using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Codec;

namespace Patchbay.Tests.Netlink;

/// <summary>
/// A message as text, one attribute a line, sorted: for comparing requests of two programs that say the same in another order. Left out
/// is what may differ: sequence number, port, NLM_F_ACK, the bit NLA_F_NESTED, and the number of a descriptor.
/// </summary>
internal static class AttributeTree
{
    private const ushort NamespaceDescriptor = 28;

    /// <summary>Compares the only request of a batch with what the command sent.</summary>
    internal static void Equal(string captured, Action<NetlinkBatch> request)
    {
        var batch = new NetlinkBatch();
        request(batch);
        Assert.Equal(Render(Captured.Request(captured)), Render(batch.Writer.Written));
    }

    internal static string Render(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        Assert.True(reader.Next());
        var text = new StringBuilder($"type {reader.Type} flags {(int)(reader.Flags & ~NetlinkFlags.Ack):x}\n");
        var header = reader.Type switch
        {
            16 or 17 or 18 or 19 or 108 or 109 => 16,
            20 or 21 or 22 => 8,
            >= 36 and <= 46 => 20,
            _ => 12,
        };
        text.Append($"header {Convert.ToHexStringLower(reader.Payload[..header])}\n");
        Walk(text, reader.Payload[header..], (reader.Type & ~3) switch { 16 or 108 => "link", 24 => "route", _ => "" });
        Assert.False(reader.Next(), "one message is expected");
        return text.ToString();
    }

    private static void Walk(StringBuilder text, ReadOnlySpan<byte> bytes, string path)
    {
        var lines = new List<(int Type, string Text)>();
        while (bytes.Length >= 4)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            var type = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]) & 0x3fff;
            lines.Add((type, Attribute($"{path}.{type}", type, bytes[4..length])));
            bytes = bytes[Math.Min((length + 3) & ~3, bytes.Length)..];
        }

        foreach (var line in lines.OrderBy(l => l.Type)) // a stable sort: equal types keep their order, which has a meaning
            text.Append(line.Text);
    }

    private static string Attribute(string path, int type, ReadOnlySpan<byte> payload)
    {
        var text = new StringBuilder();
        switch (path)
        {
            case "link.18" or "link.18.2" or "link.12" or "link.26" or "link.52" or "route.8":
                text.Append($"{path}:\n");
                Walk(text, payload, path);
                break;
            case "link.18.2.1" when payload.Length > 16: // the peer of a veth: struct ifinfomsg, then attributes
                text.Append($"{path}: header {Convert.ToHexStringLower(payload[..16])}\n");
                Walk(text, payload[16..], path);
                break;
            case "link.18.1": // IFLA_INFO_KIND, which is the same with or without a terminating zero
                text.Append($"{path}: {Encoding.UTF8.GetString(payload).TrimEnd('\0')}\n");
                break;
            default:
                text.Append($"{path}: {(type == NamespaceDescriptor ? "*" : Convert.ToHexStringLower(payload))}\n");
                break;
        }

        return text.ToString();
    }
}
