using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Writes a register into the packet, and puts right the checksum of the transport over the addresses (<c>ip6 saddr set …</c>).</summary>
/// <param name="Header">The header that it counts from.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Source">The register.</param>
public sealed record NftPayloadWrite(NftPayloadBase Header, int Offset, int Length, NftRegister Source = NftRegister.R1) : NftExpression
{
    private const ushort NFTA_PAYLOAD_BASE = 2;
    private const ushort NFTA_PAYLOAD_OFFSET = 3;
    private const ushort NFTA_PAYLOAD_LEN = 4;
    private const ushort NFTA_PAYLOAD_SREG = 5;
    private const ushort NFTA_PAYLOAD_CSUM_TYPE = 6;
    private const ushort NFTA_PAYLOAD_CSUM_OFFSET = 7;
    private const ushort NFTA_PAYLOAD_CSUM_FLAGS = 8;

    /// <inheritdoc/>
    public override string Name => NftPayload.Kind;

    /// <summary>The checksum of the same header that is put right, an internet checksum (RFC 1071), by its offset; null when there is none, as in IPv6.</summary>
    public int? Checksum { get; init; }

    /// <summary>True when the bytes are part of the pseudo header, as addresses are (NFT_PAYLOAD_L4CSUM_PSEUDOHDR).</summary>
    public bool InPseudoHeader { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_PAYLOAD_SREG, (uint)Source);
        writer.U32Be(NFTA_PAYLOAD_BASE, (uint)Header);
        writer.U32Be(NFTA_PAYLOAD_OFFSET, (uint)Offset);
        writer.U32Be(NFTA_PAYLOAD_LEN, (uint)Length);
        if (Checksum is { } checksum)
        {
            writer.U32Be(NFTA_PAYLOAD_CSUM_TYPE, 1); // NFT_PAYLOAD_CSUM_INET
            writer.U32Be(NFTA_PAYLOAD_CSUM_OFFSET, (uint)checksum);
        }

        if (InPseudoHeader)
            writer.U32Be(NFTA_PAYLOAD_CSUM_FLAGS, 1);
    }

    internal static NftPayloadWrite Decode(AttributeReader attributes)
    {
        NftRegister source = default;
        uint header = 0, offset = 0, length = 0, type = 0, checksum = 0, flags = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_PAYLOAD_SREG: source = ReadRegister(ref attributes); break;
                case NFTA_PAYLOAD_BASE: header = attributes.U32Be(); break;
                case NFTA_PAYLOAD_OFFSET: offset = attributes.U32Be(); break;
                case NFTA_PAYLOAD_LEN: length = attributes.U32Be(); break;
                case NFTA_PAYLOAD_CSUM_TYPE: type = attributes.U32Be(); break;
                case NFTA_PAYLOAD_CSUM_OFFSET: checksum = attributes.U32Be(); break;
                case NFTA_PAYLOAD_CSUM_FLAGS: flags = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables payload");
        return new NftPayloadWrite((NftPayloadBase)header, (int)offset, (int)length, source)
        {
            Checksum = type == 0 ? null : (int)checksum,
            InPseudoHeader = (flags & 1) != 0,
        };
    }
}
