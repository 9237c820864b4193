using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>What plugin and daemon say to each other: a length of four bytes, highest first, and that many bytes of one JSON object. docs/dhcp.md.</summary>
internal static class Frame
{
    internal const int HeadLength = 4;

    /// <summary>GC tells all attachments of a network; nothing else comes near.</summary>
    internal const int MaxLength = 8 << 20;

    internal static byte[] Make(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        buffer.GetSpan(HeadLength)[..HeadLength].Clear();
        buffer.Advance(HeadLength);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JsonEscaping.Instance }))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        byte[] bytes = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - HeadLength);
        return bytes;
    }

    /// <summary>The length that a head tells, or -1 when it is none.</summary>
    internal static int Length(ReadOnlySpan<byte> head)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(head);
        return length is > 0 and <= MaxLength ? length : -1;
    }
}
