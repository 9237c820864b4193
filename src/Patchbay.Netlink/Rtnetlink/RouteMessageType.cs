namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Message types of rtnetlink (RTM_*, include/uapi/linux/rtnetlink.h).</summary>
internal static class RouteMessageType
{
    internal const ushort NewLink = 16;
    internal const ushort DeleteLink = 17;
    internal const ushort GetLink = 18;
    internal const ushort SetLink = 19;
    internal const ushort NewAddress = 20;
    internal const ushort DeleteAddress = 21;
    internal const ushort GetAddress = 22;
    internal const ushort NewRoute = 24;
    internal const ushort DeleteRoute = 25;
    internal const ushort GetRoute = 26;
    internal const ushort NewNeighbour = 28;
    internal const ushort DeleteNeighbour = 29;
    internal const ushort GetNeighbour = 30;
    internal const ushort NewRule = 32;
    internal const ushort DeleteRule = 33;
    internal const ushort GetRule = 34;
    internal const ushort NewQdisc = 36;
    internal const ushort DeleteQdisc = 37;
    internal const ushort GetQdisc = 38;
    internal const ushort NewClass = 40;
    internal const ushort DeleteClass = 41;
    internal const ushort GetClass = 42;
    internal const ushort NewFilter = 44;
    internal const ushort DeleteFilter = 45;
    internal const ushort GetFilter = 46;
    internal const ushort NewNamespaceId = 88;
    internal const ushort GetNamespaceId = 90;
    internal const ushort NewLinkProperty = 108;
    internal const ushort DeleteLinkProperty = 109;
}

/// <summary>Address families of rtnetlink messages (AF_*).</summary>
public enum AddressFamily : byte
{
    /// <summary>AF_UNSPEC: any.</summary>
    Unspecified = 0,

    /// <summary>AF_INET.</summary>
    IPv4 = 2,

    /// <summary>AF_BRIDGE: bridge ports and their VLANs.</summary>
    Bridge = 7,

    /// <summary>AF_INET6.</summary>
    IPv6 = 10,
}
