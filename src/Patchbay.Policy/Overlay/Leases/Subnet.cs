using System.Globalization;
using System.Net;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Overlay.Leases;

/// <summary>An IPv4 network, small enough to be counted in thousands.</summary>
/// <param name="Base">Its first address; no bit is set behind the prefix.</param>
/// <param name="Length">The prefix's length.</param>
internal readonly record struct Subnet(Ipv4 Base, int Length) : IComparable<Subnet>
{
    internal Ipv4 Last => new(Base.Number | ~Mask(Length));

    /// <summary>Whether it is one address.</summary>
    internal bool IsSingle => Length == 32;

    /// <summary>Reads <c>10.255.30.0/24</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="subnet">The network.</param>
    /// <returns>False when it is none, or names an address within it.</returns>
    internal static bool TryParse(string? text, out Subnet subnet)
    {
        subnet = default;
        string[] parts = (text ?? "").Split('/');
        if (parts.Length != 2 || !Ipv4.TryParse(parts[0], out Ipv4 address) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length > 32)
            return false;
        subnet = Of(address, length);
        return subnet.Base == address;
    }

    /// <summary>The network of an address.</summary>
    internal static Subnet Of(Ipv4 address, int length) => new(new Ipv4(address.Number & Mask(length)), length);

    internal bool Contains(Ipv4 address) => (address.Number & Mask(Length)) == Base.Number;

    internal bool Contains(Subnet other) => other.Length >= Length && Contains(other.Base);

    internal bool Overlaps(Subnet other) => Contains(other) || other.Contains(this);

    internal IPNetwork ToNetwork() => new(Base.ToAddress(), Length);

    public int CompareTo(Subnet other) => (Base, Length).CompareTo((other.Base, other.Length));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Base}/{Length}");

    private static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);
}
