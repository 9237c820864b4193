using System.Buffers.Binary;
using System.Text;

namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>A message that was received, as far as an answer to a call is of interest: the specification's header, and a first argument.</summary>
internal sealed class BusReply
{
    internal const int FixedSize = 16;

    private const int LongestMessage = 1 << 20; // the specification allows 128 MiB; no answer that is asked for here is long
    private const byte LittleEndian = (byte)'l';

    private readonly byte[] _message;
    private readonly bool _little;
    private int _at;

    private BusReply(byte[] message)
    {
        _message = message;
        _little = message[0] == LittleEndian;
        Type = message[1];
        _at = 12;
        var end = FixedSize + (int)Number();
        while (_at < end)
            ReadField();
        _at = Aligned(end, 8);
    }

    internal byte Type { get; }

    internal uint ReplySerial { get; private set; }

    internal string ErrorName { get; private set; } = "";

    internal string Signature { get; private set; } = "";

    /// <summary>How long a message is whose first 16 bytes are known.</summary>
    /// <exception cref="BusException">Those are no beginning of a message, or of too long a one.</exception>
    internal static int LengthOf(ReadOnlySpan<byte> start)
    {
        var little = start[0] == LittleEndian;
        if (!little && start[0] != (byte)'B')
            throw Malformed();
        long body = Read(start[4..], little), fields = Read(start[12..], little);
        var length = ((FixedSize + fields + 7) & ~7L) + body;
        return length <= LongestMessage ? (int)length : throw Malformed();
    }

    /// <summary>Reads a whole message.</summary>
    /// <exception cref="BusException">It is malformed.</exception>
    internal static BusReply Read(byte[] message)
    {
        try
        {
            return new BusReply(message);
        }
        catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw Malformed();
        }
    }

    /// <summary>The first argument, a text; "" when it is none.</summary>
    internal string Text()
    {
        if (!Signature.StartsWith('s'))
            return "";
        var length = (int)Read(_message.AsSpan(_at), _little);
        return length >= 0 && length <= _message.Length - _at - 4 ? Encoding.UTF8.GetString(_message, _at + 4, length) : throw Malformed();
    }

    /// <summary>The first argument, true or false.</summary>
    internal bool Boolean() => Signature.StartsWith('b') && _at + 4 <= _message.Length ? Read(_message.AsSpan(_at), _little) != 0 : throw Malformed();

    // A structure of a byte and a variant: aligned to 8, then code, signature and value.
    private void ReadField()
    {
        _at = Aligned(_at, 8);
        var code = _message[_at++];
        int signatureLength = _message[_at++];
        var type = _message[_at];
        _at += signatureLength + 1;
        if (signatureLength != 1)
            throw Malformed();
        switch (type)
        {
            case (byte)'u':
                var number = Number();
                if (code == BusMessage.FieldReplySerial)
                    ReplySerial = number;
                break;
            case (byte)'s' or (byte)'o':
                var text = Bytes((int)Number());
                if (code == BusMessage.FieldErrorName)
                    ErrorName = text;
                break;
            case (byte)'g':
                var signature = Bytes(_message[_at++]);
                if (code == BusMessage.FieldSignature)
                    Signature = signature;
                break;
            default:
                throw Malformed();
        }
    }

    private uint Number()
    {
        _at = Aligned(_at, 4);
        var number = Read(_message.AsSpan(_at, 4), _little);
        _at += 4;
        return number;
    }

    private string Bytes(int length)
    {
        var text = Encoding.UTF8.GetString(_message, _at, length);
        _at = checked(_at + length + 1);
        return text;
    }

    private static uint Read(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static int Aligned(int at, int size) => (at + size - 1) & -size;

    private static BusException Malformed() => new("the system bus sent a malformed message");
}
