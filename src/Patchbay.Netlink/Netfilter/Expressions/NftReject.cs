using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Drops the packet and tells its sender.</summary>
/// <param name="Type">By what.</param>
/// <param name="Code">ICMP code of the family, or of <see cref="NftRejectType.IcmpAny"/>: 0 no route, 1 port, 2 host, 3 prohibited.</param>
public sealed record NftReject(NftRejectType Type = NftRejectType.IcmpAny, byte Code = 1) : NftExpression
{
    internal const string Kind = "reject";

    private const ushort NFTA_REJECT_TYPE = 1;
    private const ushort NFTA_REJECT_ICMP_CODE = 2;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_REJECT_TYPE, (uint)Type);
        writer.U8(NFTA_REJECT_ICMP_CODE, Code);
    }

    internal static NftReject Decode(AttributeReader attributes)
    {
        uint type = 0;
        byte code = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_REJECT_TYPE: type = attributes.U32Be(); break;
                case NFTA_REJECT_ICMP_CODE: code = attributes.U8(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables reject");
        return new NftReject((NftRejectType)type, code);
    }
}

/// <summary>How a sender is told (enum nft_reject_types).</summary>
public enum NftRejectType
{
    /// <summary>NFT_REJECT_ICMP_UNREACH: ICMP or ICMPv6 "unreachable", in a table of one family.</summary>
    Icmp = 0,

    /// <summary>NFT_REJECT_TCP_RST: a TCP reset.</summary>
    TcpReset = 1,

    /// <summary>NFT_REJECT_ICMPX_UNREACH: "unreachable" of the packet's own family.</summary>
    IcmpAny = 2,
}
