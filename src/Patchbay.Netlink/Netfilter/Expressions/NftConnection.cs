using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Loads or sets what connection tracking knows about a packet's connection (<c>ct state</c>, <c>ct mark set</c>).</summary>
/// <param name="Key">What.</param>
/// <param name="Register">The register that it is loaded to or set from.</param>
/// <param name="Set">True to set.</param>
public sealed record NftConnection(NftConnectionKey Key, NftRegister Register = NftRegister.R1, bool Set = false) : NftExpression
{
    internal const string Kind = "ct";

    private const ushort NFTA_CT_DREG = 1;
    private const ushort NFTA_CT_KEY = 2;
    private const ushort NFTA_CT_DIRECTION = 3;
    private const ushort NFTA_CT_SREG = 4;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Whose view of addresses, ports and counters: 0 the originator's, 1 the reply's; null for keys without direction.</summary>
    public byte? Direction { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_CT_KEY, (uint)Key);
        if (!Set)
            writer.U32Be(NFTA_CT_DREG, (uint)Register);
        if (Direction is { } direction)
            writer.U8(NFTA_CT_DIRECTION, direction);
        if (Set)
            writer.U32Be(NFTA_CT_SREG, (uint)Register);
    }

    internal static NftConnection Decode(AttributeReader attributes)
    {
        uint key = 0;
        NftRegister register = default;
        var set = false;
        byte? direction = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_CT_KEY: key = attributes.U32Be(); break;
                case NFTA_CT_DIRECTION: direction = attributes.U8(); break;
                case NFTA_CT_DREG: register = ReadRegister(ref attributes); break;
                case NFTA_CT_SREG:
                    register = ReadRegister(ref attributes);
                    set = true;
                    break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables ct");
        return new NftConnection((NftConnectionKey)key, register, set) { Direction = direction };
    }
}

/// <summary>What <see cref="NftConnection"/> loads (enum nft_ct_keys).</summary>
public enum NftConnectionKey
{
    /// <summary>NFT_CT_STATE: <see cref="NftConnectionState"/>, 32 bits.</summary>
    State = 0,

    /// <summary>NFT_CT_DIRECTION: 0 original, 1 reply; 8 bits.</summary>
    Direction = 1,

    /// <summary>NFT_CT_STATUS: IPS_* bits, 32 bits.</summary>
    Status = 2,

    /// <summary>NFT_CT_MARK: the connection's mark, 32 bits.</summary>
    Mark = 3,

    /// <summary>NFT_CT_L3PROTOCOL: family, 8 bits.</summary>
    NetworkFamily = 7,

    /// <summary>NFT_CT_PROTOCOL: transport protocol, 8 bits.</summary>
    Protocol = 10,

    /// <summary>NFT_CT_PROTO_SRC: source port, 16 bits in network order; needs a direction.</summary>
    SourcePort = 11,

    /// <summary>NFT_CT_PROTO_DST: destination port, 16 bits in network order; needs a direction.</summary>
    DestinationPort = 12,

    /// <summary>NFT_CT_ZONE: zone, 16 bits.</summary>
    Zone = 17,

    /// <summary>NFT_CT_SRC_IP: IPv4 source address; needs a direction.</summary>
    SourceIp = 19,

    /// <summary>NFT_CT_DST_IP: IPv4 destination address; needs a direction.</summary>
    DestinationIp = 20,

    /// <summary>NFT_CT_SRC_IP6: IPv6 source address; needs a direction.</summary>
    SourceIp6 = 21,

    /// <summary>NFT_CT_DST_IP6: IPv6 destination address; needs a direction.</summary>
    DestinationIp6 = 22,
}

/// <summary>States of a connection as <c>ct state</c> tells them (NF_CT_STATE_*BIT).</summary>
[Flags]
public enum NftConnectionState
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The packet belongs to no connection that could be.</summary>
    Invalid = 1,

    /// <summary>Packets in both directions were seen.</summary>
    Established = 2,

    /// <summary>A connection that another one announced.</summary>
    Related = 4,

    /// <summary>The first packet.</summary>
    New = 8,

    /// <summary>Not tracked.</summary>
    Untracked = 64,
}
