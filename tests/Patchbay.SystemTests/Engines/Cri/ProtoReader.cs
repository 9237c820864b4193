using System.Buffers.Binary;
using System.Text;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>The fields of a message in the encoding of protocol buffers; who asks knows a field's number and type.</summary>
internal sealed class ProtoReader
{
    private readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

    public ProtoReader(ReadOnlySpan<byte> message)
    {
        while (message.Length > 0)
        {
            ulong tag = Varint(ref message);
            (int field, int type) = ((int)(tag >> 3), (int)(tag & 7));
            switch (type)
            {
                case 0:
                    _fields.Add((field, Varint(ref message), []));
                    break;
                case 2:
                    int length = checked((int)Varint(ref message));
                    _fields.Add((field, 0, message[..length].ToArray()));
                    message = message[length..];
                    break;
                case 1 or 5:
                    int width = type == 1 ? 8 : 4;
                    _fields.Add((field, width == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(message) : BinaryPrimitives.ReadUInt32LittleEndian(message), []));
                    message = message[width..];
                    break;
                default:
                    throw new InvalidDataException($"field {field} is of wire type {type}");
            }
        }
    }

    public long Number(int field) => (long)_fields.LastOrDefault(each => each.Field == field).Number;

    public string Text(int field) => Texts(field).LastOrDefault("");

    public IEnumerable<string> Texts(int field) => All(field).Select(Encoding.UTF8.GetString);

    /// <summary>An absent message is one without fields.</summary>
    public ProtoReader Message(int field) => Messages(field).LastOrDefault(new ProtoReader([]));

    public IEnumerable<ProtoReader> Messages(int field) => All(field).Select(bytes => new ProtoReader(bytes));

    public Dictionary<string, string> Map(int field) => Messages(field).ToDictionary(entry => entry.Text(1), entry => entry.Text(2));

    private IEnumerable<byte[]> All(int field) => _fields.Where(each => each.Field == field).Select(each => each.Bytes);

    private static ulong Varint(ref ReadOnlySpan<byte> from)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = from[0];
            from = from[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
