using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Patchbay.Policy.Agent.Containers;

/// <summary>An IPv4 address as a number, small enough to be a key in tables of many thousands.</summary>
/// <param name="Number">Its 32 bits, the first octet the highest.</param>
internal readonly record struct Ipv4(uint Number) : IComparable<Ipv4>
{
    internal static bool TryParse(string text, out Ipv4 address)
    {
        address = default;
        // IPAddress also takes "10", "0x0a000001", and "10.0.0.010" for 10.0.0.8.
        if (!IPAddress.TryParse(text, out IPAddress? parsed) || parsed.AddressFamily != AddressFamily.InterNetwork || parsed.ToString() != text)
            return false;
        address = Of(parsed.GetAddressBytes());
        return true;
    }

    internal static Ipv4 Of(ReadOnlySpan<byte> bytes) => new(((uint)bytes[0] << 24) | ((uint)bytes[1] << 16) | ((uint)bytes[2] << 8) | bytes[3]);

    internal byte[] Bytes => [(byte)(Number >> 24), (byte)(Number >> 16), (byte)(Number >> 8), (byte)Number];

    internal IPAddress ToAddress() => new(Bytes);

    public int CompareTo(Ipv4 other) => Number.CompareTo(other.Number);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number >> 24}.{(Number >> 16) & 255}.{(Number >> 8) & 255}.{Number & 255}");
}
