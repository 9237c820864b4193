using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>Addresses on the Yggdrasil mesh: 200::/8 are nodes, 300::/8 the /64 that each of them routes. docs/yggoverlay.md, "The address".</summary>
internal static class MeshAddress
{
    /// <summary>Length of a node's prefix in bits.</summary>
    internal const int PrefixLength = 64;

    private const int LongestName = 253; // a host name's, RFC 1035 section 2.3.4 in text
    private const byte SubnetPrefix = 0x03;

    /// <summary>Everything that is reached by the mesh.</summary>
    internal static IPNetwork Mesh { get; } = new(IPAddress.Parse("200::"), 7);

    /// <summary>The address of a name in a subnet; the other programs that derive it do the same.</summary>
    internal static IPAddress Of(IPNetwork subnet, string name)
    {
        Span<byte> bytes = stackalloc byte[16];
        subnet.BaseAddress.TryWriteBytes(bytes, out _);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], IdentifierOf(name));
        return new IPAddress(bytes);
    }

    /// <summary>The host's own address in its subnet: <c>::1</c>.</summary>
    internal static IPAddress GatewayOf(IPNetwork subnet)
    {
        Span<byte> bytes = stackalloc byte[16];
        subnet.BaseAddress.TryWriteBytes(bytes, out _);
        bytes[15] = 1;
        return new IPAddress(bytes);
    }

    /// <summary>The last 8 bytes of the SHA-256 of a name; were they reserved, of the name, a zero byte and a counter.</summary>
    internal static ulong IdentifierOf(string name)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var identifier = Cut(text);
        for (byte counter = 1; IsReserved(identifier); counter++)
            identifier = Cut([.. text, 0, counter]);
        return identifier;

        static ulong Cut(ReadOnlySpan<byte> data) => BinaryPrimitives.ReadUInt64BigEndian(Sha256.Hash(data).AsSpan(24));
    }

    /// <summary>Interface identifiers that have a meaning of their own (RFC 5453; RFC 4291 section 2.6.1, RFC 2526), and the gateway's.</summary>
    internal static bool IsReserved(ulong identifier) =>
        identifier is 0 or 1 or (>= 0x0200_5eff_fe00_0000 and <= 0x0200_5eff_feff_ffff) or (>= 0xfdff_ffff_ffff_ff80 and <= 0xfdff_ffff_ffff_ffff);

    /// <summary>True for an address of some node's subnet.</summary>
    internal static bool IsOfSubnet(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.AddressFamily == AddressFamily.InterNetworkV6 && address.TryWriteBytes(bytes, out _) && bytes[0] == SubnetPrefix;
    }

    /// <summary>Reads what a node or a person says is its subnet.</summary>
    /// <returns>The subnet; null when it is not a /64 of 300::/8.</returns>
    internal static IPNetwork? ParseSubnet(string? text) =>
        IpPrefix.TryParse(text, out var prefix) && prefix.PrefixLength == PrefixLength && !prefix.IsIPv4 && IsOfSubnet(prefix.Address) ? prefix.Network : null;

    /// <summary>Why a text cannot be the name of a container; null when it can.</summary>
    internal static string? ProblemOf(string name)
    {
        if (name.Length == 0)
            return "it is empty";
        if (name.Any(char.IsControl))
            return "it has control characters";
        var length = Encoding.UTF8.GetByteCount(name);
        return length > LongestName ? $"it has {length} bytes, more than {LongestName}" : null;
    }
}
