using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Impairments as queueing disciplines: a token bucket for the rate, below it early detection, below that netem for what else is wrong.</summary>
internal static class Shaping
{
    private static readonly TcHandle RootHandle = new(5, 0);
    private static readonly TcHandle BucketClass = new(5, 1);
    private static readonly TcHandle RedHandle = new(6, 0);
    private static readonly TcHandle RedClass = new(6, 1);

    // 10: to 1f:, for the kernel does not tell by which tables delays and slots vary; see HandleOf.
    private const ushort FirstNetem = 0x10;
    private const int Distributions = 4;

    /// <summary>Puts an impairment in place of what is at the root of a link; null takes it away.</summary>
    public static void Write(NetlinkBatch batch, Link link, Impairment? impairment)
    {
        batch.DeleteQdisc(link.Index, TcHandle.Root, tolerate: Tolerated.Anything); // ENOENT, or EINVAL for the kernel's own
        if (impairment is null)
            return;
        var parent = TcHandle.Root;
        if (impairment.Rate > 0)
        {
            batch.AddQdisc(link.Index, parent, RootHandle, Bucket(impairment.Rate, link.Mtu));
            parent = BucketClass;
        }

        if (impairment.Red != EarlyDetection.None)
        {
            batch.AddQdisc(link.Index, parent, RedHandle, Early(impairment));
            parent = RedClass;
        }

        if (impairment.Netem is { } netem)
            batch.AddQdisc(link.Index, parent, HandleOf(netem), netem);
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
                    return (new Impairment(Decode(root), 0), null);
                case Tbf.KindName:
                    var red = Below(root, Red.KindName);
                    var netem = Below(red ?? root, Netem.KindName);
                    return (new Impairment(netem is null ? null : Decode(netem), Tbf.Decode(root).Rate)
                    {
                        Red = red is null ? EarlyDetection.None : Red.Decode(red).Ecn ? EarlyDetection.Mark : EarlyDetection.Drop,
                    }, null);
                default:
                    return (null, root.Kind);
            }
        }

        return (null, null);

        Qdisc? Below(Qdisc above, string kind) => qdiscs.FirstOrDefault(each => each.Kind == kind && each.Parent.Major == above.Handle.Major);
    }

    private static TcHandle HandleOf(Netem netem) =>
        new((ushort)(FirstNetem + NumberOf(netem.Distribution) + (Distributions * NumberOf(netem.Slot?.Distribution))), 0);

    private static int NumberOf(NetemDistribution? distribution)
    {
        for (var i = 1; i < Distributions; i++)
        {
            if (NetemText.Distributions[i] == distribution)
                return i;
        }

        return 0;
    }

    private static Netem Decode(Qdisc qdisc)
    {
        var number = qdisc.Handle.Major - FirstNetem;
        // Others are somebody else's.
        return number is >= 0 and < Distributions * Distributions
            ? Netem.Decode(qdisc, NetemText.Distributions[number % Distributions], NetemText.Distributions[number / Distributions])
            : Netem.Decode(qdisc);
    }

    // mininet's measures: 20 packets at once, marked or dropped from 30 kB of them on, all of them at 35.
    private static Red Early(Impairment impairment) => new()
    {
        Limit = 1_000_000, Least = 30_000, Most = 35_000, AveragePacket = 1500, Burst = 20, Probability = 1, Rate = impairment.Rate, Ecn = impairment.Red == EarlyDetection.Mark,
    };

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
