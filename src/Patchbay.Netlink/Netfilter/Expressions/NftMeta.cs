using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Loads or sets what the kernel knows about a packet (<c>iifname</c>, <c>meta mark set</c>).</summary>
/// <param name="Key">What.</param>
/// <param name="Register">The register that it is loaded to or set from.</param>
/// <param name="Set">True to set.</param>
public sealed record NftMeta(NftMetaKey Key, NftRegister Register = NftRegister.R1, bool Set = false) : NftExpression
{
    internal const string Kind = "meta";

    private const ushort NFTA_META_DREG = 1;
    private const ushort NFTA_META_KEY = 2;
    private const ushort NFTA_META_SREG = 3;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_META_KEY, (uint)Key);
        writer.U32Be(Set ? NFTA_META_SREG : NFTA_META_DREG, (uint)Register);
    }

    internal static NftMeta Decode(AttributeReader attributes)
    {
        uint key = 0;
        NftRegister register = default;
        var set = false;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_META_KEY: key = attributes.U32Be(); break;
                case NFTA_META_DREG: register = ReadRegister(ref attributes); break;
                case NFTA_META_SREG:
                    register = ReadRegister(ref attributes);
                    set = true;
                    break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables meta");
        return new NftMeta((NftMetaKey)key, register, set);
    }
}

/// <summary>What <see cref="NftMeta"/> loads (enum nft_meta_keys); numbers are in the machine's order unless said.</summary>
public enum NftMetaKey
{
    /// <summary>NFT_META_LEN: length in bytes, 32 bits.</summary>
    Length = 0,

    /// <summary>NFT_META_PROTOCOL: EtherType, 16 bits in network order.</summary>
    Protocol = 1,

    /// <summary>NFT_META_PRIORITY: tc class, 32 bits.</summary>
    Priority = 2,

    /// <summary>NFT_META_MARK: the packet's mark, 32 bits.</summary>
    Mark = 3,

    /// <summary>NFT_META_IIF: index of the input interface, 32 bits.</summary>
    InputIndex = 4,

    /// <summary>NFT_META_OIF: index of the output interface, 32 bits.</summary>
    OutputIndex = 5,

    /// <summary>NFT_META_IIFNAME: name of the input interface, 16 bytes filled up with zeros.</summary>
    InputName = 6,

    /// <summary>NFT_META_OIFNAME: name of the output interface, 16 bytes filled up with zeros.</summary>
    OutputName = 7,

    /// <summary>NFT_META_IIFTYPE: hardware type of the input interface, 16 bits.</summary>
    InputType = 8,

    /// <summary>NFT_META_OIFTYPE: hardware type of the output interface, 16 bits.</summary>
    OutputType = 9,

    /// <summary>NFT_META_SKUID: user of the socket, 32 bits.</summary>
    SocketUser = 10,

    /// <summary>NFT_META_SKGID: group of the socket, 32 bits.</summary>
    SocketGroup = 11,

    /// <summary>NFT_META_NFTRACE: 1 when the packet is traced, 8 bits.</summary>
    Trace = 12,

    /// <summary>NFT_META_NFPROTO: the packet's family, 8 bits.</summary>
    NetworkFamily = 15,

    /// <summary>NFT_META_L4PROTO: transport protocol, 8 bits.</summary>
    TransportProtocol = 16,

    /// <summary>NFT_META_BRI_IIFNAME: name of the input bridge, 16 bytes.</summary>
    InputBridge = 17,

    /// <summary>NFT_META_BRI_OIFNAME: name of the output bridge, 16 bytes.</summary>
    OutputBridge = 18,

    /// <summary>NFT_META_PKTTYPE: unicast, broadcast and so on, 8 bits.</summary>
    PacketType = 19,

    /// <summary>NFT_META_IIFGROUP: group of the input interface, 32 bits.</summary>
    InputGroup = 21,

    /// <summary>NFT_META_OIFGROUP: group of the output interface, 32 bits.</summary>
    OutputGroup = 22,

    /// <summary>NFT_META_CGROUP: net_cls class of the socket, 32 bits.</summary>
    ControlGroup = 23,
}
