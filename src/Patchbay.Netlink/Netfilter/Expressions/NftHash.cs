using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Makes a number below a modulus from a register by Jenkins' hash (<c>jhash</c>): the same target for the same sender.</summary>
/// <param name="Source">The register that is hashed.</param>
/// <param name="Length">How many bytes of it.</param>
/// <param name="Modulus">How many numbers there are.</param>
/// <param name="Destination">The register that receives it, 32 bits in the machine's order.</param>
public sealed record NftHash(NftRegister Source, int Length, uint Modulus, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "hash";

    private const ushort NFTA_HASH_SREG = 1;
    private const ushort NFTA_HASH_DREG = 2;
    private const ushort NFTA_HASH_LEN = 3;
    private const ushort NFTA_HASH_MODULUS = 4;
    private const ushort NFTA_HASH_SEED = 5;
    private const ushort NFTA_HASH_OFFSET = 6;
    private const ushort NFTA_HASH_TYPE = 7;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Seed of the hash; null lets the kernel choose one.</summary>
    public uint? Seed { get; init; }

    /// <summary>The lowest number.</summary>
    public uint Offset { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_HASH_SREG, (uint)Source);
        writer.U32Be(NFTA_HASH_DREG, (uint)Destination);
        writer.U32Be(NFTA_HASH_LEN, (uint)Length);
        writer.U32Be(NFTA_HASH_MODULUS, Modulus);
        if (Seed is { } seed)
            writer.U32Be(NFTA_HASH_SEED, seed);
        writer.U32Be(NFTA_HASH_OFFSET, Offset);
        writer.U32Be(NFTA_HASH_TYPE, 0); // NFT_HASH_JENKINS
    }

    internal static NftExpression Decode(AttributeReader attributes)
    {
        var whole = attributes;
        NftRegister source = default, destination = default;
        uint length = 0, modulus = 0, offset = 0;
        uint? seed = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_HASH_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_HASH_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_HASH_LEN: length = attributes.U32Be(); break;
                case NFTA_HASH_MODULUS: modulus = attributes.U32Be(); break;
                case NFTA_HASH_SEED: seed = attributes.U32Be(); break;
                case NFTA_HASH_OFFSET: offset = attributes.U32Be(); break;
                case NFTA_HASH_TYPE when attributes.U32Be() != 0: return new NftUnknown(Kind, whole.Remaining.ToArray()); // symhash
            }
        }

        attributes.ThrowIfMalformed("nf_tables hash");
        return new NftHash(source, (int)length, modulus, destination) { Seed = seed, Offset = offset };
    }
}
