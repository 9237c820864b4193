using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Makes a number below a modulus, in turn or at random (<c>numgen</c>): the choice among several targets.</summary>
/// <param name="Modulus">How many numbers there are.</param>
/// <param name="Random">True at random, false in turn.</param>
/// <param name="Offset">The lowest of them.</param>
/// <param name="Destination">The register that receives it, 32 bits in the machine's order.</param>
public sealed record NftNumber(uint Modulus, bool Random = true, uint Offset = 0, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "numgen";

    private const ushort NFTA_NG_DREG = 1;
    private const ushort NFTA_NG_MODULUS = 2;
    private const ushort NFTA_NG_TYPE = 3;
    private const ushort NFTA_NG_OFFSET = 4;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_NG_DREG, (uint)Destination);
        writer.U32Be(NFTA_NG_MODULUS, Modulus);
        writer.U32Be(NFTA_NG_TYPE, Random ? 1u : 0);
        writer.U32Be(NFTA_NG_OFFSET, Offset);
    }

    internal static NftNumber Decode(AttributeReader attributes)
    {
        NftRegister destination = default;
        uint modulus = 0, type = 0, offset = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_NG_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_NG_MODULUS: modulus = attributes.U32Be(); break;
                case NFTA_NG_TYPE: type = attributes.U32Be(); break;
                case NFTA_NG_OFFSET: offset = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables numgen");
        return new NftNumber(modulus, type == 1, offset, destination);
    }
}
