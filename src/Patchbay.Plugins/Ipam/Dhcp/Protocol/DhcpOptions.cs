using System.Buffers.Binary;

namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>The options of a message, each at most once and of any length.</summary>
/// <remarks>On the wire an option has at most 255 bytes; a longer one comes in pieces, which belong together in the order of the fields (RFC 3396).</remarks>
internal sealed class DhcpOptions
{
    private readonly List<(byte Code, byte[] Value)> _items = [];

    /// <summary>In the order in which they were set or came.</summary>
    internal IReadOnlyList<(byte Code, byte[] Value)> Items => _items;

    /// <summary>The value, or null.</summary>
    internal byte[]? this[byte code]
    {
        get
        {
            foreach (var (own, value) in _items)
            {
                if (own == code)
                    return value;
            }

            return null;
        }
    }

    /// <summary>Sets an option in place of an earlier one.</summary>
    internal void Set(byte code, params byte[] value)
    {
        for (int i = 0; i < _items.Count; i++)
        {
            if (_items[i].Code == code)
            {
                _items[i] = (code, value);
                return;
            }
        }

        _items.Add((code, value));
    }

    internal void SetNumber(byte code, uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        Set(code, bytes);
    }

    /// <summary>A number of four bytes, an address also; null when absent or of another length.</summary>
    internal uint? Number(byte code) => this[code] is { Length: 4 } value ? BinaryPrimitives.ReadUInt32BigEndian(value) : null;

    /// <summary>A list of numbers of four bytes; empty when absent or of an odd length.</summary>
    internal uint[] Numbers(byte code)
    {
        if (this[code] is not { } value || value.Length % 4 != 0)
            return [];
        uint[] numbers = new uint[value.Length / 4];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadUInt32BigEndian(value.AsSpan(4 * i));
        return numbers;
    }

    /// <summary>Reads one of the fields that hold options; a piece of an option that was read before is appended to it.</summary>
    /// <returns>False when an option reaches beyond the field.</returns>
    internal bool TryRead(ReadOnlySpan<byte> field)
    {
        for (int at = 0; at < field.Length;)
        {
            byte code = field[at++];
            if (code == DhcpOption.End)
                return true;
            if (code == DhcpOption.Pad)
                continue;
            if (at == field.Length || field.Length - at - 1 < field[at])
                return false;
            byte[] piece = field.Slice(at + 1, field[at]).ToArray();
            at += 1 + piece.Length;
            Set(code, this[code] is { } before ? [.. before, .. piece] : piece);
        }

        return true; // some servers leave the end mark out
    }

    /// <summary>Writes all, cut into pieces where needed, with the end mark.</summary>
    internal void Write(List<byte> to)
    {
        foreach (var (code, value) in _items)
        {
            int at = 0;
            do
            {
                int length = Math.Min(255, value.Length - at);
                to.Add(code);
                to.Add((byte)length);
                to.AddRange(value.AsSpan(at, length));
                at += length;
            }
            while (at < value.Length);
        }

        to.Add(DhcpOption.End);
    }
}
