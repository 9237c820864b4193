using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>The limits of both directions, as seen from the container: ingress is what it receives.</summary>
/// <param name="Ingress">What it receives; null for no limit.</param>
/// <param name="Egress">What it sends; null for no limit.</param>
internal sealed record BandwidthLimits(Limit? Ingress, Limit? Egress)
{
    private const int EthernetHeader = 14;

    internal bool Any => Ingress is not null || Egress is not null;

    /// <summary>Reads the four keys: the configuration's own, if it has any of them, else the capability's.</summary>
    /// <exception cref="CniException">Code 7: they contradict each other or are out of range; 999: one is no number.</exception>
    internal static BandwidthLimits Read(NetworkConfig config)
    {
        var root = config.Root;
        var own = root.Has("ingressRate") || root.Has("ingressBurst") || root.Has("egressRate") || root.Has("egressBurst");
        if ((own ? root : config.RuntimeConfig?.Object("bandwidth")) is not { } view)
            return new BandwidthLimits(null, null);
        return new BandwidthLimits(Limit.Read(view, "ingressRate", "ingressBurst"), Limit.Read(view, "egressRate", "egressBurst"));
    }

    /// <summary>Tells of a burst that no packet of full size fits into: such packets are dropped, always (net/sched/sch_tbf.c, tbf_enqueue).</summary>
    internal void Warn(PluginRequest request, int mtu)
    {
        Warn("ingressBurst", Ingress);
        Warn("egressBurst", Egress);

        void Warn(string key, Limit? limit)
        {
            if (limit is { } given && given.BurstBytes < (uint)(mtu + EthernetHeader))
            {
                PluginHost.Note(request.Environment,
                    $"bandwidth: \"{key}\" is {given.Burst} bits ({given.BurstBytes} bytes), less than a packet of the MTU {mtu}: packets of that size will never pass; at least {(mtu + EthernetHeader) * 8L} bits are needed");
            }
        }
    }
}
