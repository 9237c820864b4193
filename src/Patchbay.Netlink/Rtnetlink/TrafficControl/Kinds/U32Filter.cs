using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Matches words of the packet (net/sched/cls_u32.c; tc-u32(8)).</summary>
public sealed class U32Filter : TcFilterKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "u32";

    // TCA_U32_*, include/uapi/linux/pkt_cls.h
    private const ushort TCA_U32_CLASSID = 1;
    private const ushort TCA_U32_SEL = 5;
    private const ushort TCA_U32_ACT = 7;
    private const byte TC_U32_TERMINAL = 1;
    private const int MostKeys = 128; // u32_change() in the kernel: nkeys is a byte, and iproute2 sends no more

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The words, all of which must match; the default is one with the mask 0, which every packet has.</summary>
    public IReadOnlyList<U32Key> Keys { get; init; } = [default];

    /// <summary>True when every packet matches.</summary>
    public bool MatchesAll
    {
        get
        {
            foreach (var key in Keys)
            {
                if (key.Mask != 0)
                    return false;
            }

            return Keys.Count > 0;
        }
    }

    /// <summary>Reads the settings.</summary>
    /// <param name="filter">A filter of kind <c>u32</c>.</param>
    /// <returns>Its settings; without keys for an entry that stands for a hash table.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static U32Filter Decode(TcFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        filter.ThrowIfNot(KindName);
        var keys = new List<U32Key>();
        var classId = TcHandle.None;
        IReadOnlyList<TcAction> actions = [];
        var options = new AttributeReader(filter.Options.Span);
        while (options.Next())
        {
            switch (options.Type)
            {
                case TCA_U32_CLASSID: classId = new TcHandle(options.U32()); break;
                case TCA_U32_ACT: actions = TcAction.ReadAll(options.Nested()); break;
                case TCA_U32_SEL:
                    var selector = options.Payload;
                    var size = Unsafe.SizeOf<U32Key>();
                    if (!MemoryMarshal.TryRead(selector, out Selector header) || selector.Length < Unsafe.SizeOf<Selector>() + header.Keys * size)
                        throw new NetlinkException($"read {KindName}", $"malformed message: a selector of {selector.Length} bytes");
                    for (var i = 0; i < header.Keys; i++)
                        keys.Add(MemoryMarshal.Read<U32Key>(selector[(Unsafe.SizeOf<Selector>() + i * size)..]));
                    break;
            }
        }

        options.ThrowIfMalformed(KindName);
        return new U32Filter { Keys = keys, ClassId = classId, Actions = actions };
    }

    internal override void Write(MessageWriter writer)
    {
        if (Keys.Count is 0 or > MostKeys)
            throw new ArgumentException($"a u32 filter has 1 to {MostKeys} keys, not {Keys.Count}");
        var keys = new byte[Unsafe.SizeOf<Selector>() + Keys.Count * Unsafe.SizeOf<U32Key>()];
        MemoryMarshal.Write(keys, new Selector { Flags = TC_U32_TERMINAL, Keys = (byte)Keys.Count });
        for (var i = 0; i < Keys.Count; i++)
            MemoryMarshal.Write(keys.AsSpan(Unsafe.SizeOf<Selector>() + i * Unsafe.SizeOf<U32Key>()), Keys[i]);
        if (ClassId != TcHandle.None)
            writer.U32(TCA_U32_CLASSID, ClassId.Value);
        TcAction.WriteAll(writer, TCA_U32_ACT, Actions);
        writer.Bytes(TCA_U32_SEL, keys);
    }

    // struct tc_u32_sel
    [StructLayout(LayoutKind.Sequential)]
    private struct Selector
    {
        internal byte Flags;
        internal byte OffsetShift;
        internal byte Keys;
        internal byte Pad;
        internal ushort OffsetMask;
        internal ushort Offset;
        internal short OffsetOffset;
        internal short HashOffset;
        internal uint HashMask;
    }
}

/// <summary>A word of the packet to compare (struct tc_u32_key).</summary>
/// <param name="Mask">The bits that count, in network order.</param>
/// <param name="Value">What they must be, in network order.</param>
/// <param name="Offset">Where the word is: bytes from the network header.</param>
/// <param name="OffsetMask">For offsets that the packet tells.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct U32Key(uint Mask, uint Value, int Offset = 0, int OffsetMask = 0);
