using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Computes <c>(source &amp; mask) ^ xor</c>.</summary>
/// <param name="Mask">Bits that are kept.</param>
/// <param name="Xor">Bits that are then inverted, as many bytes as <paramref name="Mask"/>.</param>
/// <param name="Source">The register that is read.</param>
/// <param name="Destination">The register that is written.</param>
public sealed record NftBitwise(ReadOnlyMemory<byte> Mask, ReadOnlyMemory<byte> Xor, NftRegister Source = NftRegister.R1, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "bitwise";

    private const ushort NFTA_BITWISE_SREG = 1;
    private const ushort NFTA_BITWISE_DREG = 2;
    private const ushort NFTA_BITWISE_LEN = 3;
    private const ushort NFTA_BITWISE_MASK = 4;
    private const ushort NFTA_BITWISE_XOR = 5;
    private const ushort NFTA_BITWISE_OP = 6;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_BITWISE_SREG, (uint)Source);
        writer.U32Be(NFTA_BITWISE_DREG, (uint)Destination);
        writer.U32Be(NFTA_BITWISE_LEN, (uint)Mask.Length);
        NftData.Write(writer, NFTA_BITWISE_MASK, Mask);
        NftData.Write(writer, NFTA_BITWISE_XOR, Xor);
    }

    internal static NftExpression Decode(AttributeReader attributes)
    {
        var whole = attributes;
        NftRegister source = default, destination = default;
        ReadOnlyMemory<byte> mask = default, xor = default;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_BITWISE_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_BITWISE_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_BITWISE_MASK: mask = NftData.Read(attributes.Nested()).Value; break;
                case NFTA_BITWISE_XOR: xor = NftData.Read(attributes.Nested()).Value; break;
                case NFTA_BITWISE_OP when attributes.U32Be() != 0: return new NftUnknown(Kind, whole.Remaining.ToArray()); // a shift
            }
        }

        attributes.ThrowIfMalformed("nf_tables bitwise");
        return new NftBitwise(mask, xor, source, destination);
    }
}
