using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A class of <see cref="Htb"/>: what it may always send, and what it may borrow.</summary>
public sealed class HtbClass : TcClassKind
{
    // TCA_HTB_*, include/uapi/linux/pkt_sched.h
    private const ushort TCA_HTB_PARMS = 1;
    private const ushort TCA_HTB_RATE64 = 6;
    private const ushort TCA_HTB_CEIL64 = 7;

    // TC_LINKLAYER_ETHERNET: the kernel computes times itself; with 0 it would take them from tables that old versions of tc sent
    private const byte Ethernet = 1;

    /// <inheritdoc/>
    public override string Name => Htb.KindName;

    /// <summary>Bytes a second that the class always gets.</summary>
    public required ulong Rate { get; init; }

    /// <summary>Bytes a second at most, borrowed ones included; 0 for no more than <see cref="Rate"/>.</summary>
    public ulong Ceiling { get; init; }

    /// <summary>The burst at <see cref="Rate"/>, as the time that it takes, in ticks of <see cref="TcClock"/>.</summary>
    public required uint Buffer { get; init; }

    /// <summary>The burst at <see cref="Ceiling"/> in ticks.</summary>
    public required uint CeilingBuffer { get; init; }

    /// <summary>Bytes that it sends before the next class has its turn; 0 for the kernel's choice, a tenth of a second's rate up to 200,000 (with a message in its log above that).</summary>
    public uint Quantum { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <param name="shown">A class of kind <c>htb</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static HtbClass Decode(TcClass shown)
    {
        ArgumentNullException.ThrowIfNull(shown);
        if (shown.Kind != Htb.KindName)
            throw new NetlinkException($"read class {shown.Handle}", $"it is of kind {shown.Kind}");
        var parameters = default(Parameters);
        ulong rate = 0, ceiling = 0;
        var options = new AttributeReader(shown.Options.Span);
        while (options.Next())
        {
            switch (options.Type)
            {
                case TCA_HTB_PARMS:
                    if (!MemoryMarshal.TryRead(options.Payload, out parameters))
                        throw new NetlinkException($"read class {shown.Handle}", $"malformed message: parameters of {options.Payload.Length} bytes");
                    break;
                case TCA_HTB_RATE64: rate = options.U64(); break;
                case TCA_HTB_CEIL64: ceiling = options.U64(); break;
            }
        }

        options.ThrowIfMalformed(Htb.KindName);
        return new HtbClass
        {
            Rate = rate == 0 ? parameters.Rate.BytesPerSecond : rate,
            Ceiling = ceiling == 0 ? parameters.Ceiling.BytesPerSecond : ceiling,
            Buffer = parameters.Buffer,
            CeilingBuffer = parameters.CeilingBuffer,
            Quantum = parameters.Quantum,
        };
    }

    internal override void WriteOptions(MessageWriter writer)
    {
        var ceiling = Ceiling == 0 ? Rate : Ceiling;
        using (writer.Enclosed(TcHeader.Options))
        {
            Span<byte> parameters = stackalloc byte[Unsafe.SizeOf<Parameters>()];
            MemoryMarshal.Write(parameters, new Parameters
            {
                Rate = TcRate.Of(Rate) with { LinkLayer = Ethernet },
                Ceiling = TcRate.Of(ceiling) with { LinkLayer = Ethernet },
                Buffer = Buffer,
                CeilingBuffer = CeilingBuffer,
                Quantum = Quantum,
            });
            writer.Bytes(TCA_HTB_PARMS, parameters);
            if (Rate > uint.MaxValue)
                writer.U64(TCA_HTB_RATE64, Rate);
            if (ceiling > uint.MaxValue)
                writer.U64(TCA_HTB_CEIL64, ceiling);
        }
    }

    // struct tc_htb_opt
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal TcRate Rate;
        internal TcRate Ceiling;
        internal uint Buffer;
        internal uint CeilingBuffer;
        internal uint Quantum;
        internal uint Level;
        internal uint Priority;
    }
}
