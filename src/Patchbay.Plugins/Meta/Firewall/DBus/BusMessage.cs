using System.Buffers.Binary;
using System.Text;

namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>Composes method calls whose arguments are texts (D-Bus specification, "Message Protocol", "Marshaling"). Little endian.</summary>
internal static class BusMessage
{
    internal const byte MethodCall = 1, MethodReturn = 2, Error = 3;
    internal const byte FieldPath = 1, FieldInterface = 2, FieldMember = 3, FieldErrorName = 4, FieldReplySerial = 5, FieldDestination = 6, FieldSignature = 8;

    private const byte LittleEndian = (byte)'l';
    private const byte NoAutoStart = 2;
    private const byte Version = 1;

    /// <summary>Composes a call; nobody is started in order to answer it.</summary>
    internal static byte[] Call(uint serial, string destination, string path, string type, string member, ReadOnlySpan<string> arguments)
    {
        var body = new List<byte>();
        foreach (var argument in arguments)
            Text(body, argument);

        var message = new List<byte> { LittleEndian, MethodCall, NoAutoStart, Version };
        Number(message, (uint)body.Count);
        Number(message, serial);
        var fields = new List<byte>();
        Field(fields, FieldPath, 'o', path);
        Field(fields, FieldInterface, 's', type);
        Field(fields, FieldMember, 's', member);
        Field(fields, FieldDestination, 's', destination);
        if (arguments.Length > 0)
        {
            Align(fields, 8);
            fields.AddRange([FieldSignature, 1, (byte)'g', 0, (byte)arguments.Length]);
            for (var i = 0; i < arguments.Length; i++)
                fields.Add((byte)'s');
            fields.Add(0);
        }

        // The array of fields begins at byte 16, so what is aligned in it alone is aligned in the message too.
        Number(message, (uint)fields.Count);
        message.AddRange(fields);
        Align(message, 8);
        message.AddRange(body);
        return [.. message];
    }

    private static void Field(List<byte> fields, byte code, char type, string text)
    {
        Align(fields, 8);
        fields.AddRange([code, 1, (byte)type, 0]);
        Text(fields, text);
    }

    private static void Text(List<byte> to, string text)
    {
        Align(to, 4);
        var bytes = Encoding.UTF8.GetBytes(text);
        Number(to, (uint)bytes.Length);
        to.AddRange(bytes);
        to.Add(0);
    }

    private static void Number(List<byte> to, uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        foreach (var each in bytes)
            to.Add(each);
    }

    private static void Align(List<byte> to, int size)
    {
        while (to.Count % size != 0)
            to.Add(0);
    }
}
