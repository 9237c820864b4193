using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A token bucket filter: at most so many bytes a second, and a burst at once (net/sched/sch_tbf.c; tc-tbf(8)).</summary>
public sealed class Tbf : QdiscKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "tbf";

    // TCA_TBF_*, include/uapi/linux/pkt_sched.h
    private const ushort TCA_TBF_PARMS = 1;
    private const ushort TCA_TBF_RATE64 = 4;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Bytes a second, in 64 bits: the kernel is told by rate64 what 32 bits do not hold.</summary>
    public required ulong Rate { get; init; }

    /// <summary>Bytes that may wait; what comes beyond is dropped.</summary>
    public required uint Limit { get; init; }

    /// <summary>The burst, as the time that it takes at this rate, in ticks of <see cref="TcClock"/>.</summary>
    public required uint Buffer { get; init; }

    /// <summary>Bytes a second at most, bursts included; 0 for no such limit.</summary>
    public ulong PeakRate { get; init; }

    /// <summary>The burst of <see cref="PeakRate"/> in ticks.</summary>
    public uint PeakBuffer { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <param name="qdisc">A queueing discipline of kind <c>tbf</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static Tbf Decode(Qdisc qdisc)
    {
        const ushort TCA_TBF_PRATE64 = 5;
        ArgumentNullException.ThrowIfNull(qdisc);
        qdisc.ThrowIfNot(KindName);
        var parameters = default(Parameters);
        ulong rate = 0, peak = 0;
        var options = new AttributeReader(qdisc.Options.Span);
        while (options.Next())
        {
            switch (options.Type)
            {
                case TCA_TBF_PARMS:
                    if (!MemoryMarshal.TryRead(options.Payload, out parameters))
                        throw new NetlinkException($"read {KindName}", $"malformed message: parameters of {options.Payload.Length} bytes");
                    break;
                case TCA_TBF_RATE64: rate = options.U64(); break;
                case TCA_TBF_PRATE64: peak = options.U64(); break;
            }
        }

        options.ThrowIfMalformed(KindName);
        return new Tbf
        {
            Rate = rate == 0 ? parameters.Rate.BytesPerSecond : rate,
            Limit = parameters.Limit,
            Buffer = parameters.Buffer,
            PeakRate = peak == 0 ? parameters.PeakRate.BytesPerSecond : peak,
            PeakBuffer = parameters.PeakBuffer,
        };
    }

    internal override void WriteOptions(MessageWriter writer)
    {
        const ushort TCA_TBF_PRATE64 = 5;
        using (writer.Enclosed(TcHeader.Options))
        {
            Span<byte> parameters = stackalloc byte[Unsafe.SizeOf<Parameters>()];
            MemoryMarshal.Write(parameters, new Parameters
            {
                Rate = TcRate.Of(Rate),
                PeakRate = TcRate.Of(PeakRate),
                Limit = Limit,
                Buffer = Buffer,
                PeakBuffer = PeakBuffer,
            });
            writer.Bytes(TCA_TBF_PARMS, parameters);
            if (Rate > uint.MaxValue)
                writer.U64(TCA_TBF_RATE64, Rate);
            if (PeakRate > uint.MaxValue)
                writer.U64(TCA_TBF_PRATE64, PeakRate);
        }
    }

    // struct tc_tbf_qopt
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal TcRate Rate;
        internal TcRate PeakRate;
        internal uint Limit;
        internal uint Buffer;
        internal uint PeakBuffer;
    }
}

/// <summary>struct tc_ratespec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TcRate
{
    internal byte CellLog;
    internal byte LinkLayer;
    internal ushort Overhead;
    internal short CellAlign;
    internal ushort MinimumPacket;
    internal uint BytesPerSecond;

    /// <summary>A rate; one beyond 32 bits as the largest, which kernels that do not know the 64-bit attribute then use.</summary>
    internal static TcRate Of(ulong bytesPerSecond) => new() { BytesPerSecond = (uint)Math.Min(bytesPerSecond, uint.MaxValue) };
}
