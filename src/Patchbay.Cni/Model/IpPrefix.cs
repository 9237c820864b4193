using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Patchbay.Cni.Model;

/// <summary>An address with a prefix length, host bits kept: <c>10.1.2.3/24</c>.</summary>
/// <param name="Address">The address, host bits included.</param>
/// <param name="PrefixLength">0 to 32, or to 128 for IPv6.</param>
public readonly record struct IpPrefix(IPAddress Address, int PrefixLength)
{
    /// <summary>True for IPv4.</summary>
    public bool IsIPv4 => Address.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>The network, host bits cleared.</summary>
    public IPNetwork Network
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            Address.TryWriteBytes(bytes, out int length);
            bytes = bytes[..length];
            for (int i = 0; i < length; i++)
            {
                int kept = Math.Clamp(PrefixLength - (8 * i), 0, 8);
                bytes[i] &= (byte)(0xff00 >> kept);
            }

            return new IPNetwork(new IPAddress(bytes), PrefixLength);
        }
    }

    /// <summary>Reads CIDR notation.</summary>
    /// <param name="text">Address, slash, prefix length.</param>
    /// <returns>The prefix.</returns>
    /// <exception cref="FormatException">The text is not CIDR notation; the message names it.</exception>
    public static IpPrefix Parse(string text) => TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException($"invalid CIDR address: {text}");

    /// <summary>Reads CIDR notation; IPv4-mapped IPv6 becomes IPv4.</summary>
    /// <param name="text">Address, slash, prefix length.</param>
    /// <param name="prefix">The prefix, when the text is one.</param>
    /// <returns>False when the text is not CIDR notation.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix)
    {
        prefix = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || IpText.TryParseUnmapped(text[..slash]) is not { } address)
            return false;
        if (!int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int length))
            return false;
        if (length > (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
            return false;
        if (address.IsIPv4MappedToIPv6)
        {
            if (length < 96)
                return false;
            (address, length) = (address.MapToIPv4(), length - 96);
        }

        prefix = new IpPrefix(address, length);
        return true;
    }

    /// <summary>CIDR notation, host bits kept.</summary>
    /// <returns>For example <c>10.1.2.3/24</c>.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{IpText.Format(Address)}/{PrefixLength}");
}
