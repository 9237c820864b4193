using System.Text;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>A message in the encoding of protocol buffers, version 3: a field of the default value is left out.</summary>
internal sealed class ProtoWriter
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public ProtoWriter Add(int field, string? text) => text is { Length: > 0 } ? AddBytes(field, Encoding.UTF8.GetBytes(text)) : this;

    public ProtoWriter Add(int field, IEnumerable<string> texts)
    {
        foreach (string text in texts)
            AddBytes(field, Encoding.UTF8.GetBytes(text));
        return this;
    }

    public ProtoWriter Add(int field, long number)
    {
        if (number != 0)
        {
            Varint((ulong)field << 3);
            Varint((ulong)number);
        }

        return this;
    }

    public ProtoWriter Add(int field, ProtoWriter message) => AddBytes(field, message.ToArray());

    /// <summary>A map is a repeated message of a key (1) and a value (2).</summary>
    public ProtoWriter Add(int field, IEnumerable<KeyValuePair<string, string>> map)
    {
        foreach ((string key, string value) in map)
            Add(field, new ProtoWriter().Add(1, key).Add(2, value));
        return this;
    }

    private ProtoWriter AddBytes(int field, byte[] bytes)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)bytes.Length);
        _bytes.AddRange(bytes);
        return this;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }
}
