using System.Text;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>A match of iptables inside a rule of nf_tables, as iptables-nft(8) writes it (net/netfilter/nft_compat.c).</summary>
internal static class XtMatch
{
    private const string Kind = "match";
    private const ushort NFTA_MATCH_NAME = 1;
    private const ushort NFTA_MATCH_REV = 2;
    private const ushort NFTA_MATCH_INFO = 3;

    /// <summary>Composes a match.</summary>
    /// <param name="name">The extension's name.</param>
    /// <param name="revision">Which of its structures.</param>
    /// <param name="info">The structure, aligned to eight bytes.</param>
    internal static NftUnknown Make(string name, uint revision, ReadOnlySpan<byte> info)
    {
        var writer = new MessageWriter();
        writer.Text(NFTA_MATCH_NAME, name);
        writer.U32Be(NFTA_MATCH_REV, revision);
        writer.Bytes(NFTA_MATCH_INFO, info);
        return new NftUnknown(Kind, writer.Written.ToArray());
    }

    /// <summary>The extension's name; empty when the expression is no match.</summary>
    internal static string NameOf(NftUnknown expression)
    {
        if (expression.Kind != Kind)
            return "";
        var attributes = new AttributeReader(expression.Data.Span);
        while (attributes.Next())
        {
            if (attributes.Type == NFTA_MATCH_NAME)
                return attributes.Text();
        }

        return "";
    }
}
