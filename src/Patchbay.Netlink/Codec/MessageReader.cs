using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Patchbay.Netlink.Codec;

/// <summary>Walks over the messages of one datagram from the kernel (include/uapi/linux/netlink.h, NLMSG_*).</summary>
public ref struct MessageReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>Creates a reader.</summary>
    /// <param name="datagram">The bytes of one receive call.</param>
    public MessageReader(ReadOnlySpan<byte> datagram) => _rest = datagram;

    /// <summary>Type of the present message.</summary>
    public ushort Type { get; private set; }

    /// <summary>Flags of the present message.</summary>
    public NetlinkFlags Flags { get; private set; }

    /// <summary>Sequence number: that of the request which it answers; 0 for notifications.</summary>
    public uint Sequence { get; private set; }

    /// <summary>Port of the socket to which it answers; 0 for notifications.</summary>
    public uint PortId { get; private set; }

    /// <summary>The bytes after the message header.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>Steps to the next message.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="NetlinkException">The header's length does not fit what was received.</exception>
    public bool Next()
    {
        if (_rest.Length < MessageWriter.HeaderLength)
            return false;
        var length = MemoryMarshal.Read<uint>(_rest);
        if (length < MessageWriter.HeaderLength || length > _rest.Length)
            throw new NetlinkException("receive", $"malformed message: its header claims {length} bytes where {_rest.Length} are left");
        Type = MemoryMarshal.Read<ushort>(_rest[4..]);
        Flags = (NetlinkFlags)MemoryMarshal.Read<ushort>(_rest[6..]);
        Sequence = MemoryMarshal.Read<uint>(_rest[8..]);
        PortId = MemoryMarshal.Read<uint>(_rest[12..]);
        Payload = _rest[MessageWriter.HeaderLength..(int)length];
        _rest = _rest[Math.Min(((int)length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>Reads the family's fixed header from the start of the payload.</summary>
    /// <typeparam name="T">A blittable struct laid out as the kernel's.</typeparam>
    /// <param name="header">Its value; default when the payload is too short.</param>
    /// <returns>A reader of the attributes behind it.</returns>
    /// <exception cref="NetlinkException">The payload is too short.</exception>
    public readonly AttributeReader Fixed<T>(out T header)
        where T : unmanaged
    {
        if (!MemoryMarshal.TryRead(Payload, out header))
            throw new NetlinkException("receive", $"malformed message: type {Type} with a payload of only {Payload.Length} bytes");
        var size = (Unsafe.SizeOf<T>() + 3) & ~3;
        return new AttributeReader(Payload[Math.Min(size, Payload.Length)..]);
    }
}
