using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link as bad as wished: delay, loss, duplicates, disorder, damage, a low rate (net/sched/sch_netem.c; tc-netem(8)).</summary>
/// <remarks>Shares of packets, and correlations with the packet before, are from 0 to 1.</remarks>
public sealed class Netem : QdiscKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "netem";

    // TCA_NETEM_*, include/uapi/linux/pkt_sched.h
    private const ushort TCA_NETEM_CORR = 1;
    private const ushort TCA_NETEM_DELAY_DIST = 2;
    private const ushort TCA_NETEM_REORDER = 3;
    private const ushort TCA_NETEM_CORRUPT = 4;
    private const ushort TCA_NETEM_LOSS = 5;
    private const ushort TCA_NETEM_RATE = 6;
    private const ushort TCA_NETEM_ECN = 7;
    private const ushort TCA_NETEM_RATE64 = 8;
    private const ushort TCA_NETEM_LATENCY64 = 10;
    private const ushort TCA_NETEM_JITTER64 = 11;
    private const ushort TCA_NETEM_SLOT = 12;
    private const ushort TCA_NETEM_SLOT_DIST = 13;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>How long each packet takes longer.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>By how much the delay varies, up or down.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>How much a packet's delay depends on that of the one before.</summary>
    public double DelayCorrelation { get; init; }

    /// <summary>How the delay varies; null for evenly. The kernel does not tell it again.</summary>
    public NetemDistribution? Distribution { get; init; }

    /// <summary>Share of packets that are lost.</summary>
    public double Loss { get; init; }

    /// <summary>How much a loss depends on the one before.</summary>
    public double LossCorrelation { get; init; }

    /// <summary>Losses that come in bursts, in place of <see cref="Loss"/>.</summary>
    public NetemLoss? LossModel { get; init; }

    /// <summary>Packets that would be lost are marked instead, where their connection knows such marks (RFC 3168).</summary>
    public bool Ecn { get; init; }

    /// <summary>Share of packets that arrive twice.</summary>
    public double Duplicate { get; init; }

    /// <summary>How much a duplicate depends on the one before.</summary>
    public double DuplicateCorrelation { get; init; }

    /// <summary>Share of packets that are sent at once and so overtake the delayed ones.</summary>
    public double Reorder { get; init; }

    /// <summary>How much that depends on the packet before.</summary>
    public double ReorderCorrelation { get; init; }

    /// <summary>Every so many packets one may overtake; 0 for each where <see cref="Reorder"/> is set.</summary>
    public uint Gap { get; init; }

    /// <summary>Share of packets with a wrong bit.</summary>
    public double Corrupt { get; init; }

    /// <summary>How much damage depends on that of the packet before.</summary>
    public double CorruptCorrelation { get; init; }

    /// <summary>Bytes a second; 0 for no limit.</summary>
    public ulong Rate { get; init; }

    /// <summary>Bytes that each packet counts more, or less, than it has.</summary>
    public int RateOverhead { get; init; }

    /// <summary>Bytes of a cell, of which packets take whole ones; 0 for none.</summary>
    public uint CellSize { get; init; }

    /// <summary>Bytes that each cell counts more.</summary>
    public int CellOverhead { get; init; }

    /// <summary>Packets that leave in bunches; null for when they are due.</summary>
    public NetemSlot? Slot { get; init; }

    /// <summary>Packets that may wait; a delay at a high rate needs many.</summary>
    public uint Limit { get; init; } = 1000;

    /// <summary>Reads the settings.</summary>
    /// <param name="qdisc">A queueing discipline of kind <c>netem</c>.</param>
    /// <param name="distribution">What the kernel does not tell: its <see cref="Distribution"/>, if the caller knows.</param>
    /// <param name="slotDistribution">Likewise that of its <see cref="Slot"/>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static Netem Decode(Qdisc qdisc, NetemDistribution? distribution = null, NetemDistribution? slotDistribution = null)
    {
        ArgumentNullException.ThrowIfNull(qdisc);
        qdisc.ThrowIfNot(KindName);
        var options = qdisc.Options.Span;
        var parameters = Struct<Parameters>(options);
        var correlations = default(Correlations);
        Chance reorder = default, corrupt = default;
        var perPacket = default(RateParameters);
        ulong rate = 0;
        NetemLoss? model = null;
        NetemSlot? slot = null;
        var ecn = false;
        long? delay = null, jitter = null;
        var attributes = new AttributeReader(options[Unsafe.SizeOf<Parameters>()..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case TCA_NETEM_CORR: correlations = Struct<Correlations>(attributes.Payload); break;
                case TCA_NETEM_REORDER: reorder = Struct<Chance>(attributes.Payload); break;
                case TCA_NETEM_CORRUPT: corrupt = Struct<Chance>(attributes.Payload); break;
                case TCA_NETEM_LOSS: model = NetemLoss.Decode(attributes.Nested()); break;
                case TCA_NETEM_RATE: perPacket = Struct<RateParameters>(attributes.Payload); break;
                case TCA_NETEM_ECN: ecn = attributes.U32() != 0; break;
                case TCA_NETEM_RATE64: rate = attributes.U64(); break;
                case TCA_NETEM_LATENCY64: delay = (long)attributes.U64(); break;
                case TCA_NETEM_JITTER64: jitter = (long)attributes.U64(); break;
                case TCA_NETEM_SLOT: slot = NetemSlot.Decode(attributes.Payload); break;
            }
        }

        attributes.ThrowIfMalformed(KindName);
        return new Netem
        {
            Delay = Time(delay, parameters.Latency),
            Jitter = Time(jitter, parameters.Jitter),
            DelayCorrelation = Share(correlations.Delay),
            Distribution = distribution,
            Loss = Share(parameters.Loss),
            LossCorrelation = Share(correlations.Loss),
            LossModel = model,
            Ecn = ecn,
            Duplicate = Share(parameters.Duplicate),
            DuplicateCorrelation = Share(correlations.Duplicate),
            Reorder = Share(reorder.Probability),
            ReorderCorrelation = Share(reorder.Correlation),
            Gap = parameters.Gap,
            Corrupt = Share(corrupt.Probability),
            CorruptCorrelation = Share(corrupt.Correlation),
            Rate = Math.Max(rate, perPacket.BytesPerSecond),
            RateOverhead = perPacket.PacketOverhead,
            CellSize = perPacket.CellSize,
            CellOverhead = perPacket.CellOverhead,
            Slot = slot is null || slotDistribution is null ? slot : slot with { Distribution = slotDistribution },
            Limit = parameters.Limit,
        };
    }

    internal override void WriteOptions(MessageWriter writer)
    {
        using (writer.Enclosed(TcHeader.Options))
        {
            writer.Fixed(new Parameters
            {
                Latency = Ticks(Delay),
                Limit = Limit,
                Loss = Number(Loss),
                Gap = Gap == 0 && Reorder > 0 ? 1 : Gap,
                Duplicate = Number(Duplicate),
                Jitter = Ticks(Jitter),
            });
            if (DelayCorrelation != 0 || LossCorrelation != 0 || DuplicateCorrelation != 0)
                Struct(writer, TCA_NETEM_CORR, new Correlations { Delay = Number(DelayCorrelation), Loss = Number(LossCorrelation), Duplicate = Number(DuplicateCorrelation) });
            if (Reorder != 0)
                Struct(writer, TCA_NETEM_REORDER, new Chance { Probability = Number(Reorder), Correlation = Number(ReorderCorrelation) });
            if (Corrupt != 0)
                Struct(writer, TCA_NETEM_CORRUPT, new Chance { Probability = Number(Corrupt), Correlation = Number(CorruptCorrelation) });
            if (Ecn)
                writer.U32(TCA_NETEM_ECN, 1);
            if (LossModel is not null)
            {
                using (writer.Nested(TCA_NETEM_LOSS))
                    LossModel.Write(writer);
            }

            if (Rate > uint.MaxValue)
                writer.U64(TCA_NETEM_RATE64, Rate);
            if (Rate != 0)
                Struct(writer, TCA_NETEM_RATE, new RateParameters { BytesPerSecond = (uint)Math.Min(Rate, uint.MaxValue), PacketOverhead = RateOverhead, CellSize = CellSize, CellOverhead = CellOverhead });
            // Nanoseconds where ticks do not do: above 274 s, which older kernels cannot (before 4.15).
            if (Ticks(Delay) == uint.MaxValue)
                writer.U64(TCA_NETEM_LATENCY64, (ulong)Delay.Ticks * 100);
            if (Ticks(Jitter) == uint.MaxValue)
                writer.U64(TCA_NETEM_JITTER64, (ulong)Jitter.Ticks * 100);
            Slot?.Write(writer, TCA_NETEM_SLOT, TCA_NETEM_SLOT_DIST);
            if (Distribution is not null)
                Table(writer, TCA_NETEM_DELAY_DIST, Distribution);
        }
    }

    // netem is younger than the clock of today.
    private static uint Ticks(TimeSpan time) => time >= TimeSpan.Zero
        ? (uint)Math.Min(time.TotalMicroseconds * TcClock.TicksPerMicrosecondToday, uint.MaxValue)
        : throw new ArgumentOutOfRangeException(nameof(time), time, "a delay is not negative");

    private static TimeSpan Time(long? nanoseconds, uint ticks) =>
        nanoseconds is { } exact ? TimeSpan.FromTicks(exact / 100) : TimeSpan.FromMicroseconds(ticks / TcClock.TicksPerMicrosecondToday);

    internal static uint Number(double share) => share is >= 0 and <= 1
        ? (uint)Math.Round(share * uint.MaxValue)
        : throw new ArgumentOutOfRangeException(nameof(share), share, "a share is from 0 to 1");

    internal static double Share(uint number) => (double)number / uint.MaxValue;

    internal static void Table(MessageWriter writer, ushort attribute, NetemDistribution distribution) => writer.Bytes(attribute, MemoryMarshal.AsBytes<short>(distribution.Table.ToArray()));

    internal static void Struct<T>(MessageWriter writer, ushort attribute, in T value)
        where T : unmanaged => writer.Bytes(attribute, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    internal static T Struct<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged => MemoryMarshal.TryRead(bytes, out T value) ? value : throw new NetlinkException($"read {KindName}", $"malformed message: {bytes.Length} bytes");

    // struct tc_netem_qopt
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal uint Latency;
        internal uint Limit;
        internal uint Loss;
        internal uint Gap;
        internal uint Duplicate;
        internal uint Jitter;
    }

    // struct tc_netem_corr
    [StructLayout(LayoutKind.Sequential)]
    private struct Correlations
    {
        internal uint Delay;
        internal uint Loss;
        internal uint Duplicate;
    }

    // struct tc_netem_reorder and tc_netem_corrupt
    [StructLayout(LayoutKind.Sequential)]
    private struct Chance
    {
        internal uint Probability;
        internal uint Correlation;
    }

    // struct tc_netem_rate
    [StructLayout(LayoutKind.Sequential)]
    private struct RateParameters
    {
        internal uint BytesPerSecond;
        internal int PacketOverhead;
        internal uint CellSize;
        internal int CellOverhead;
    }
}
