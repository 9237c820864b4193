using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An IP address of a link (struct ifaddrmsg and IFA_*, include/uapi/linux/if_addr.h).</summary>
public sealed record InterfaceAddress
{
    private const ushort IFA_ADDRESS = 1;
    private const ushort IFA_LOCAL = 2;
    private const ushort IFA_LABEL = 3;
    private const ushort IFA_BROADCAST = 4;
    private const ushort IFA_CACHEINFO = 6;
    private const ushort IFA_FLAGS = 8;
    private const ushort IFA_PROTO = 11;

    /// <summary>Index of the link.</summary>
    public required int Link { get; init; }

    /// <summary>The link's own address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>Length of the network's prefix in bits.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>The other end's address on a point-to-point link; null where there is none.</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>The broadcast address; IPv4 only.</summary>
    public IPAddress? Broadcast { get; init; }

    /// <summary>IFA_F_* flags.</summary>
    public AddressFlags Flags { get; init; }

    /// <summary>RT_SCOPE_*: 0 global, 253 link, 254 host.</summary>
    public byte Scope { get; init; }

    /// <summary>IFA_LABEL; IPv4 only.</summary>
    public string? Label { get; init; }

    /// <summary>IFA_PROTO, who gave the address: 0 the administrator, 1 to 3 the kernel, others as programs agree. Since Linux 5.18; older kernels forget it.</summary>
    public byte Protocol { get; init; }

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>The address with its prefix length: <c>10.1.2.3/24</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Address}/{PrefixLength}";

    /// <summary>The broadcast address that ip(8) gives an IPv4 prefix shorter than 31 bits: all host bits set.</summary>
    /// <param name="address">An IPv4 address.</param>
    /// <param name="prefixLength">Length of its network's prefix.</param>
    /// <returns>The broadcast address; null for IPv6 and for /31 and /32.</returns>
    public static IPAddress? BroadcastOf(IPAddress address, int prefixLength)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[4];
        if (prefixLength >= 31 || !address.TryWriteBytes(bytes, out var count) || count != 4)
            return null;
        var hostBits = uint.MaxValue >> prefixLength;
        for (var i = 0; i < 4; i++)
            bytes[i] |= (byte)(hostBits >> (24 - (8 * i)));
        return new IPAddress(bytes);
    }

    /// <summary>Reads RTM_NEWADDR or RTM_DELADDR.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The address.</returns>
    /// <exception cref="NetlinkException">The message is malformed or has no address.</exception>
    public static InterfaceAddress Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out Header header);
        IPAddress? address = null, local = null, broadcast = null;
        string? label = null;
        uint flags = header.Flags;
        byte protocol = 0;
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case IFA_ADDRESS: address = attributes.Address(); break;
                case IFA_LOCAL: local = attributes.Address(); break;
                case IFA_BROADCAST: broadcast = attributes.Address(); break;
                case IFA_LABEL: label = attributes.Text(); break;
                case IFA_FLAGS: flags = attributes.U32(); break;
                case IFA_PROTO: protocol = attributes.U8(); break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("address");
        return new InterfaceAddress
        {
            Link = (int)header.Index,
            // On a point-to-point link IFA_ADDRESS is the other end; without one both are equal, and IPv6 sends IFA_ADDRESS alone.
            Address = local ?? address ?? throw new NetlinkException("read address", "the message has none"),
            PrefixLength = header.PrefixLength,
            Peer = local is not null && address is not null && !local.Equals(address) ? address : null,
            Broadcast = broadcast,
            Flags = (AddressFlags)flags,
            Scope = header.Scope,
            Label = label,
            Protocol = protocol,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }

    internal void Write(MessageWriter writer)
    {
        if (PrefixLength is < 0 or > 128) // the header has a byte for it; the kernel checks the rest
            throw new ArgumentException($"{Address} has no prefix of {PrefixLength} bits");
        // Deprecation is a state that follows from the lifetimes (net/ipv6/addrconf.c), so these are what a request tells.
        var requested = Flags & ~AddressFlags.Deprecated;
        writer.Fixed(new Header
        {
            Family = (byte)RouteSocket.FamilyOf(Address),
            PrefixLength = (byte)PrefixLength,
            Flags = (byte)((uint)requested <= byte.MaxValue ? requested : 0), // more than eight bits go into IFA_FLAGS
            Scope = Scope,
            Index = (uint)Link,
        });
        writer.Address(IFA_LOCAL, Address);
        writer.Address(IFA_ADDRESS, Peer ?? Address);
        if (Broadcast is not null)
            writer.Address(IFA_BROADCAST, Broadcast);
        if (Label is not null)
            writer.Text(IFA_LABEL, Label);
        if (Flags.HasFlag(AddressFlags.Deprecated))
        {
            ReadOnlySpan<uint> lifetimes = [0, uint.MaxValue, 0, 0]; // struct ifa_cacheinfo: preferred, valid (all bits: for ever), and two time stamps
            writer.Bytes(IFA_CACHEINFO, MemoryMarshal.AsBytes(lifetimes));
        }

        if ((uint)requested > byte.MaxValue)
            writer.U32(IFA_FLAGS, (uint)requested);
        if (Protocol != 0)
            writer.U8(IFA_PROTO, Protocol);
        foreach (var attribute in Other)
        {
            if (attribute.Type != IFA_CACHEINFO) // holds time stamps of the kernel besides lifetimes
                writer.Bytes(attribute.Type, attribute.Payload.Span);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Header
    {
        internal byte Family;
        internal byte PrefixLength;
        internal byte Flags;
        internal byte Scope;
        internal uint Index;
    }
}

/// <summary>Address flags (IFA_F_*, include/uapi/linux/if_addr.h).</summary>
[Flags]
public enum AddressFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IFA_F_SECONDARY: not the first of its IPv4 network; for IPv6 a temporary address.</summary>
    Secondary = 1,

    /// <summary>IFA_F_NODAD: usable at once, without duplicate address detection.</summary>
    NoDuplicateDetection = 2,

    /// <summary>IFA_F_OPTIMISTIC: usable during duplicate address detection (RFC 4429).</summary>
    Optimistic = 4,

    /// <summary>IFA_F_DADFAILED: somebody else has it.</summary>
    DuplicateDetected = 8,

    /// <summary>IFA_F_DEPRECATED: valid, but not for new connections that may choose; in a request: valid for ever and never preferred. IPv6 only.</summary>
    Deprecated = 0x20,

    /// <summary>IFA_F_TENTATIVE: duplicate address detection goes on.</summary>
    Tentative = 0x40,

    /// <summary>IFA_F_PERMANENT: no lifetime.</summary>
    Permanent = 0x80,

    /// <summary>IFA_F_NOPREFIXROUTE: no connected route is made for it.</summary>
    NoPrefixRoute = 0x200,
}
