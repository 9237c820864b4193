using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Goes on only if a register compares with bytes as told.</summary>
/// <param name="Operator">The comparison.</param>
/// <param name="Value">The bytes, compared as one number in network order.</param>
/// <param name="Source">The register.</param>
public sealed record NftCompare(NftOperator Operator, ReadOnlyMemory<byte> Value, NftRegister Source = NftRegister.R1) : NftExpression
{
    internal const string Kind = "cmp";

    private const ushort NFTA_CMP_SREG = 1;
    private const ushort NFTA_CMP_OP = 2;
    private const ushort NFTA_CMP_DATA = 3;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_CMP_SREG, (uint)Source);
        writer.U32Be(NFTA_CMP_OP, (uint)Operator);
        NftData.Write(writer, NFTA_CMP_DATA, Value);
    }

    internal static NftCompare Decode(AttributeReader attributes)
    {
        NftRegister source = default;
        uint comparison = 0;
        ReadOnlyMemory<byte> value = default;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_CMP_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_CMP_OP: comparison = attributes.U32Be(); break;
                case NFTA_CMP_DATA: value = NftData.Read(attributes.Nested()).Value; break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables cmp");
        return new NftCompare((NftOperator)comparison, value, source);
    }
}

/// <summary>Comparisons (enum nft_cmp_ops).</summary>
public enum NftOperator
{
    /// <summary>NFT_CMP_EQ.</summary>
    Equal = 0,

    /// <summary>NFT_CMP_NEQ.</summary>
    NotEqual = 1,

    /// <summary>NFT_CMP_LT.</summary>
    Less = 2,

    /// <summary>NFT_CMP_LTE.</summary>
    LessOrEqual = 3,

    /// <summary>NFT_CMP_GT.</summary>
    Greater = 4,

    /// <summary>NFT_CMP_GTE.</summary>
    GreaterOrEqual = 5,
}
