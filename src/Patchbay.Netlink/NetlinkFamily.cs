namespace Patchbay.Netlink;

/// <summary>The netlink protocols that this library speaks (include/uapi/linux/netlink.h).</summary>
public enum NetlinkFamily
{
    /// <summary>NETLINK_ROUTE: links, addresses, routes, rules, neighbours, traffic control; rtnetlink(7).</summary>
    Route = 0,

    /// <summary>NETLINK_NETFILTER: nf_tables and conntrack.</summary>
    Netfilter = 12,

    /// <summary>NETLINK_GENERIC: families with names, such as ethtool.</summary>
    Generic = 16,
}
