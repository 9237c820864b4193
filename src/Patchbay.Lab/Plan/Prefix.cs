using System.Globalization;
using System.Net;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>An address with the length of its network: <c>10.0.1.1/16</c>.</summary>
internal readonly record struct Prefix(IPAddress Address, int Length)
{
    public bool IsIPv4 => Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{Length}");

    /// <summary>Reads an address in full (no <c>10.1/8</c>, no zone) with the length of its prefix.</summary>
    public static bool TryParse(string text, out Prefix prefix)
    {
        prefix = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !TryParseAddress(text[..slash], out var address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length > (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128))
            return false;
        prefix = new Prefix(address, length);
        return true;
    }

    /// <summary>Reads an address as people write it: .NET's own parser takes <c>10</c> and <c>010.1</c> too.</summary>
    public static bool TryParseAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains('%', StringComparison.Ordinal) || text.Contains('[', StringComparison.Ordinal) || !IPAddress.TryParse(text, out var parsed))
            return false;
        if (parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && parsed.ToString() != text)
            return false;
        address = parsed;
        return true;
    }

    /// <summary>The address so many further on; null when it is not one of the same network that an interface can have.</summary>
    public Prefix? Plus(int offset)
    {
        if (offset == 0)
            return this;
        var bytes = Address.GetAddressBytes();
        long carry = offset;
        for (var i = bytes.Length - 1; i >= 0 && carry != 0; i--)
        {
            carry += bytes[i];
            bytes[i] = (byte)carry;
            carry >>= 8;
        }

        var moved = new IPAddress(bytes);
        if (carry != 0 || !new IPNetwork(NetworkOf(Address, Length), Length).Contains(moved))
            return null;
        if (IsIPv4 && Length < 31 && (NetworkOf(moved, Length).Equals(moved) || InterfaceAddress.BroadcastOf(moved, Length)!.Equals(moved)))
            return null;
        return this with { Address = moved };
    }

    /// <summary>The first address of the network.</summary>
    public static IPAddress NetworkOf(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var bits = Math.Clamp(length - (8 * i), 0, 8);
            bytes[i] &= (byte)(0xff00 >> bits);
        }

        return new IPAddress(bytes);
    }
}
