namespace Patchbay.Netlink.Netfilter;

/// <summary>The packet families in which tables live (NFPROTO_*, include/uapi/linux/netfilter.h).</summary>
public enum NftFamily : byte
{
    /// <summary>NFPROTO_UNSPEC: in listings, all families.</summary>
    Unspecified = 0,

    /// <summary>NFPROTO_INET: IPv4 and IPv6 together.</summary>
    Inet = 1,

    /// <summary>NFPROTO_IPV4.</summary>
    Ip = 2,

    /// <summary>NFPROTO_ARP.</summary>
    Arp = 3,

    /// <summary>NFPROTO_NETDEV: ingress and egress of one device.</summary>
    Netdev = 5,

    /// <summary>NFPROTO_BRIDGE: frames that cross a bridge.</summary>
    Bridge = 7,

    /// <summary>NFPROTO_IPV6.</summary>
    Ip6 = 10,
}

internal static class NftFamilyText
{
    /// <summary>The family as nft(8) writes it.</summary>
    internal static string Word(this NftFamily family) => family switch
    {
        NftFamily.Inet => "inet",
        NftFamily.Ip => "ip",
        NftFamily.Arp => "arp",
        NftFamily.Netdev => "netdev",
        NftFamily.Bridge => "bridge",
        NftFamily.Ip6 => "ip6",
        _ => "any",
    };
}
