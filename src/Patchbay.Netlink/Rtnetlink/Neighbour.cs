using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An entry of the neighbour table (ARP, NDP) or of a bridge's forwarding table (struct ndmsg and NDA_*, include/uapi/linux/neighbour.h).</summary>
public sealed record Neighbour
{
    /// <summary>NTF_SELF: an entry of the link's own table, such as a tunnel's.</summary>
    public const byte Self = 2;

    /// <summary>NTF_MASTER: an entry of the bridge to which the link belongs.</summary>
    public const byte InMaster = 4;

    private const ushort NDA_DST = 1;
    private const ushort NDA_LLADDR = 2;
    private const ushort NDA_VLAN = 5;
    private const ushort NDA_MASTER = 9;

    /// <summary>IPv4, IPv6, or Bridge for the forwarding table.</summary>
    public required AddressFamily Family { get; init; }

    /// <summary>Index of the link.</summary>
    public required int Link { get; init; }

    /// <summary>The neighbour's IP address; for a forwarding entry of a tunnel the remote end.</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>The neighbour's Ethernet address; null while it is being looked for.</summary>
    public MacAddress? Address { get; init; }

    /// <summary>NUD_*.</summary>
    public NeighbourState State { get; init; } = NeighbourState.Permanent;

    /// <summary>NTF_*: <see cref="Self"/>, <see cref="InMaster"/>, 8 proxy, 16 external.</summary>
    public byte Flags { get; init; }

    /// <summary>VLAN of a forwarding entry; null for none.</summary>
    public ushort? Vlan { get; init; }

    /// <summary>Index of the bridge of a forwarding entry; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>The entry as ip-neighbour(8) words it.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Destination?.ToString() ?? Address?.ToString()} dev {Link}";

    /// <summary>Reads RTM_NEWNEIGH or RTM_DELNEIGH.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static Neighbour Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out Header header);
        IPAddress? destination = null;
        MacAddress? address = null;
        ushort? vlan = null;
        var master = 0;
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NDA_DST: destination = attributes.Address(); break;
                case NDA_LLADDR when attributes.Payload.Length == 6: address = MacAddress.FromBytes(attributes.Payload); break;
                case NDA_VLAN: vlan = attributes.U16(); break;
                case NDA_MASTER: master = attributes.S32(); break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("neighbour");
        return new Neighbour
        {
            Family = (AddressFamily)header.Family,
            Link = header.Index,
            Destination = destination,
            Address = address,
            State = (NeighbourState)header.State,
            Flags = header.Flags,
            Vlan = vlan,
            Master = master,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }

    internal void Write(MessageWriter writer)
    {
        writer.Fixed(new Header { Family = (byte)Family, Index = Link, State = (ushort)State, Flags = Flags });
        if (Destination is not null)
            writer.Address(NDA_DST, Destination);
        if (Address is { } address)
        {
            Span<byte> bytes = stackalloc byte[6];
            address.CopyTo(bytes);
            writer.Bytes(NDA_LLADDR, bytes);
        }

        if (Vlan is { } vlan)
            writer.U16(NDA_VLAN, vlan);
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Header
    {
        internal byte Family;
        internal byte Pad1;
        internal ushort Pad2;
        internal int Index;
        internal ushort State;
        internal byte Flags;
        internal byte Type;
    }
}

/// <summary>State of a neighbour entry (NUD_*).</summary>
[Flags]
public enum NeighbourState : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>NUD_INCOMPLETE: being looked for.</summary>
    Incomplete = 1,

    /// <summary>NUD_REACHABLE.</summary>
    Reachable = 2,

    /// <summary>NUD_STALE: to be checked at the next use.</summary>
    Stale = 4,

    /// <summary>NUD_DELAY.</summary>
    Delay = 8,

    /// <summary>NUD_PROBE.</summary>
    Probe = 0x10,

    /// <summary>NUD_FAILED: nobody answered.</summary>
    Failed = 0x20,

    /// <summary>NUD_NOARP: needs no resolution.</summary>
    NoArp = 0x40,

    /// <summary>NUD_PERMANENT: set by the administrator.</summary>
    Permanent = 0x80,
}
