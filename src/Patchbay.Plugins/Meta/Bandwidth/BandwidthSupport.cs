using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>Whether the kernel has what the plugin needs, found out by making one of each where nobody sees it.</summary>
internal static class BandwidthSupport
{
    /// <summary>Tries everything in a namespace that is gone afterwards.</summary>
    /// <exception cref="CniException">Code 50: something is missing.</exception>
    internal static void Require()
    {
        try
        {
            using var netns = NetworkNamespace.Create();
            using var route = RouteSocket.Open(netns);
            var clock = TcClock.Read();
            Try(route, "ifb interfaces (CONFIG_IFB)", batch => batch.AddLink(new LinkSettings { Name = "ifb", Kind = new Ifb() }));
            var ifb = route.FindLink("ifb")!.Index;
            Try(route, "the queueing discipline tbf (CONFIG_NET_SCH_TBF)", batch => batch.AddQdisc(ifb, TcHandle.Root, Shaper.Handle, new Limit(8_000_000, 800_000).Bucket(clock)));
            Try(route, "the queueing discipline ingress (CONFIG_NET_SCH_INGRESS)", batch => batch.AddQdisc(ifb, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress()));
            Try(route, "the filter u32 or the action mirred (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)", batch => batch.AddFilter(ifb, TcHandle.IngressQdisc, Shaper.Priority, Shaper.RedirectTo(ifb)));
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"bandwidth: cannot try what the kernel has: {error.Message}", inner: error);
        }
    }

    private static void Try(RouteSocket route, string what, Action<NetlinkBatch> request)
    {
        var batch = new NetlinkBatch();
        request(batch);
        if (route.TryExecute(batch) is [var error, ..])
            throw new CniException(CniError.PluginNotAvailable, $"bandwidth: the kernel lacks {what}: {error.Message}", inner: error);
    }
}
