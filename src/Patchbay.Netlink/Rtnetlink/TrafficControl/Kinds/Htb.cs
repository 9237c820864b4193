using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A hierarchy of token buckets, whose classes share a link (net/sched/sch_htb.c; tc-htb(8)). Its classes are <see cref="HtbClass"/>.</summary>
public sealed class Htb : QdiscKind
{
    /// <summary>The kernel's name of the kind, and of its classes.</summary>
    public const string KindName = "htb";

    // TCA_HTB_*, include/uapi/linux/pkt_sched.h
    private const ushort TCA_HTB_INIT = 2;
    private const uint Version = 3; // TC_HTB_PROTOVER
    private const uint RateToQuantum = 10;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The class of packets that no filter takes: the number after the colon. 0 to send them unlimited.</summary>
    public ushort Default { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <param name="qdisc">A queueing discipline of kind <c>htb</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static Htb Decode(Qdisc qdisc)
    {
        ArgumentNullException.ThrowIfNull(qdisc);
        qdisc.ThrowIfNot(KindName);
        var parameters = default(Parameters);
        var options = new AttributeReader(qdisc.Options.Span);
        while (options.Next())
        {
            if (options.Type == TCA_HTB_INIT && !MemoryMarshal.TryRead(options.Payload, out parameters))
                throw new NetlinkException($"read {KindName}", $"malformed message: parameters of {options.Payload.Length} bytes");
        }

        options.ThrowIfMalformed(KindName);
        return new Htb { Default = (ushort)parameters.Default };
    }

    internal override void WriteOptions(MessageWriter writer)
    {
        using (writer.Enclosed(TcHeader.Options))
        {
            Span<byte> parameters = stackalloc byte[Unsafe.SizeOf<Parameters>()];
            MemoryMarshal.Write(parameters, new Parameters { Version = Version, RateToQuantum = RateToQuantum, Default = Default });
            writer.Bytes(TCA_HTB_INIT, parameters);
        }
    }

    // struct tc_htb_glob
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal uint Version;
        internal uint RateToQuantum;
        internal uint Default;
        internal uint Debug;
        internal uint DirectPackets;
    }
}
