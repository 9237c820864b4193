using System.Buffers.Binary;
using System.Net;
using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>
/// An address of either family as one number, IPv4 in its mapped form (::ffff:a.b.c.d), so that ranges are plain arithmetic. Its text is the one
/// that names reservation files: RFC 5952 throughout, whereas <see cref="IPAddress"/> writes the tail of some IPv6 addresses in dotted form.
/// </summary>
internal readonly record struct Address(UInt128 Bits) : IComparable<Address>
{
    /// <summary>The longest text, eight groups of four digits.</summary>
    internal const int MaxText = 39;

    internal bool IsV4 => Bits >> 32 == 0xffff;

    /// <summary>32 or 128.</summary>
    internal int Width => IsV4 ? 32 : 128;

    internal Address Next => new(Bits + 1);

    internal static Address V4(uint bits) => new((UInt128)0xffff_0000_0000 | bits);

    internal static Address From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        return written == 4 ? V4(BinaryPrimitives.ReadUInt32BigEndian(bytes)) : new(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    internal IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Bits);
        return new IPAddress(IsV4 ? bytes[12..] : bytes);
    }

    /// <summary>Strict: four decimal numbers without leading zeros, or IPv6 without brackets and zone.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, out Address address)
    {
        address = default;
        if (text.Length is < 2 or > 45)
            return false;
        if (!text.Contains(':'))
        {
            if (!TryParseV4(text, out uint v4))
                return false;
            address = V4(v4);
            return true;
        }
        if (IpText.TryParse(text) is not { } parsed)
            return false;
        address = From(parsed);
        return true;
    }

    /// <summary>The address that a file is named after; false for every other name, and for one that is not written as <see cref="Write"/> would.</summary>
    internal static bool TryParseFileName(ReadOnlySpan<byte> name, out Address address)
    {
        address = default;
        if (name.Length is 0 or > MaxText || !Ascii.IsValid(name))
            return false;
        Span<char> text = stackalloc char[MaxText];
        Encoding.ASCII.GetChars(name, text);
        if (!TryParse(text[..name.Length], out address))
            return false;
        Span<byte> canonical = stackalloc byte[MaxText];
        return canonical[..address.Write(canonical)].SequenceEqual(name);
    }

    /// <summary>Writes the text and returns its length; <paramref name="destination"/> has at least <see cref="MaxText"/> bytes.</summary>
    internal int Write(Span<byte> destination)
    {
        int at = 0;
        if (IsV4)
        {
            for (int shift = 24; shift >= 0; shift -= 8)
            {
                ((byte)(Bits >> shift)).TryFormat(destination[at..], out int written);
                at += written;
                if (shift > 0)
                    destination[at++] = (byte)'.';
            }
            return at;
        }

        var (zeros, zeroCount) = LongestZeroRun();
        for (int group = 0; group < 8; group++)
        {
            if (group == zeros)
            {
                destination[at++] = (byte)':';
                destination[at++] = (byte)':';
                group += zeroCount - 1;
                continue;
            }
            if (group > 0 && group != zeros + zeroCount)
                destination[at++] = (byte)':';
            Group(group).TryFormat(destination[at..], out int written, "x");
            at += written;
        }
        return at;
    }

    public int CompareTo(Address other) => Bits.CompareTo(other.Bits);

    public override string ToString()
    {
        Span<byte> text = stackalloc byte[MaxText];
        return Encoding.ASCII.GetString(text[..Write(text)]);
    }

    public static bool operator <(Address left, Address right) => left.Bits < right.Bits;

    public static bool operator >(Address left, Address right) => left.Bits > right.Bits;

    public static bool operator <=(Address left, Address right) => left.Bits <= right.Bits;

    public static bool operator >=(Address left, Address right) => left.Bits >= right.Bits;

    private ushort Group(int index) => (ushort)(Bits >> (112 - 16 * index));

    /// <summary>RFC 5952 section 4.2: the first of the longest runs of at least two zero groups becomes "::". (-2, 0) when there is none.</summary>
    private (int Start, int Count) LongestZeroRun()
    {
        (int Start, int Count) best = (-2, 0);
        for (int start = 0; start < 8; start++)
        {
            int end = start;
            while (end < 8 && Group(end) == 0)
                end++;
            if (end - start >= 2 && end - start > best.Count)
                best = (start, end - start);
            start = end;
        }
        return best;
    }

    private static bool TryParseV4(ReadOnlySpan<char> text, out uint bits)
    {
        bits = 0;
        int parts = 0, value = -1;
        foreach (char c in text)
        {
            if (c == '.')
            {
                if (value < 0 || ++parts > 3)
                    return false;
                bits = bits << 8 | (uint)value;
                value = -1;
            }
            else if (!char.IsAsciiDigit(c) || value == 0)
                return false;
            else if ((value = Math.Max(value, 0) * 10 + (c - '0')) > 255)
                return false;
        }
        bits = bits << 8 | (uint)Math.Max(value, 0);
        return parts == 3 && value >= 0;
    }
}
