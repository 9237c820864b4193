using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Logs the packet to the kernel log, or to a netlink group.</summary>
public sealed record NftLog : NftExpression
{
    internal const string Kind = "log";

    private const ushort NFTA_LOG_GROUP = 1;
    private const ushort NFTA_LOG_PREFIX = 2;
    private const ushort NFTA_LOG_SNAPLEN = 3;
    private const ushort NFTA_LOG_LEVEL = 5;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Text before the line, at most 127 bytes; null for none.</summary>
    public string? Prefix { get; init; }

    /// <summary>syslog(3) level of the kernel log, 0 emergency to 7 debug; null for the kernel's default, warning.</summary>
    public int? Level { get; init; }

    /// <summary>Group of nfnetlink_log that receives the packet instead of the kernel log; null for the kernel log.</summary>
    public ushort? Group { get; init; }

    /// <summary>Bytes of the packet that a group receives; null for the whole.</summary>
    public int? SnapLength { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        if (Group is { } group)
            writer.U16Be(NFTA_LOG_GROUP, group);
        if (Prefix is not null)
            writer.Text(NFTA_LOG_PREFIX, Prefix);
        if (SnapLength is { } length)
            writer.U32Be(NFTA_LOG_SNAPLEN, (uint)length);
        if (Level is { } level)
            writer.U32Be(NFTA_LOG_LEVEL, (uint)level);
    }

    internal static NftLog Decode(AttributeReader attributes)
    {
        ushort? group = null;
        string? prefix = null;
        int? level = null, length = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_LOG_GROUP: group = attributes.U16Be(); break;
                case NFTA_LOG_PREFIX: prefix = attributes.Text(); break;
                case NFTA_LOG_SNAPLEN: length = (int)attributes.U32Be(); break;
                case NFTA_LOG_LEVEL: level = (int)attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables log");
        return new NftLog { Prefix = prefix, Level = level, Group = group, SnapLength = length };
    }
}
