using System.Buffers;
using System.Text;

namespace Patchbay.Lab.Engines.Containerd;

/// <summary>Writes a message in the encoding of protocol buffers; as in version 3, empty fields are left out.</summary>
internal sealed class ProtoWriter
{
    private readonly ArrayBufferWriter<byte> _message = new();

    public ReadOnlyMemory<byte> Written => _message.WrittenMemory;

    public ProtoWriter Text(int field, string value) => value.Length == 0 ? this : Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)value.Length);
        _message.Write(value);
        return this;
    }

    public ProtoWriter Message(int field, ProtoWriter value) => Bytes(field, value.Written.Span);

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _message.Write([(byte)(value | 0x80)]);
        _message.Write([(byte)value]);
    }
}
