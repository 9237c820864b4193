using System.Net;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Overlay.Leases;

/// <summary>A subnet of the overlay that belongs to a host.</summary>
/// <param name="Underlay">The host's address in the network that carries the overlay.</param>
/// <param name="Subnet">What its containers have addresses of.</param>
/// <param name="Address">The Ethernet address of its tunnel's end.</param>
internal sealed record Lease(IPAddress Underlay, Subnet Subnet, MacAddress Address)
{
    private const ulong Prefix = 0xEEEE_0000_0000;

    /// <summary>The lease with the Ethernet address that follows from the subnet: ee:ee and the four bytes of its first address.</summary>
    internal static Lease Of(IPAddress underlay, Subnet subnet) => new(underlay, subnet, new MacAddress(Prefix | subnet.Base.Number));

    /// <summary>The first address of the subnet that an Ethernet address was made from.</summary>
    internal static Ipv4? BaseOf(MacAddress address) => (address.Value & 0xFFFF_0000_0000) == Prefix ? new Ipv4((uint)address.Value) : null;

    /// <summary>Reads a host's address; unlike <see cref="IPAddress"/>, no "10" and no "fe80::1%eth0".</summary>
    internal static bool TryParseUnderlay(string? text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text is null)
            return false;
        if (Ipv4.TryParse(text, out Ipv4 four))
            address = four.ToAddress();
        else if (text.Contains(':') && !text.Contains('%') && IPAddress.TryParse(text, out IPAddress? six))
            address = six;
        return !address.Equals(IPAddress.None) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && !address.IsIPv6Multicast
            && (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || address.GetAddressBytes()[0] < 224);
    }

    public override string ToString() => $"{Subnet} of {Underlay} ({Address})";
}
