using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Sends a packet, or a copy of it, by another link (net/sched/act_mirred.c; tc-mirred(8)).</summary>
public sealed class Mirred : TcAction
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "mirred";

    private const ushort TCA_MIRRED_PARMS = 2; // include/uapi/linux/tc_act/tc_mirred.h

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Index of the other link; 0 when it is gone.</summary>
    public required int Link { get; init; }

    /// <summary>What happens.</summary>
    public MirredOperation Operation { get; init; } = MirredOperation.EgressRedirect;

    /// <summary>What becomes of the packet here.</summary>
    public TcVerdict Verdict { get; init; } = TcVerdict.Stolen;

    internal override void Write(MessageWriter writer)
    {
        Span<byte> parameters = stackalloc byte[Unsafe.SizeOf<Parameters>()];
        MemoryMarshal.Write(parameters, new Parameters { Verdict = (int)Verdict, Operation = (int)Operation, Link = (uint)Link });
        writer.Bytes(TCA_MIRRED_PARMS, parameters);
    }

    internal static Mirred Read(AttributeReader options)
    {
        var parameters = default(Parameters);
        while (options.Next())
        {
            if (options.Type == TCA_MIRRED_PARMS && !MemoryMarshal.TryRead(options.Payload, out parameters))
                throw new NetlinkException($"read {KindName}", $"malformed message: parameters of {options.Payload.Length} bytes");
        }

        options.ThrowIfMalformed(KindName);
        return new Mirred { Link = (int)parameters.Link, Operation = (MirredOperation)parameters.Operation, Verdict = (TcVerdict)parameters.Verdict };
    }

    // struct tc_mirred: tc_gen and two fields
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        internal uint Index;
        internal uint Capabilities;
        internal int Verdict;
        internal int References;
        internal int Bindings;
        internal int Operation;
        internal uint Link;
    }
}

/// <summary>What <see cref="Mirred"/> does (TCA_EGRESS_REDIR …).</summary>
public enum MirredOperation
{
    /// <summary>The packet leaves by the other link.</summary>
    EgressRedirect = 1,

    /// <summary>A copy leaves by the other link.</summary>
    EgressMirror = 2,

    /// <summary>The packet comes in by the other link.</summary>
    IngressRedirect = 3,

    /// <summary>A copy comes in by the other link.</summary>
    IngressMirror = 4,
}

/// <summary>What becomes of a packet after an action (TC_ACT_*, include/uapi/linux/pkt_cls.h).</summary>
public enum TcVerdict
{
    /// <summary>It goes on, and filters are not asked any more.</summary>
    Ok = 0,

    /// <summary>The filters are asked from the beginning.</summary>
    Reclassify = 1,

    /// <summary>It is dropped.</summary>
    Shot = 2,

    /// <summary>The next action, or the next filter, decides.</summary>
    Pipe = 3,

    /// <summary>It is somewhere else now.</summary>
    Stolen = 4,
}
