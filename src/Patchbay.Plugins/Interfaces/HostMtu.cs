using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The MTU for interfaces that have no device below them to take it from: what the host can send on without fragments. docs/mtu.md.</summary>
internal sealed class HostMtu
{
    // RFC 8200, 5: links with less must fragment below IPv6, and the kernel takes IPv6 off them.
    private const int LeastDetected = 1280;

    /// <summary>What the kernel gives an Ethernet device that is told nothing (ETH_DATA_LEN, include/uapi/linux/if_ether.h).</summary>
    internal const int KernelDefault = 1500;

    // ETH_MIN_MTU, ETH_MAX_MTU
    private const int Least = 68;
    private const int Most = 65535;

    // Servers of the DNS root: addresses on the Internet that no site uses itself. Nothing is sent to them.
    private static IPAddress Far4 => new([198, 41, 0, 4]);

    private static IPAddress Far6 => new([0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0x30]);

    private Route? _route4;
    private Route? _route6;

    /// <summary>Asks for the host's ways out, in a batch that may ask for other things too.</summary>
    /// <param name="batch">The batch.</param>
    internal HostMtu(NetlinkBatch batch)
    {
        // A lookup costs the same on a host of any size; a list of the routes does not. It follows rules, too: VPNs route by them.
        batch.GetRoute(Far4, route => _route4 = route, Tolerated.Anything);
        batch.GetRoute(Far6, route => _route6 = route, Tolerated.Anything);
    }

    /// <summary>The configured overhead: the key <c>mtuOverhead</c>.</summary>
    /// <param name="root">The configuration.</param>
    /// <returns>Bytes; 0 when none is configured.</returns>
    /// <exception cref="CniException">It is no number of bytes.</exception>
    internal static int ReadOverhead(JsonView root) => (int)(root.Integer("mtuOverhead", 0, Most - Least) ?? 0);

    /// <summary>Chooses the MTU of a new interface.</summary>
    /// <param name="host">The host.</param>
    /// <param name="configured">The key <c>mtu</c>, which wins; 0 when there is none.</param>
    /// <param name="overhead">What an encapsulation takes that is not visible as a device.</param>
    /// <returns>Bytes; 0 to leave it to the kernel.</returns>
    /// <exception cref="CniException">The overhead leaves no room for packets.</exception>
    internal static int Choose(RouteSocket host, int configured, int overhead)
    {
        if (configured != 0)
            return configured;
        var batch = new NetlinkBatch();
        var question = new HostMtu(batch);
        host.Execute(batch);
        return question.Answer(host, overhead);
    }

    /// <summary>Chooses the MTU, once the batch of the question has been carried out.</summary>
    /// <param name="host">The host.</param>
    /// <param name="overhead">What an encapsulation takes that is not visible as a device.</param>
    /// <returns>Bytes; 0 to leave it to the kernel.</returns>
    /// <exception cref="CniException">The overhead leaves no room for packets.</exception>
    internal int Answer(RouteSocket host, int overhead)
    {
        var learned = OverlayMtu.Limit(host, WayOut(host));
        if (learned != 0)
            learned = Math.Clamp(learned, LeastDetected, Most);
        if (overhead == 0)
            return learned;
        var mtu = (learned == 0 ? KernelDefault : learned) - overhead;
        return mtu >= Least ? mtu
            : throw new CniException(CniError.InvalidNetworkConfig, $"\"mtuOverhead\" is {overhead}, which leaves {mtu} of the host's {mtu + overhead} bytes: an MTU is at least {Least}; make it smaller, or set \"mtu\"");
    }

    /// <summary>The MTU beside the other ports of a bridge, which may lie on a smaller network than the host's way out.</summary>
    /// <param name="mtu">The MTU chosen; 0 for none.</param>
    /// <param name="configured">The key <c>mtu</c>, which wins; 0 when there is none.</param>
    /// <param name="bridge">An existing bridge.</param>
    /// <returns>Bytes; 0 to leave it to the kernel.</returns>
    internal static int Beside(int mtu, int configured, Link bridge)
    {
        if (configured != 0 || mtu <= bridge.Mtu)
            return mtu;
        // A bridge without ports falls back to the default, and grows with its first port (net/bridge/br_if.c, br_mtu_auto_adjust);
        // one with ports has a carrier. Another number was set by somebody.
        return bridge.Flags.HasFlag(LinkFlags.LowerUp) || bridge.Mtu != KernelDefault ? bridge.Mtu : mtu;
    }

    // The smallest MTU of the devices and of the routes themselves; 0 without a way out.
    private int WayOut(RouteSocket host)
    {
        List<int>? devices = null;
        var mtu = 0;
        Consider(_route4);
        Consider(_route6);
        if (devices is null)
            return 0;
        var batch = new NetlinkBatch();
        foreach (var device in devices)
        {
            batch.GetLink(
                device,
                link => mtu = OverlayMtu.Smaller(mtu, link.Flags.HasFlag(LinkFlags.Loopback) ? 0 : link.Mtu),
                Tolerated.Missing); // gone since the lookup
        }

        host.Execute(batch);
        return mtu;

        void Consider(Route? route)
        {
            if (route is null)
                return;
            mtu = OverlayMtu.Smaller(mtu, (int)Math.Min(route.Mtu, Most));
            Add(route.Link);
            foreach (var hop in route.NextHops)
                Add(hop.Link);
        }

        void Add(int device)
        {
            devices ??= [];
            if (device != 0 && !devices.Contains(device))
                devices.Add(device);
        }
    }
}
