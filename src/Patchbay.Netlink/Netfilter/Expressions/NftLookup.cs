using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Goes on only if a register is in a set; with a map, also loads or obeys what the key maps to.</summary>
/// <param name="Set">The set or map.</param>
/// <param name="Source">The register with the key.</param>
/// <param name="Destination">Where a map's data goes, <see cref="NftRegister.Verdict"/> for a verdict map; null for a set.</param>
/// <param name="Inverted">True to go on only if it is not in the set.</param>
public sealed record NftLookup(NftSetReference Set, NftRegister Source = NftRegister.R1, NftRegister? Destination = null, bool Inverted = false) : NftExpression
{
    internal const string Kind = "lookup";

    private const ushort NFTA_LOOKUP_SET = 1;
    private const ushort NFTA_LOOKUP_SREG = 2;
    private const ushort NFTA_LOOKUP_DREG = 3;
    private const ushort NFTA_LOOKUP_SET_ID = 4;
    private const ushort NFTA_LOOKUP_FLAGS = 5;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_LOOKUP_SREG, (uint)Source);
        if (Destination is { } destination)
            writer.U32Be(NFTA_LOOKUP_DREG, (uint)destination);
        writer.Text(NFTA_LOOKUP_SET, Set.Name);
        if (Set.Id != 0)
            writer.U32Be(NFTA_LOOKUP_SET_ID, Set.Id);
        if (Inverted)
            writer.U32Be(NFTA_LOOKUP_FLAGS, 1); // NFT_LOOKUP_F_INV
    }

    internal static NftLookup Decode(AttributeReader attributes)
    {
        NftRegister source = default;
        NftRegister? destination = null;
        var name = "";
        uint id = 0, flags = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_LOOKUP_SET: name = attributes.Text(); break;
                case NFTA_LOOKUP_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_LOOKUP_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_LOOKUP_SET_ID: id = attributes.U32Be(); break;
                case NFTA_LOOKUP_FLAGS: flags = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables lookup");
        return new NftLookup(new NftSetReference(name, id), source, destination, (flags & 1) != 0);
    }
}
