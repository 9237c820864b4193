using System.Globalization;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An Ethernet address: six bytes, written <c>0a:58:0a:01:02:03</c>.</summary>
/// <param name="Value">The bytes as a number, first byte highest; below 2^48.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>True for a group address: the lowest bit of the first byte is set.</summary>
    public bool IsMulticast => (Value & 0x0100_0000_0000) != 0;

    /// <summary>Reads an address from its six bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentException">There are not six.</exception>
    public static MacAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 6)
            throw new ArgumentException($"an Ethernet address has 6 bytes, not {bytes.Length}", nameof(bytes));
        ulong value = 0;
        foreach (var b in bytes)
            value = (value << 8) | b;
        return new MacAddress(value);
    }

    /// <summary>Reads <c>0a:58:0a:01:02:03</c> or <c>0a-58-0a-01-02-03</c>, in any case.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address.</param>
    /// <returns>False when the text is no such address.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress address)
    {
        address = default;
        if (text.Length != 17)
            return false;
        ulong value = 0;
        for (var at = 0; at < 17; at += 3)
        {
            if (at > 0 && (text[at - 1] is not (':' or '-') || text[at - 1] != text[2]))
                return false;
            if (!byte.TryParse(text.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
                return false;
            value = (value << 8) | b;
        }

        address = new MacAddress(value);
        return true;
    }

    /// <summary>Writes the six bytes.</summary>
    /// <param name="bytes">Where to; at least six.</param>
    public void CopyTo(Span<byte> bytes)
    {
        for (var i = 0; i < 6; i++)
            bytes[i] = (byte)(Value >> (40 - (8 * i)));
    }

    /// <summary>The address in lower case with colons.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Create(17, Value, static (text, value) =>
    {
        for (var i = 0; i < 6; i++)
        {
            var b = (byte)(value >> (40 - (8 * i)));
            text[3 * i] = "0123456789abcdef"[b >> 4];
            text[(3 * i) + 1] = "0123456789abcdef"[b & 15];
            if (i < 5)
                text[(3 * i) + 2] = ':';
        }
    });
}
