using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter.Expressions;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>A rule: expressions that the kernel evaluates one after another until one does not match.</summary>
/// <param name="Family">The table's family.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Expressions">What it does; <see cref="NftRuleBuilder"/> composes it.</param>
public sealed record NftRule(NftFamily Family, string Table, string Chain, IReadOnlyList<NftExpression> Expressions)
{
    /// <summary>The comment that nft(8) shows, at most 128 bytes and without quotes; null for none.</summary>
    public string? Comment { get; init; }

    /// <summary>Whose rule it is, for the owner's own cleanup: kept in the user data, where nft(8) does not show it; null for nobody's.</summary>
    public string? Owner { get; init; }

    /// <summary>The kernel's number for it, unique in its table; 0 when it did not come from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Tells whether another rule does the same, whatever its handle and comment.</summary>
    /// <param name="other">The other rule.</param>
    /// <returns>True when both have the same expressions in the same order.</returns>
    public bool DoesSameAs(NftRule other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Encoded(Expressions).Written.SequenceEqual(Encoded(other.Expressions).Written);

        static MessageWriter Encoded(IReadOnlyList<NftExpression> expressions)
        {
            var writer = new MessageWriter();
            foreach (var expression in expressions)
                expression.Write(writer);
            return writer;
        }
    }

    internal void Encode(MessageWriter writer, ulong replaces = 0, ulong position = 0)
    {
        writer.Fixed(new NetfilterMessage.Header((byte)Family));
        writer.Text(NFTA_RULE_TABLE, Table);
        writer.Text(NFTA_RULE_CHAIN, Chain);
        if (replaces != 0)
            writer.U64Be(NFTA_RULE_HANDLE, replaces);
        if (position != 0)
            writer.U64Be(NFTA_RULE_POSITION, position);
        using (writer.Nested(NFTA_RULE_EXPRESSIONS))
        {
            foreach (var expression in Expressions)
                expression.Write(writer);
        }

        NftUserData.Write(writer, NFTA_RULE_USERDATA, Comment, Owner);
    }

    internal static NftRule Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out var header);
        string table = "", chain = "";
        string? comment = null, owner = null;
        ulong handle = 0;
        IReadOnlyList<NftExpression> expressions = [];
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_RULE_TABLE: table = attributes.Text(); break;
                case NFTA_RULE_CHAIN: chain = attributes.Text(); break;
                case NFTA_RULE_HANDLE: handle = attributes.U64Be(); break;
                case NFTA_RULE_EXPRESSIONS: expressions = NftExpression.ReadList(attributes.Nested()); break;
                case NFTA_RULE_USERDATA:
                    comment = NftUserData.Find(attributes.Payload, NftUserData.Comment);
                    owner = NftUserData.Find(attributes.Payload, NftUserData.Owner);
                    break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables rule");
        return new NftRule((NftFamily)header.Family, table, chain, expressions) { Comment = comment, Owner = owner, Handle = handle };
    }
}
