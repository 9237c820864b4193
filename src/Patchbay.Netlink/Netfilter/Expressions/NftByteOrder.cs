using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Turns numbers in a register between the machine's order and the network's.</summary>
/// <param name="ToNetwork">True towards the network's order.</param>
/// <param name="Length">Number of bytes in all.</param>
/// <param name="Size">Bytes of each number: 2, 4 or 8.</param>
/// <param name="Source">The register that is read.</param>
/// <param name="Destination">The register that is written.</param>
public sealed record NftByteOrder(bool ToNetwork, int Length, int Size, NftRegister Source = NftRegister.R1, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "byteorder";

    private const ushort NFTA_BYTEORDER_SREG = 1;
    private const ushort NFTA_BYTEORDER_DREG = 2;
    private const ushort NFTA_BYTEORDER_OP = 3;
    private const ushort NFTA_BYTEORDER_LEN = 4;
    private const ushort NFTA_BYTEORDER_SIZE = 5;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_BYTEORDER_SREG, (uint)Source);
        writer.U32Be(NFTA_BYTEORDER_DREG, (uint)Destination);
        writer.U32Be(NFTA_BYTEORDER_OP, ToNetwork ? 1u : 0);
        writer.U32Be(NFTA_BYTEORDER_LEN, (uint)Length);
        writer.U32Be(NFTA_BYTEORDER_SIZE, (uint)Size);
    }

    internal static NftByteOrder Decode(AttributeReader attributes)
    {
        NftRegister source = default, destination = default;
        uint operation = 0, length = 0, size = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_BYTEORDER_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_BYTEORDER_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_BYTEORDER_OP: operation = attributes.U32Be(); break;
                case NFTA_BYTEORDER_LEN: length = attributes.U32Be(); break;
                case NFTA_BYTEORDER_SIZE: size = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables byteorder");
        return new NftByteOrder(operation != 0, (int)length, (int)size, source, destination);
    }
}
