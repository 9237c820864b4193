using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Matches every packet (net/sched/cls_matchall.c; tc-matchall(8)).</summary>
public sealed class MatchAllFilter : TcFilterKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "matchall";

    // TCA_MATCHALL_*, include/uapi/linux/pkt_cls.h
    private const ushort TCA_MATCHALL_CLASSID = 1;
    private const ushort TCA_MATCHALL_ACT = 2;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Reads the settings.</summary>
    /// <param name="filter">A filter of kind <c>matchall</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">It is of another kind, or its attributes are malformed.</exception>
    public static MatchAllFilter Decode(TcFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        filter.ThrowIfNot(KindName);
        var classId = TcHandle.None;
        IReadOnlyList<TcAction> actions = [];
        var options = new AttributeReader(filter.Options.Span);
        while (options.Next())
        {
            switch (options.Type)
            {
                case TCA_MATCHALL_CLASSID: classId = new TcHandle(options.U32()); break;
                case TCA_MATCHALL_ACT: actions = TcAction.ReadAll(options.Nested()); break;
            }
        }

        options.ThrowIfMalformed(KindName);
        return new MatchAllFilter { ClassId = classId, Actions = actions };
    }

    internal override void Write(MessageWriter writer)
    {
        if (ClassId != TcHandle.None)
            writer.U32(TCA_MATCHALL_CLASSID, ClassId.Value);
        TcAction.WriteAll(writer, TCA_MATCHALL_ACT, Actions);
    }
}
