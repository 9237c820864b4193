using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Losses of <see cref="Netem"/> that come in bursts (TCA_NETEM_LOSS). Shares are from 0 to 1.</summary>
public abstract record NetemLoss
{
    // NETEM_LOSS_*, include/uapi/linux/pkt_sched.h
    private const ushort NETEM_LOSS_GI = 1;
    private const ushort NETEM_LOSS_GE = 2;

    private protected NetemLoss()
    {
    }

    /// <summary>Reads the model; null for one that this library does not know.</summary>
    internal static NetemLoss? Decode(AttributeReader attributes)
    {
        NetemLoss? loss = null;
        while (attributes.Next())
        {
            if (attributes.Type == NETEM_LOSS_GI)
            {
                var (p13, p31, p32, p14, p23) = Netem.Struct<States>(attributes.Payload);
                loss = new FourStateLoss(Netem.Share(p13)) { P31 = Netem.Share(p31), P32 = Netem.Share(p32), P23 = Netem.Share(p23), P14 = Netem.Share(p14) };
            }
            else if (attributes.Type == NETEM_LOSS_GE)
            {
                var (p, r, h, k1) = Netem.Struct<Chances>(attributes.Payload);
                loss = new GilbertElliottLoss(Netem.Share(p)) { R = Netem.Share(r), OneMinusH = 1 - Netem.Share(h), OneMinusK = Netem.Share(k1) };
            }
        }

        attributes.ThrowIfMalformed("netem's losses");
        return loss;
    }

    internal void Write(MessageWriter writer)
    {
        switch (this)
        {
            case FourStateLoss four:
                Netem.Struct(writer, NETEM_LOSS_GI, new States(Netem.Number(four.P13), Netem.Number(four.P31), Netem.Number(four.P32), Netem.Number(four.P14), Netem.Number(four.P23)));
                break;
            case GilbertElliottLoss gilbert:
                // "1-h" is what people say, and h what the kernel wants.
                Netem.Struct(writer, NETEM_LOSS_GE, new Chances(Netem.Number(gilbert.P), Netem.Number(gilbert.R), uint.MaxValue - Netem.Number(gilbert.OneMinusH), Netem.Number(gilbert.OneMinusK)));
                break;
        }
    }

    // struct tc_netem_gimodel
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct States(uint P13, uint P31, uint P32, uint P14, uint P23);

    // struct tc_netem_gemodel
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Chances(uint P, uint R, uint H, uint K1);
}

/// <summary>Markov's chain of four states: 1 good, 2 good within a burst, 3 burst of losses, 4 single loss; <c>loss state</c> of tc-netem(8).</summary>
/// <param name="P13">From good to a burst.</param>
public sealed record FourStateLoss(double P13) : NetemLoss
{
    /// <summary>From a burst to good.</summary>
    public double P31 { get; init; } = 1 - P13;

    /// <summary>Within a burst, from losses to good.</summary>
    public double P32 { get; init; }

    /// <summary>Within a burst, from good to losses.</summary>
    public double P23 { get; init; } = 1;

    /// <summary>From good to a single loss.</summary>
    public double P14 { get; init; }
}

/// <summary>Gilbert's and Elliott's chain of a good and a bad state; <c>loss gemodel</c> of tc-netem(8).</summary>
/// <param name="P">From good to bad.</param>
public sealed record GilbertElliottLoss(double P) : NetemLoss
{
    /// <summary>From bad to good.</summary>
    public double R { get; init; } = 1 - P;

    /// <summary>Share of packets lost in the bad state, 1-h.</summary>
    public double OneMinusH { get; init; } = 1;

    /// <summary>Share of packets lost in the good state, 1-k.</summary>
    public double OneMinusK { get; init; }
}
