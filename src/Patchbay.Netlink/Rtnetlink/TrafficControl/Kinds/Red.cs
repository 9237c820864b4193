using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Random early detection: the longer the queue is on average, the more packets are dropped, or marked, before it is full (net/sched/sch_red.c; tc-red(8)).</summary>
public sealed class Red : QdiscKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "red";

    // TCA_RED_*, include/uapi/linux/pkt_sched.h
    private const ushort TCA_RED_PARMS = 1;
    private const ushort TCA_RED_STAB = 2;
    private const ushort TCA_RED_MAX_P = 3;
    private const ushort TCA_RED_FLAGS = 4;
    private const uint TC_RED_ECN = 1;
    private const uint SupportedFlags = 0xf;

    // The average is a sum of 1/2^W parts, in a table of how much of it is left after some idle time; 31 is for nothing.
    private const int TableLength = 256;
    private const int Nothing = 31;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Bytes that may wait.</summary>
    public required uint Limit { get; init; }

    /// <summary>Average queue in bytes from which on packets are dropped.</summary>
    public required uint Least { get; init; }

    /// <summary>Average queue in bytes at which they are dropped with <see cref="Probability"/>.</summary>
    public required uint Most { get; init; }

    /// <summary>Bytes of an average packet; when the kernel is asked, it does not tell this and the next three.</summary>
    public uint AveragePacket { get; init; } = 1500;

    /// <summary>Packets that may come at once.</summary>
    public uint Burst { get; init; } = 20;

    /// <summary>Bytes a second that the link carries.</summary>
    public ulong Rate { get; init; } = 1_250_000;

    /// <summary>Share of packets that are dropped at <see cref="Most"/>, from 0 to 1.</summary>
    public double Probability { get; init; } = 0.02;

    /// <summary>Packets are marked instead, where their connection knows such marks (RFC 3168).</summary>
    public bool Ecn { get; init; }

    /// <summary>Reads the settings, as far as the kernel tells them.</summary>
    /// <param name="qdisc">A queueing discipline of kind <c>red</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static Red Decode(Qdisc qdisc)
    {
        ArgumentNullException.ThrowIfNull(qdisc);
        qdisc.ThrowIfNot(KindName);
        var parameters = default(Parameters);
        uint flags = 0;
        var options = new AttributeReader(qdisc.Options.Span);
        while (options.Next())
        {
            switch (options.Type)
            {
                case TCA_RED_PARMS: parameters = Netem.Struct<Parameters>(options.Payload); break;
                case TCA_RED_FLAGS: flags = Netem.Struct<FlagField>(options.Payload).Value; break;
            }
        }

        options.ThrowIfMalformed(KindName);
        return new Red { Limit = parameters.Limit, Least = parameters.Least, Most = parameters.Most, Ecn = ((parameters.Flags | flags) & TC_RED_ECN) != 0 };
    }

    internal override void WriteOptions(MessageWriter writer)
    {
        if (Least >= Most || Rate == 0 || Probability is <= 0 or > 1 || AveragePacket == 0)
            throw new InvalidOperationException($"{KindName}: expected least < most, a rate, a packet and a probability from 0 to 1, found {Least}, {Most}, {Rate}, {AveragePacket}, {Probability}");
        var weight = Weight();
        Span<byte> table = stackalloc byte[TableLength];
        var cell = FillTable(table, weight);
        using (writer.Enclosed(TcHeader.Options))
        {
            Netem.Struct(writer, TCA_RED_PARMS, new Parameters { Limit = Limit, Least = Least, Most = Most, Weight = weight, Slope = Slope(), CellLog = cell });
            writer.Bytes(TCA_RED_STAB, table);
            writer.U32(TCA_RED_MAX_P, unchecked((uint)(ulong)(Probability * 4294967296.0))); // 0 for 1: the kernel then goes by the slope
            Netem.Struct(writer, TCA_RED_FLAGS, new FlagField { Value = Ecn ? TC_RED_ECN : 0, Selector = SupportedFlags });
        }
    }

    // Floyd and Jacobson, "Random Early Detection gateways", 1993, section 6: a burst from an empty queue must not bring the average to Least.
    private byte Weight()
    {
        var excess = Burst + 1 - ((double)Least / AveragePacket);
        if (excess < 1)
            throw new InvalidOperationException($"{KindName}: expected a burst of at least {Least} bytes, which is {Math.Ceiling((double)Least / AveragePacket)} packets, found {Burst}");
        byte log = 1;
        for (var w = 0.5; log < 32 && excess > (1 - Math.Pow(1 - w, Burst)) / w; w /= 2)
            log++;
        return log;
    }

    // Probability for each byte between both limits, as a power of two.
    private byte Slope()
    {
        byte log = 0;
        for (var p = Probability / (Most - Least); p <= 1 && log < 32; p *= 2)
            log++;
        return log;
    }

    private byte FillTable(Span<byte> table, byte weight)
    {
        var packetTicks = Math.Floor(AveragePacket * 1e6 / Rate) * TcClock.TicksPerMicrosecondToday;
        var decay = -Math.Log(1 - (1.0 / (1 << weight))) / packetTicks;
        byte cell = 0;
        while (cell < 31 && Nothing / decay / (1L << cell) >= 512)
            cell++;
        table[0] = 0;
        for (var i = 1; i < TableLength - 1; i++)
            table[i] = (byte)Math.Min(((long)i << cell) * decay, Nothing);
        table[TableLength - 1] = Nothing;
        return cell;
    }

    // struct tc_red_qopt
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal uint Limit;
        internal uint Least;
        internal uint Most;
        internal byte Weight;
        internal byte Slope;
        internal byte CellLog;
        internal byte Flags;
    }

    // struct nla_bitfield32
    [StructLayout(LayoutKind.Sequential)]
    private struct FlagField
    {
        internal uint Value;
        internal uint Selector;
    }
}
