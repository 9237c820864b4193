using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Loads bytes of the packet into a register (<c>ip saddr</c>, <c>tcp dport</c>).</summary>
/// <param name="Header">The header that it counts from.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Destination">The register.</param>
public sealed record NftPayload(NftPayloadBase Header, int Offset, int Length, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "payload";

    private const ushort NFTA_PAYLOAD_DREG = 1;
    private const ushort NFTA_PAYLOAD_BASE = 2;
    private const ushort NFTA_PAYLOAD_OFFSET = 3;
    private const ushort NFTA_PAYLOAD_LEN = 4;
    private const ushort NFTA_PAYLOAD_SREG = 5;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_PAYLOAD_DREG, (uint)Destination);
        writer.U32Be(NFTA_PAYLOAD_BASE, (uint)Header);
        writer.U32Be(NFTA_PAYLOAD_OFFSET, (uint)Offset);
        writer.U32Be(NFTA_PAYLOAD_LEN, (uint)Length);
    }

    internal static NftExpression Decode(AttributeReader attributes)
    {
        var whole = attributes;
        NftRegister destination = default;
        uint header = 0, offset = 0, length = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_PAYLOAD_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_PAYLOAD_BASE: header = attributes.U32Be(); break;
                case NFTA_PAYLOAD_OFFSET: offset = attributes.U32Be(); break;
                case NFTA_PAYLOAD_LEN: length = attributes.U32Be(); break;
                case NFTA_PAYLOAD_SREG: return NftPayloadWrite.Decode(whole);
            }
        }

        attributes.ThrowIfMalformed("nf_tables payload");
        return new NftPayload((NftPayloadBase)header, (int)offset, (int)length, destination);
    }
}

/// <summary>Headers that <see cref="NftPayload"/> counts from (enum nft_payload_bases).</summary>
public enum NftPayloadBase
{
    /// <summary>NFT_PAYLOAD_LL_HEADER: Ethernet.</summary>
    Link = 0,

    /// <summary>NFT_PAYLOAD_NETWORK_HEADER: IPv4, IPv6 or ARP.</summary>
    Network = 1,

    /// <summary>NFT_PAYLOAD_TRANSPORT_HEADER: TCP, UDP, ICMP and so on.</summary>
    Transport = 2,

    /// <summary>NFT_PAYLOAD_INNER_HEADER: what the transport carries.</summary>
    Inner = 3,
}
