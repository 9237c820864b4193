using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>What the overlays of a host let through: tunnels that are up, by which packets of containers may reach other hosts.</summary>
internal static unsafe partial class OverlayMtu
{
    // Ethernet, IPv4 or IPv6, UDP and VXLAN or Geneve headers: include/net/vxlan.h, VXLAN_HEADROOM and VXLAN6_HEADROOM; include/net/geneve.h
    private const int UdpTunnelOverhead4 = 14 + 20 + 8 + 8;
    private const int UdpTunnelOverhead6 = 14 + 40 + 8 + 8;

    /// <summary>The smallest MTU of the overlays that are up and of the way out.</summary>
    /// <param name="host">The host.</param>
    /// <param name="wayOut">The MTU of the way out; 0 when there is none.</param>
    /// <returns>Bytes; 0 when there is neither.</returns>
    internal static int Limit(RouteSocket host, int wayOut)
    {
        var mtu = wayOut;
        // Asked of the kernel by kind, and only where the driver is there: for a kind that it does not know, it would list all links
        // (net/core/rtnetlink.c, link_kind_filtered), of which a host may have thousands. Drivers that are built in show up too, by their parameters.
        Consider("/sys/module/vxlan\0"u8, "vxlan");
        Consider("/sys/module/geneve\0"u8, "geneve");
        Consider("/sys/module/wireguard\0"u8, "wireguard");
        Consider("/sys/module/ipip\0"u8, "ipip");
        Consider("/sys/module/ip_gre\0"u8, "gre", "gretap");
        Consider("/sys/module/sit\0"u8, "sit");
        Consider("/sys/module/ip6_tunnel\0"u8, "ip6tnl");
        Consider("/sys/module/ip6_gre\0"u8, "ip6gre", "ip6gretap");
        Consider("/sys/module/ip_vti\0"u8, "vti");
        Consider("/sys/module/ip6_vti\0"u8, "vti6");
        Consider("/sys/module/xfrm_interface\0"u8, "xfrm");
        Consider("/sys/class/misc/tun\0"u8, Tun.KindName);
        return mtu;

        void Consider(ReadOnlySpan<byte> driver, params ReadOnlySpan<string> kinds)
        {
            if (!Exists(driver))
                return;
            foreach (var kind in kinds)
            {
                foreach (var link in host.ListLinks(kind))
                {
                    if (link.IsUp)
                        mtu = Smaller(mtu, Of(link, wayOut));
                }
            }
        }
    }

    /// <summary>The smaller of two, where 0 stands for none.</summary>
    internal static int Smaller(int one, int other) => one == 0 ? other : other == 0 ? one : Math.Min(one, other);

    /// <summary>What an overlay lets through.</summary>
    /// <param name="link">The device.</param>
    /// <param name="wayOut">The MTU of the host's way out; 0 when there is none.</param>
    /// <returns>Bytes; 0 when the device is no overlay.</returns>
    internal static int Of(Link link, int wayOut)
    {
        // Taps have Ethernet addresses: they are the cables of virtual machines, and their MTU is those machines' business.
        if (link.Kind == Tun.KindName && link.Address is not null)
            return 0;
        // The driver has taken its overhead off the MTU of the device below, if it knew it at creation. Else it has not.
        var overhead = link.Kind switch
        {
            "vxlan" => OfVxlan(link),
            "geneve" => OfGeneve(link),
            _ => 0,
        };
        if (overhead == 0)
            return link.Mtu;
        var below = wayOut == 0 && link.Mtu == HostMtu.KernelDefault ? HostMtu.KernelDefault : wayOut;
        return below <= overhead ? link.Mtu : Math.Min(link.Mtu, below - overhead);
    }

    // Twelve questions, whose answers mostly are no: by the system call itself, because Directory.Exists takes five times as long.
    private static bool Exists(ReadOnlySpan<byte> path)
    {
        fixed (byte* text = path)
            return access(text, 0) == 0;
    }

    [LibraryImport("libc")]
    private static partial int access(byte* path, int mode);

    private static int OfVxlan(Link link)
    {
        const ushort IFLA_VXLAN_LINK = 3, IFLA_VXLAN_GROUP6 = 16, IFLA_VXLAN_LOCAL6 = 17;
        var data = new AttributeReader(link.KindData.Span);
        var overhead = UdpTunnelOverhead4;
        while (data.Next())
        {
            if (data.Type == IFLA_VXLAN_LINK && data.U32() != 0)
                return 0;
            if (data.Type is IFLA_VXLAN_GROUP6 or IFLA_VXLAN_LOCAL6)
                overhead = UdpTunnelOverhead6;
        }

        return overhead;
    }

    // With a remote address the driver asks for the route to it; a device whose packets are told theirs one by one ("external") has none.
    private static int OfGeneve(Link link)
    {
        const ushort IFLA_GENEVE_COLLECT_METADATA = 6;
        var data = new AttributeReader(link.KindData.Span);
        while (data.Next())
        {
            if (data.Type == IFLA_GENEVE_COLLECT_METADATA)
                return UdpTunnelOverhead4;
        }

        return 0;
    }
}
