using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Patchbay.Netlink.Codec;

/// <summary>Walks over the attributes of a netlink message.</summary>
/// <remarks>
/// Use: <c>while (reader.Next()) switch (reader.Type) { case X: x = reader.U32(); break; } reader.ThrowIfMalformed("link");</c>.
/// The first fault (an attribute that reaches beyond its buffer, a payload too short for the number asked for) is
/// remembered and ends the walk; the getters return zero from then on. Unknown attributes are the caller's to skip or keep.
/// </remarks>
public ref struct AttributeReader
{
    private const ushort TypeMask = 0x3fff; // NLA_TYPE_MASK: without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private ReadOnlySpan<byte> _rest;
    private ReadOnlySpan<byte> _payload;
    private string? _fault;

    /// <summary>Creates a reader.</summary>
    /// <param name="attributes">The bytes after the fixed header of the message, or the payload of a nested attribute.</param>
    public AttributeReader(ReadOnlySpan<byte> attributes) => _rest = attributes;

    /// <summary>Type of the present attribute, without its flag bits.</summary>
    public ushort Type { get; private set; }

    /// <summary>Payload of the present attribute.</summary>
    public readonly ReadOnlySpan<byte> Payload => _payload;

    /// <summary>The bytes that have not been walked over yet.</summary>
    internal readonly ReadOnlySpan<byte> Remaining => _rest;

    /// <summary>True once a fault was met.</summary>
    public readonly bool Malformed => _fault is not null;

    /// <summary>Steps to the next attribute.</summary>
    /// <returns>False at the end and after a fault.</returns>
    public bool Next()
    {
        if (_fault is not null || _rest.Length == 0)
            return false;
        if (_rest.Length < 4)
        {
            // Trailing bytes too short for a header are alignment, as in the kernel's nla_ok().
            _rest = default;
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
        {
            _fault = $"an attribute claims {length} bytes where {_rest.Length} are left";
            return false;
        }

        Type = (ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & TypeMask);
        _payload = _rest[4..length];
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>The payload as an 8-bit number.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public byte U8() => Has(1) ? _payload[0] : (byte)0;

    /// <summary>The payload as a 16-bit number in the machine's order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public ushort U16() => Has(2) ? MemoryMarshal.Read<ushort>(_payload) : (ushort)0;

    /// <summary>The payload as a 32-bit number in the machine's order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public uint U32() => Has(4) ? MemoryMarshal.Read<uint>(_payload) : 0;

    /// <summary>The payload as a signed 32-bit number in the machine's order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public int S32() => Has(4) ? MemoryMarshal.Read<int>(_payload) : 0;

    /// <summary>The payload as a 64-bit number in the machine's order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public ulong U64() => Has(8) ? MemoryMarshal.Read<ulong>(_payload) : 0;

    /// <summary>The payload as a 16-bit number in network order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public ushort U16Be() => Has(2) ? BinaryPrimitives.ReadUInt16BigEndian(_payload) : (ushort)0;

    /// <summary>The payload as a 32-bit number in network order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public uint U32Be() => Has(4) ? BinaryPrimitives.ReadUInt32BigEndian(_payload) : 0;

    /// <summary>The payload as a 64-bit number in network order.</summary>
    /// <returns>The number; 0 after a fault.</returns>
    public ulong U64Be() => Has(8) ? BinaryPrimitives.ReadUInt64BigEndian(_payload) : 0;

    /// <summary>The payload as text, up to its first zero.</summary>
    /// <returns>The text.</returns>
    public readonly string Text()
    {
        var end = _payload.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? _payload : _payload[..end]);
    }

    /// <summary>The payload as an IP address.</summary>
    /// <returns>The address; null when the payload has neither 4 nor 16 bytes, which is a fault.</returns>
    public IPAddress? Address()
    {
        if (_fault is null && _payload.Length is 4 or 16)
            return new IPAddress(_payload);
        _fault ??= $"attribute {Type} has {_payload.Length} bytes, which is no IP address";
        return null;
    }

    /// <summary>The payload as the base address of a network.</summary>
    /// <param name="prefixLength">Length of the prefix in bits, which the message's fixed header has.</param>
    /// <returns>The network, without the host bits that the kernel lets rules have; null after a fault.</returns>
    internal IPNetwork? Network(byte prefixLength)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (_fault is not null || _payload.Length is not (4 or 16) || prefixLength > _payload.Length * 8)
        {
            _fault ??= $"attribute {Type} has {_payload.Length} bytes, which are no network of {prefixLength} bits";
            return null;
        }

        bytes = bytes[.._payload.Length];
        _payload.CopyTo(bytes);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] &= (byte)(0xff00 >> Math.Clamp(prefixLength - (8 * i), 0, 8));
        return new IPNetwork(new IPAddress(bytes), prefixLength);
    }

    /// <summary>A reader of the attributes inside the present one.</summary>
    /// <returns>The reader.</returns>
    public readonly AttributeReader Nested() => new(_payload);

    /// <summary>The present attribute as something to keep: its type and a copy of its payload.</summary>
    /// <returns>The copy.</returns>
    public readonly RawAttribute Keep() => new(Type, _payload.ToArray());

    /// <summary>Reports a fault that was met on the way.</summary>
    /// <param name="what">What was being read, for the message.</param>
    /// <exception cref="NetlinkException">There was a fault.</exception>
    public readonly void ThrowIfMalformed(string what)
    {
        if (_fault is not null)
            throw new NetlinkException($"read {what}", $"malformed message: {_fault}");
    }

    private bool Has(int count)
    {
        if (_fault is not null)
            return false;
        if (_payload.Length >= count)
            return true;
        _fault = $"attribute {Type} has {_payload.Length} bytes where {count} are needed";
        return false;
    }
}
