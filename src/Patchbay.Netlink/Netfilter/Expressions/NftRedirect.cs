using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Redirects a connection to this host: its destination becomes the address of the interface by which it came.</summary>
public sealed record NftRedirect : NftExpression
{
    internal const string Kind = "redir";

    private const ushort NFTA_REDIR_FLAGS = 3;
    private const ushort NFTA_REDIR_REG_PROTO_MIN = 1;
    private const ushort NFTA_REDIR_REG_PROTO_MAX = 2;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Register of the (lowest) port, 16 bits in network order; null to keep it.</summary>
    public NftRegister? Port { get; init; }

    /// <summary>Register of the highest port; null for a single one.</summary>
    public NftRegister? HighestPort { get; init; }

    /// <summary>How ports are chosen.</summary>
    public NftNatOptions Options { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        NftNat.Optional(writer, NFTA_REDIR_REG_PROTO_MIN, Port);
        NftNat.Optional(writer, NFTA_REDIR_REG_PROTO_MAX, HighestPort);
        if (Options != NftNatOptions.None)
            writer.U32Be(NFTA_REDIR_FLAGS, (uint)Options);
    }

    internal static NftRedirect Decode(AttributeReader attributes)
    {
        uint flags = 0;
        NftRegister? port = null, highestPort = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_REDIR_FLAGS: flags = attributes.U32Be(); break;
                case NFTA_REDIR_REG_PROTO_MIN: port = ReadRegister(ref attributes); break;
                case NFTA_REDIR_REG_PROTO_MAX: highestPort = ReadRegister(ref attributes); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables redir");
        return new NftRedirect { Port = port, HighestPort = highestPort, Options = (NftNatOptions)flags };
    }
}
