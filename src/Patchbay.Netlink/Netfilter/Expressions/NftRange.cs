using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Goes on only if a register is inside a range, or outside of it.</summary>
/// <param name="From">The lowest value inside.</param>
/// <param name="To">The highest value inside.</param>
/// <param name="Inverted">True to go on outside.</param>
/// <param name="Source">The register.</param>
public sealed record NftRange(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, bool Inverted = false, NftRegister Source = NftRegister.R1) : NftExpression
{
    internal const string Kind = "range";

    private const ushort NFTA_RANGE_SREG = 1;
    private const ushort NFTA_RANGE_OP = 2;
    private const ushort NFTA_RANGE_FROM_DATA = 3;
    private const ushort NFTA_RANGE_TO_DATA = 4;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_RANGE_SREG, (uint)Source);
        writer.U32Be(NFTA_RANGE_OP, Inverted ? 1u : 0);
        NftData.Write(writer, NFTA_RANGE_FROM_DATA, From);
        NftData.Write(writer, NFTA_RANGE_TO_DATA, To);
    }

    internal static NftRange Decode(AttributeReader attributes)
    {
        NftRegister source = default;
        uint inverted = 0;
        ReadOnlyMemory<byte> from = default, to = default;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_RANGE_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_RANGE_OP: inverted = attributes.U32Be(); break;
                case NFTA_RANGE_FROM_DATA: from = NftData.Read(attributes.Nested()).Value; break;
                case NFTA_RANGE_TO_DATA: to = NftData.Read(attributes.Nested()).Value; break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables range");
        return new NftRange(from, to, inverted != 0, source);
    }
}
