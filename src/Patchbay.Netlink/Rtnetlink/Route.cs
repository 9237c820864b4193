using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A route (struct rtmsg and RTA_*, include/uapi/linux/rtnetlink.h).</summary>
public sealed record Route
{
    /// <summary>RT_TABLE_MAIN.</summary>
    public const uint MainTable = 254;

    /// <summary>RT_TABLE_LOCAL.</summary>
    public const uint LocalTable = 255;

    private const ushort RTA_DST = 1;
    private const ushort RTA_OIF = 4;
    private const ushort RTA_PRIORITY = 6;
    private const ushort RTA_PREFSRC = 7;
    private const ushort RTA_METRICS = 8;
    private const ushort RTA_MULTIPATH = 9;
    private const ushort RTA_TABLE = 15;
    private const uint RTNH_F_REQUEST = 6; // RTNH_F_PERVASIVE and RTNH_F_ONLINK
    private const ushort RTAX_MTU = 2;
    private const ushort RTAX_ADVMSS = 8;

    /// <summary>IPv4 or IPv6.</summary>
    public required AddressFamily Family { get; init; }

    /// <summary>Where to; null is everything, the default route.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>The next hop, for an IPv4 route also an IPv6 one; null when the destination is on the link.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Index of the link; 0 when the kernel is to find it by the gateway.</summary>
    public int Link { get; init; }

    /// <summary>Name of the link, for texts only; the kernel is told <see cref="Link"/>.</summary>
    public string? LinkName { get; init; }

    /// <summary>Source address for packets that have none yet.</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>Routing table.</summary>
    public uint Table { get; init; } = MainTable;

    /// <summary>Metric; the smallest wins. 0 lets the kernel choose (IPv6: 1024).</summary>
    public uint Priority { get; init; }

    /// <summary>How far away the destination is.</summary>
    public RouteScope Scope { get; init; }

    /// <summary>RTPROT_*: who made it. 2 kernel, 3 boot, 4 static.</summary>
    public byte Protocol { get; init; } = 3;

    /// <summary>What happens to the packets.</summary>
    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>Path MTU in bytes; 0 for the link's.</summary>
    public uint Mtu { get; init; }

    /// <summary>Maximum segment size to announce to TCP peers, in bytes; 0 for the kernel's choice.</summary>
    public uint AdvertisedMss { get; init; }

    /// <summary>RTNH_F_* and RTM_F_*: 4 is onlink. Of these a request carries only onlink and pervasive.</summary>
    public uint Flags { get; init; }

    /// <summary>The next hops of a multipath route; empty for others.</summary>
    public IReadOnlyList<NextHop> NextHops { get; init; } = [];

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>The route as ip-route(8) words it.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        $"{Destination?.ToString() ?? "default"}{(Gateway is null ? "" : $" via {Gateway}")}{(Link == 0 ? "" : $" dev {LinkName ?? $"{Link}"}")}{(Priority == 0 ? "" : $" metric {Priority}")}{(Table == MainTable ? "" : $" table {Table}")}";

    /// <summary>Reads RTM_NEWROUTE or RTM_DELROUTE.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The route.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static Route Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out Header header);
        IPNetwork? destination = null;
        IPAddress? gateway = null, source = null;
        int link = 0;
        uint table = header.Table, priority = 0, mtu = 0, mss = 0;
        IReadOnlyList<NextHop> nextHops = [];
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case RTA_DST: destination = attributes.Network(header.DestinationLength); break;
                case NextHop.RTA_GATEWAY: gateway = attributes.Address(); break;
                case NextHop.RTA_VIA: gateway = NextHop.Via(attributes.Payload); break;
                case RTA_PREFSRC: source = attributes.Address(); break;
                case RTA_OIF: link = attributes.S32(); break;
                case RTA_TABLE: table = attributes.U32(); break;
                case RTA_PRIORITY: priority = attributes.U32(); break;
                case RTA_MULTIPATH: nextHops = NextHop.Decode(attributes.Payload); break;
                case RTA_METRICS:
                    var metrics = attributes.Nested();
                    while (metrics.Next())
                    {
                        switch (metrics.Type)
                        {
                            case RTAX_MTU: mtu = metrics.U32(); break;
                            case RTAX_ADVMSS: mss = metrics.U32(); break;
                        }
                    }

                    metrics.ThrowIfMalformed("route");
                    break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("route");
        return new Route
        {
            Family = (AddressFamily)header.Family,
            Destination = destination,
            Gateway = gateway,
            Link = link,
            PreferredSource = source,
            Table = table,
            Priority = priority,
            Scope = (RouteScope)header.Scope,
            Protocol = header.Protocol,
            Type = (RouteType)header.Type,
            Mtu = mtu,
            AdvertisedMss = mss,
            Flags = header.Flags,
            NextHops = nextHops,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }

    internal void Write(MessageWriter writer)
    {
        writer.Fixed(new Header
        {
            Family = (byte)Family,
            DestinationLength = (byte)(Destination?.PrefixLength ?? 0),
            Table = Table < 256 ? (byte)Table : (byte)0, // RT_TABLE_UNSPEC: RTA_TABLE has it
            Protocol = Protocol,
            Scope = (byte)Scope,
            Type = (byte)Type,
            Flags = Flags & RTNH_F_REQUEST, // the others are states that the kernel reports and refuses to be told
        });
        if (Destination is { PrefixLength: > 0 } destination)
            writer.Address(RTA_DST, destination.BaseAddress);
        if (Table >= 256)
            writer.U32(RTA_TABLE, Table);
        if (Gateway is not null)
            NextHop.WriteGateway(writer, Family, Gateway);
        if (PreferredSource is not null)
            writer.Address(RTA_PREFSRC, PreferredSource);
        if (Link != 0)
            writer.S32(RTA_OIF, Link);
        if (Priority != 0)
            writer.U32(RTA_PRIORITY, Priority);
        if (Mtu != 0 || AdvertisedMss != 0)
        {
            using (writer.Nested(RTA_METRICS))
            {
                if (Mtu != 0)
                    writer.U32(RTAX_MTU, Mtu);
                if (AdvertisedMss != 0)
                    writer.U32(RTAX_ADVMSS, AdvertisedMss);
            }
        }

        if (NextHops.Count > 0)
            NextHop.Write(writer, RTA_MULTIPATH, Family, NextHops);
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Header
    {
        internal byte Family;
        internal byte DestinationLength;
        internal byte SourceLength;
        internal byte Tos;
        internal byte Table;
        internal byte Protocol;
        internal byte Scope;
        internal byte Type;
        internal uint Flags;
    }
}

/// <summary>How far away a destination is (RT_SCOPE_*).</summary>
public enum RouteScope : byte
{
    /// <summary>RT_SCOPE_UNIVERSE: anywhere, through a gateway.</summary>
    Universe = 0,

    /// <summary>RT_SCOPE_SITE.</summary>
    Site = 200,

    /// <summary>RT_SCOPE_LINK: on the link.</summary>
    Link = 253,

    /// <summary>RT_SCOPE_HOST: on this host.</summary>
    Host = 254,

    /// <summary>RT_SCOPE_NOWHERE.</summary>
    Nowhere = 255,
}

/// <summary>What happens to packets on a route (RTN_*).</summary>
public enum RouteType : byte
{
    /// <summary>RTN_UNSPEC: any, in a deletion.</summary>
    Unspecified = 0,

    /// <summary>RTN_UNICAST: they are sent on.</summary>
    Unicast = 1,

    /// <summary>RTN_LOCAL: they are for this host.</summary>
    Local = 2,

    /// <summary>RTN_BROADCAST.</summary>
    Broadcast = 3,

    /// <summary>RTN_ANYCAST.</summary>
    Anycast = 4,

    /// <summary>RTN_MULTICAST.</summary>
    Multicast = 5,

    /// <summary>RTN_BLACKHOLE: they are dropped in silence.</summary>
    Blackhole = 6,

    /// <summary>RTN_UNREACHABLE: refused with an ICMP message.</summary>
    Unreachable = 7,

    /// <summary>RTN_PROHIBIT: refused as prohibited.</summary>
    Prohibit = 8,

    /// <summary>RTN_THROW: look in another table.</summary>
    Throw = 9,
}
