using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>One step of a rule: loads something into a register, compares a register, or acts.</summary>
public abstract record NftExpression
{
    private protected NftExpression()
    {
    }

    /// <summary>The kernel's name for its kind, such as <c>cmp</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Writes the attributes inside NFTA_EXPR_DATA, in the order in which nft(8) does.</summary>
    internal abstract void Encode(MessageWriter writer);

    internal void Write(MessageWriter writer, ushort attribute = NFTA_LIST_ELEM)
    {
        using var element = writer.Nested(attribute);
        writer.Text(NFTA_EXPR_NAME, Name);
        using var data = writer.Nested(NFTA_EXPR_DATA);
        Encode(writer);
    }

    internal static List<NftExpression> ReadList(AttributeReader list)
    {
        var expressions = new List<NftExpression>();
        while (list.Next())
        {
            if (list.Type == NFTA_LIST_ELEM)
                expressions.Add(Read(list.Nested()));
        }

        list.ThrowIfMalformed("nf_tables expressions");
        return expressions;
    }

    private protected static NftExpression Read(AttributeReader element)
    {
        var name = "";
        var data = default(AttributeReader);
        ReadOnlySpan<byte> payload = default;
        while (element.Next())
        {
            switch (element.Type)
            {
                case NFTA_EXPR_NAME: name = element.Text(); break;
                case NFTA_EXPR_DATA:
                    data = element.Nested();
                    payload = element.Payload;
                    break;
            }
        }

        element.ThrowIfMalformed("nf_tables expression");
        return name switch
        {
            NftBitwise.Kind => NftBitwise.Decode(data),
            NftByteOrder.Kind => NftByteOrder.Decode(data),
            NftCompare.Kind => NftCompare.Decode(data),
            NftConnection.Kind => NftConnection.Decode(data),
            NftCounter.Kind => NftCounter.Decode(data),
            NftDynamicSet.Kind => NftDynamicSet.Decode(data),
            NftRouteLookup.Kind => NftRouteLookup.Decode(data),
            NftHash.Kind => NftHash.Decode(data),
            NftImmediate.Kind => NftImmediate.Decode(data),
            NftLimit.Kind => NftLimit.Decode(data),
            NftLog.Kind => NftLog.Decode(data),
            NftLookup.Kind => NftLookup.Decode(data),
            NftMasquerade.Kind => NftMasquerade.Decode(data),
            NftMeta.Kind => NftMeta.Decode(data),
            NftNat.Kind => NftNat.Decode(data),
            NftNumber.Kind => NftNumber.Decode(data),
            NftPayload.Kind => NftPayload.Decode(data),
            NftRange.Kind => NftRange.Decode(data),
            NftRedirect.Kind => NftRedirect.Decode(data),
            NftReject.Kind => NftReject.Decode(data),
            _ => new NftUnknown(name, payload.ToArray()),
        };
    }

    private protected static NftRegister ReadRegister(ref AttributeReader attributes) => (NftRegister)attributes.U32Be();
}
