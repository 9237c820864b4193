using System.Buffers.Binary;
using System.Text;

namespace Patchbay.Lab.Engines.Containerd;

/// <summary>Walks over the fields of a message in the encoding of protocol buffers.</summary>
/// <remarks>Use: <c>while (reader.Next()) switch (reader.Field) { case 1: id = reader.Text(); break; }</c>. Fields that nobody asks for are skipped.</remarks>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private const int MostVarintBytes = 10;

    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes;

    /// <summary>Number of the present field.</summary>
    public int Field { get; private set; }

    /// <summary>The present field as a number; a signed one of 32 or 64 bits by a cast.</summary>
    public ulong Number { get; private set; }

    /// <summary>The present field as bytes, or as a message for another reader.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Steps to the next field.</summary>
    /// <exception cref="InvalidDataException">The message is damaged.</exception>
    public bool Next()
    {
        if (_rest.Length == 0)
            return false;
        var tag = Varint();
        (Field, Number) = ((int)(tag >> 3), 0);
        _bytes = default;
        switch (tag & 7)
        {
            case 0: Number = Varint(); break;
            case 1: Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8)); break;
            case 2: _bytes = Take(Varint()); break;
            case 5: Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4)); break;
            default: throw new InvalidDataException($"field {Field} of a message has the wire type {tag & 7}");
        }

        return true;
    }

    /// <summary>The present field as text.</summary>
    public readonly string Text() => Encoding.UTF8.GetString(_bytes);

    /// <summary>Adds the present field, an entry of a map of texts.</summary>
    public readonly void EntryTo(Dictionary<string, string> map)
    {
        string key = "", value = "";
        var entry = new ProtoReader(_bytes);
        while (entry.Next())
        {
            switch (entry.Field)
            {
                case 1: key = entry.Text(); break;
                case 2: value = entry.Text(); break;
            }
        }

        map[key] = value;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
            throw new InvalidDataException($"field {Field} of a message claims {count} bytes where {_rest.Length} are left");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var i = 0; i < Math.Min(_rest.Length, MostVarintBytes); i++)
        {
            value |= (ulong)(_rest[i] & 0x7f) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new InvalidDataException("a message ends within a number");
    }
}
