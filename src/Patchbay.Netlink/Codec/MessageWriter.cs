using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Patchbay.Netlink.Codec;

/// <summary>Writes netlink messages and their attributes, one after another, into a buffer that grows.</summary>
/// <remarks>
/// Layout: include/uapi/linux/netlink.h. Messages and attributes start at multiples of four bytes and padding is zero.
/// Numbers are in the machine's order unless the method's name ends in <c>Be</c>; nf_tables wants the network's.
/// </remarks>
public sealed class MessageWriter
{
    /// <summary>Bytes of a message header (struct nlmsghdr).</summary>
    public const int HeaderLength = 16;

    private const ushort NestedBit = 0x8000;

    private byte[] _buffer;
    private int _length;
    private int _message = -1;

    /// <summary>Creates a writer.</summary>
    /// <param name="capacity">Bytes to begin with.</param>
    public MessageWriter(int capacity = 1024) => _buffer = new byte[capacity];

    /// <summary>All that has been written, in whole messages once the last one is ended.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>Number of bytes written.</summary>
    public int Length => _length;

    /// <summary>Begins a message; <see cref="EndMessage"/> closes it.</summary>
    /// <param name="type">Message type, such as RTM_NEWLINK.</param>
    /// <param name="flags">Header flags; NLM_F_REQUEST is added.</param>
    /// <param name="sequence">Sequence number, which the kernel's answer repeats.</param>
    /// <exception cref="InvalidOperationException">The last message was not ended.</exception>
    public void BeginMessage(ushort type, NetlinkFlags flags, uint sequence)
    {
        ThrowIfOpen();
        _message = _length;
        var header = Append(HeaderLength);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)(flags | NetlinkFlags.Request));
        MemoryMarshal.Write(header[8..], sequence);
    }

    /// <summary>Closes the message: its length is now known.</summary>
    public void EndMessage()
    {
        MemoryMarshal.Write(_buffer.AsSpan(_message), (uint)(_length - _message));
        _message = -1;
    }

    /// <summary>Refuses to go on when a message was begun and not ended, as after an exception in between.</summary>
    internal void ThrowIfOpen()
    {
        if (_message >= 0)
            throw new InvalidOperationException($"the message that begins at byte {_message} was not ended");
    }

    /// <summary>Gives the requests of a batch consecutive sequence numbers.</summary>
    internal void Renumber(IReadOnlyList<NetlinkBatch.Request> requests, uint first)
    {
        for (var i = 0; i < requests.Count; i++)
            MemoryMarshal.Write(_buffer.AsSpan(requests[i].Offset + 8), first + (uint)i);
    }

    /// <summary>Adds a flag to the message that begins at an offset.</summary>
    internal void AddFlag(int messageOffset, NetlinkFlags flag)
    {
        var at = _buffer.AsSpan(messageOffset + 6, 2);
        MemoryMarshal.Write(at, (ushort)(MemoryMarshal.Read<ushort>(at) | (ushort)flag));
    }

    /// <summary>Writes the family's fixed header, such as struct ifinfomsg, after the message header.</summary>
    /// <typeparam name="T">A blittable struct laid out as the kernel's.</typeparam>
    /// <param name="header">Its value.</param>
    public void Fixed<T>(in T header)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        MemoryMarshal.Write(Append(size), header);
    }

    /// <summary>Writes bytes that are whole messages or attributes already.</summary>
    /// <param name="encoded">The bytes.</param>
    internal void Raw(scoped ReadOnlySpan<byte> encoded) => encoded.CopyTo(Append(encoded.Length));

    /// <summary>Writes an attribute of raw bytes.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The payload.</param>
    public void Bytes(ushort type, scoped ReadOnlySpan<byte> value) => value.CopyTo(Attribute(type, value.Length));

    /// <summary>Writes an attribute without payload, whose presence is its meaning.</summary>
    /// <param name="type">Attribute type.</param>
    public void Flag(ushort type) => Attribute(type, 0);

    /// <summary>Writes an 8-bit number.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U8(ushort type, byte value) => Attribute(type, 1)[0] = value;

    /// <summary>Writes a 16-bit number in the machine's order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U16(ushort type, ushort value) => MemoryMarshal.Write(Attribute(type, 2), value);

    /// <summary>Writes a 32-bit number in the machine's order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U32(ushort type, uint value) => MemoryMarshal.Write(Attribute(type, 4), value);

    /// <summary>Writes a signed 32-bit number in the machine's order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void S32(ushort type, int value) => MemoryMarshal.Write(Attribute(type, 4), value);

    /// <summary>Writes a 64-bit number in the machine's order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U64(ushort type, ulong value) => MemoryMarshal.Write(Attribute(type, 8), value);

    /// <summary>Writes a 16-bit number in network order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U16Be(ushort type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Attribute(type, 2), value);

    /// <summary>Writes a 32-bit number in network order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U32Be(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Attribute(type, 4), value);

    /// <summary>Writes a 64-bit number in network order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The number.</param>
    public void U64Be(ushort type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Attribute(type, 8), value);

    /// <summary>Writes a text with the terminating zero that the kernel expects.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The text, written as UTF-8.</param>
    /// <exception cref="ArgumentException">The text contains a zero, at which the kernel would cut it off.</exception>
    public void Text(ushort type, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"attribute {type}: a zero in the text \"{value}\"", nameof(value));
        var size = Encoding.UTF8.GetByteCount(value);
        Encoding.UTF8.GetBytes(value, Attribute(type, size + 1));
    }

    /// <summary>Writes an IP address: 4 or 16 bytes in network order.</summary>
    /// <param name="type">Attribute type.</param>
    /// <param name="value">The address.</param>
    public void Address(ushort type, IPAddress value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, out var count);
        Bytes(type, bytes[..count]);
    }

    /// <summary>Begins an attribute that contains attributes; disposing the result ends it.</summary>
    /// <param name="type">Attribute type; NLA_F_NESTED is added.</param>
    /// <returns>The scope of the nest, for a <c>using</c> statement.</returns>
    public Nest Nested(ushort type)
    {
        var at = _length;
        Attribute((ushort)(type | NestedBit), 0);
        return new Nest(this, at);
    }

    /// <summary>Begins an attribute whose payload starts with a fixed header; disposing the result ends it.</summary>
    /// <param name="type">Attribute type, written as it is: the kernel's policies differ on the nested bit here.</param>
    /// <returns>The scope of the attribute, for a <c>using</c> statement.</returns>
    public Nest Enclosed(ushort type)
    {
        var at = _length;
        Attribute(type, 0);
        return new Nest(this, at);
    }

    /// <summary>Forgets all that was written; the buffer is kept.</summary>
    public void Clear()
    {
        _buffer.AsSpan(0, _length).Clear();
        _length = 0;
        _message = -1;
    }

    private void EndNested(int at)
    {
        var attribute = _buffer.AsSpan(at);
        MemoryMarshal.Write(attribute, AttributeLength(MemoryMarshal.Read<ushort>(attribute[2..]), _length - at));
    }

    private Span<byte> Attribute(ushort type, int payload)
    {
        var attribute = Append(4 + payload);
        MemoryMarshal.Write(attribute, AttributeLength(type, 4 + payload));
        MemoryMarshal.Write(attribute[2..], type);
        return attribute.Slice(4, payload);
    }

    private static ushort AttributeLength(ushort type, int length) =>
        length <= ushort.MaxValue ? (ushort)length : throw new InvalidOperationException($"attribute {type & ~NestedBit} has {length} bytes; 65535 are the most");

    // The buffer beyond _length is always zero, so padding needs no writing.
    private Span<byte> Append(int count)
    {
        var start = _length;
        var end = start + ((count + 3) & ~3);
        if (end > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(end, _buffer.Length * 2));
        _length = end;
        return _buffer.AsSpan(start, count);
    }

    /// <summary>The scope of a nested attribute.</summary>
    public readonly ref struct Nest
    {
        private readonly MessageWriter _writer;
        private readonly int _at;

        internal Nest(MessageWriter writer, int at)
        {
            _writer = writer;
            _at = at;
        }

        /// <summary>Ends the attribute: its length is now known.</summary>
        public void Dispose() => _writer.EndNested(_at);
    }
}
