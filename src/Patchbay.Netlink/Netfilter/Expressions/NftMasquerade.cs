using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Masquerades a connection: its source becomes the address of the interface by which it leaves.</summary>
public sealed record NftMasquerade : NftExpression
{
    internal const string Kind = "masq";

    private const ushort NFTA_MASQ_FLAGS = 1;
    private const ushort NFTA_MASQ_REG_PROTO_MIN = 2;
    private const ushort NFTA_MASQ_REG_PROTO_MAX = 3;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Register of the (lowest) port, 16 bits in network order; null to let the kernel choose.</summary>
    public NftRegister? Port { get; init; }

    /// <summary>Register of the highest port; null for a single one.</summary>
    public NftRegister? HighestPort { get; init; }

    /// <summary>How ports are chosen.</summary>
    public NftNatOptions Options { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        if (Options != NftNatOptions.None)
            writer.U32Be(NFTA_MASQ_FLAGS, (uint)Options);
        NftNat.Optional(writer, NFTA_MASQ_REG_PROTO_MIN, Port);
        NftNat.Optional(writer, NFTA_MASQ_REG_PROTO_MAX, HighestPort);
    }

    internal static NftMasquerade Decode(AttributeReader attributes)
    {
        uint flags = 0;
        NftRegister? port = null, highestPort = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_MASQ_FLAGS: flags = attributes.U32Be(); break;
                case NFTA_MASQ_REG_PROTO_MIN: port = ReadRegister(ref attributes); break;
                case NFTA_MASQ_REG_PROTO_MAX: highestPort = ReadRegister(ref attributes); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables masq");
        return new NftMasquerade { Port = port, HighestPort = highestPort, Options = (NftNatOptions)flags };
    }
}
