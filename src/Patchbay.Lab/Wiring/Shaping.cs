using Patchbay.Lab.Plan;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Impairments as queueing disciplines: a token bucket for the rate, with netem below it for what else is wrong.</summary>
internal static class Shaping
{
    private static readonly TcHandle RootHandle = new(5, 0);
    private static readonly TcHandle BucketClass = new(5, 1);
    private static readonly TcHandle ChildHandle = new(10, 0);

    /// <summary>Puts an impairment in place of what is at the root of a link; null takes it away.</summary>
    public static void Write(NetlinkBatch batch, Link link, Impairment? impairment)
    {
        batch.DeleteQdisc(link.Index, TcHandle.Root, tolerate: Tolerated.Anything); // ENOENT, or EINVAL for the kernel's own
        if (impairment is null)
            return;
        if (impairment.Rate == 0)
        {
            batch.AddQdisc(link.Index, TcHandle.Root, ChildHandle, impairment.Netem!);
            return;
        }

        batch.AddQdisc(link.Index, TcHandle.Root, RootHandle, Bucket(impairment.Rate, link.Mtu));
        if (impairment.Netem is not null)
            batch.AddQdisc(link.Index, BucketClass, ChildHandle, impairment.Netem);
    }

    /// <summary>The impairment among the queueing disciplines of one link, or the kind of what is at the root instead.</summary>
    public static (Impairment? Impairment, string? Other) Read(IReadOnlyList<Qdisc> qdiscs)
    {
        foreach (var root in qdiscs)
        {
            if (root.Parent != TcHandle.Root || root.Kind is "noqueue" or "pfifo_fast" or "fq_codel" or "mq" or "noop")
                continue;
            switch (root.Kind)
            {
                case Netem.KindName:
                    return (new Impairment(Netem.Decode(root), 0), null);
                case Tbf.KindName:
                    var child = qdiscs.FirstOrDefault(each => each.Kind == Netem.KindName && each.Parent.Major == root.Handle.Major);
                    return (new Impairment(child is null ? null : Netem.Decode(child), Tbf.Decode(root).Rate), null);
                default:
                    return (null, root.Kind);
            }
        }

        return (null, null);
    }

    // A burst of 10 ms, or of one packet of the largest size (the kernel drops what is larger than the bucket); 50 ms may wait.
    private static Tbf Bucket(ulong rate, int mtu)
    {
        const double LinkHeader = 64;
        var burst = Math.Max(rate / 100.0, mtu + LinkHeader);
        return new Tbf
        {
            Rate = rate,
            Buffer = (uint)Math.Min(burst / rate * 1e6 * TicksPerMicrosecond, uint.MaxValue),
            Limit = (uint)Math.Min(burst + (rate / 20.0), uint.MaxValue),
        };
    }

    // PSCHED_SHIFT of every kernel since 2.6.31: 64 ns.
    private const double TicksPerMicrosecond = 15.625;
}
