using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Packets of <see cref="Netem"/> that leave in bunches, as from a medium that is shared in time (TCA_NETEM_SLOT): radio, DOCSIS.</summary>
public sealed record NetemSlot
{
    /// <summary>Least time from one bunch to the next; null where <see cref="Distribution"/> says how long it is.</summary>
    public TimeSpan Least { get; init; }

    /// <summary>Most time; that in between is spread evenly.</summary>
    public TimeSpan Most { get; init; }

    /// <summary>Packets of one bunch; 0 for no limit.</summary>
    public int Packets { get; init; }

    /// <summary>Bytes of one bunch; 0 for no limit.</summary>
    public int Bytes { get; init; }

    /// <summary>How the time varies about <see cref="Delay"/>, in place of least and most; the kernel does not tell it again.</summary>
    public NetemDistribution? Distribution { get; init; }

    /// <summary>The mean of the time, with <see cref="Distribution"/>.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How far it varies.</summary>
    public TimeSpan Jitter { get; init; }

    internal static NetemSlot Decode(ReadOnlySpan<byte> bytes)
    {
        var slot = Netem.Struct<Parameters>(bytes);
        return new NetemSlot
        {
            Least = Time(slot.LeastDelay),
            Most = Time(slot.MostDelay),
            Packets = slot.MostPackets,
            Bytes = slot.MostBytes,
            Delay = Time(slot.MeanDelay),
            Jitter = Time(slot.Jitter),
        };
    }

    internal void Write(MessageWriter writer, ushort slot, ushort table)
    {
        Netem.Struct(writer, slot, new Parameters
        {
            LeastDelay = Nanoseconds(Least),
            MostDelay = Nanoseconds(Most < Least ? Least : Most),
            MostPackets = Packets,
            MostBytes = Bytes,
            MeanDelay = Nanoseconds(Delay),
            Jitter = Nanoseconds(Jitter),
        });
        if (Distribution is not null)
            Netem.Table(writer, table, Distribution);
    }

    private static long Nanoseconds(TimeSpan time) => time >= TimeSpan.Zero ? time.Ticks * 100 : throw new ArgumentOutOfRangeException(nameof(time), time, "a delay is not negative");

    private static TimeSpan Time(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / 100);

    // struct tc_netem_slot
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal long LeastDelay;
        internal long MostDelay;
        internal int MostPackets;
        internal int MostBytes;
        internal long MeanDelay;
        internal long Jitter;
    }
}
