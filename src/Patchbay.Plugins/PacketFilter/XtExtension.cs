using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>A match or target of iptables inside a rule of nf_tables, as iptables-nft(8) writes it (net/netfilter/nft_compat.c).</summary>
internal readonly ref struct XtExtension
{
    internal const string Match = "match";
    internal const string Target = "target";

    // include/uapi/linux/netfilter/nf_tables.h: nft_match_attributes, and nft_target_attributes with the same numbers
    private const ushort NFTA_MATCH_NAME = 1;
    private const ushort NFTA_MATCH_REV = 2;
    private const ushort NFTA_MATCH_INFO = 3;

    // struct xt_conntrack_mtinfo3 (include/uapi/linux/netfilter/xt_conntrack.h), as revision 3 of the match has it: the state alone.
    private const int ConntrackInfoSize = 168; // 164, aligned as XT_ALIGN() does
    private const int ConntrackFlagsOffset = 146;
    private const int ConntrackStatesOffset = 150;
    private const ushort XT_CONNTRACK_STATE = 1;
    private const ushort RelatedOrEstablished = 4 | 2; // XT_CONNTRACK_STATE_BIT()
    private const uint ConntrackRevision = 3;
    private const int CommentInfoSize = 256; // struct xt_comment_info

    private XtExtension(string name, uint revision, ReadOnlySpan<byte> info)
    {
        Name = name;
        Revision = revision;
        Info = info;
    }

    /// <summary>Its name, such as <c>multiport</c>.</summary>
    internal string Name { get; }

    /// <summary>Which of its structures <see cref="Info"/> is.</summary>
    internal uint Revision { get; }

    /// <summary>The structure, in the machine's order, filled up to a multiple of eight bytes.</summary>
    internal ReadOnlySpan<byte> Info { get; }

    /// <summary>Whether it lets replies pass: <c>-m conntrack --ctstate RELATED,ESTABLISHED</c>.</summary>
    internal bool IsReplies => Name == "conntrack" && Revision == ConntrackRevision && Info.SequenceEqual(RepliesInfo());

    /// <summary>Reads the data of an expression of either kind.</summary>
    internal static XtExtension Read(NftUnknown expression)
    {
        var name = "";
        uint revision = 0;
        ReadOnlySpan<byte> info = default;
        var attributes = new AttributeReader(expression.Data.Span);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_MATCH_NAME: name = attributes.Text(); break;
                case NFTA_MATCH_REV: revision = attributes.U32Be(); break;
                case NFTA_MATCH_INFO: info = attributes.Payload; break;
            }
        }

        attributes.ThrowIfMalformed("iptables extension");
        return new XtExtension(name, revision, info);
    }

    /// <summary>Composes <see cref="IsReplies"/>.</summary>
    internal static NftUnknown Replies() => Compose("conntrack", ConntrackRevision, RepliesInfo());

    /// <summary>Composes a comment, at most 255 bytes.</summary>
    internal static NftUnknown Comment(string text)
    {
        var info = new byte[CommentInfoSize];
        Encoding.UTF8.GetBytes(text, info);
        return Compose("comment", 0, info);
    }

    private static byte[] RepliesInfo()
    {
        var info = new byte[ConntrackInfoSize];
        MemoryMarshal.Write(info.AsSpan(ConntrackFlagsOffset), XT_CONNTRACK_STATE);
        MemoryMarshal.Write(info.AsSpan(ConntrackStatesOffset), RelatedOrEstablished);
        return info;
    }

    private static NftUnknown Compose(string name, uint revision, ReadOnlySpan<byte> info)
    {
        var writer = new MessageWriter();
        writer.Text(NFTA_MATCH_NAME, name);
        writer.U32Be(NFTA_MATCH_REV, revision);
        writer.Bytes(NFTA_MATCH_INFO, info);
        return new NftUnknown(Match, writer.Written.ToArray());
    }
}
