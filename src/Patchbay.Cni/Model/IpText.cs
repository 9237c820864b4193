using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Patchbay.Cni.Model;

/// <summary>Addresses as text, in the one form that every other CNI program reads and writes (RFC 5952, and dotted IPv4 only).</summary>
/// <remarks>
/// <see cref="IPAddress.TryParse(string?, out IPAddress?)"/> also takes octal and short IPv4 forms, brackets and zones,
/// and its ToString() prints some IPv6 addresses with a dotted tail; reservation files are named by this text, so neither will do.
/// </remarks>
public static class IpText
{
    /// <summary>Reads an address; IPv4-mapped IPv6 becomes IPv4.</summary>
    /// <param name="text">Dotted IPv4 of four decimal numbers without leading zeros, or IPv6 without a zone.</param>
    /// <returns>The address, or null when the text is not one.</returns>
    public static IPAddress? TryParse(ReadOnlySpan<char> text)
    {
        IPAddress? address = TryParseUnmapped(text);
        return address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
    }

    /// <summary>The text of an address; IPv4-mapped IPv6 prints as IPv4.</summary>
    /// <param name="address">The address; a zone is not printed.</param>
    /// <returns>For example <c>10.1.2.3</c> or <c>fd00::1</c>.</returns>
    public static string Format(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address.ToString();
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4().ToString();

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);

        // RFC 5952 section 4.2: the first longest run of at least two zero groups becomes "::".
        int bestStart = -1, bestLength = 1;
        for (int i = 0; i < 8;)
        {
            int end = i;
            while (end < 8 && Group(bytes, end) == 0)
                end++;
            if (end - i > bestLength)
                (bestStart, bestLength) = (i, end - i);
            i = end + 1;
        }

        StringBuilder text = new(39);
        for (int i = 0; i < 8; i++)
        {
            if (i == bestStart)
            {
                text.Append("::");
                i += bestLength - 1;
                continue;
            }

            if (text.Length > 0 && text[^1] != ':')
                text.Append(':');
            text.Append(CultureInfo.InvariantCulture, $"{Group(bytes, i):x}");
        }

        return text.ToString();
    }

    /// <summary>Reads an address and leaves IPv4-mapped IPv6 as it is.</summary>
    internal static IPAddress? TryParseUnmapped(ReadOnlySpan<char> text)
    {
        if (!text.Contains(':'))
            return TryParseV4(text);
        foreach (char c in text)
            if (!char.IsAsciiHexDigit(c) && c is not (':' or '.'))
                return null;

        int tail = text.IndexOf('.') < 0 ? -1 : text.LastIndexOf(':') + 1;
        if (tail >= 0 && TryParseV4(text[tail..]) is null)
            return null;
        return IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? address : null;
    }

    private static IPAddress? TryParseV4(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[4];
        int count = 0;
        foreach (Range range in text.Split('.'))
        {
            ReadOnlySpan<char> part = text[range];
            if (count == 4 || part.Length is 0 or > 3 || (part.Length > 1 && part[0] == '0'))
                return null;
            if (!byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out bytes[count++]))
                return null;
        }

        return count == 4 ? new IPAddress(bytes) : null;
    }

    private static int Group(ReadOnlySpan<byte> bytes, int index) => (bytes[2 * index] << 8) | bytes[(2 * index) + 1];
}
