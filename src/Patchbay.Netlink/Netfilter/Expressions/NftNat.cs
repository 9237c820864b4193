using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Translates the source or destination of a connection; at least an address or a port register is needed.</summary>
/// <param name="Destination">True for <c>dnat</c>, false for <c>snat</c>.</param>
/// <param name="Family"><see cref="NftFamily.Ip"/> or <see cref="NftFamily.Ip6"/>.</param>
public sealed record NftNat(bool Destination, NftFamily Family) : NftExpression
{
    internal const string Kind = "nat";

    private const ushort NFTA_NAT_TYPE = 1;
    private const ushort NFTA_NAT_FAMILY = 2;
    private const ushort NFTA_NAT_REG_ADDR_MIN = 3;
    private const ushort NFTA_NAT_REG_ADDR_MAX = 4;
    private const ushort NFTA_NAT_REG_PROTO_MIN = 5;
    private const ushort NFTA_NAT_REG_PROTO_MAX = 6;
    private const ushort NFTA_NAT_FLAGS = 7;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>Register of the (lowest) address; null to keep it.</summary>
    public NftRegister? Address { get; init; }

    /// <summary>Register of the highest address; null for a single one.</summary>
    public NftRegister? HighestAddress { get; init; }

    /// <summary>Register of the (lowest) port, 16 bits in network order; null to keep it.</summary>
    public NftRegister? Port { get; init; }

    /// <summary>Register of the highest port; null for a single one.</summary>
    public NftRegister? HighestPort { get; init; }

    /// <summary>How ports are chosen. The kernel itself adds what follows from the registers.</summary>
    public NftNatOptions Options { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_NAT_TYPE, Destination ? 1u : 0);
        writer.U32Be(NFTA_NAT_FAMILY, (uint)Family);
        Optional(writer, NFTA_NAT_REG_ADDR_MIN, Address);
        Optional(writer, NFTA_NAT_REG_ADDR_MAX, HighestAddress);
        Optional(writer, NFTA_NAT_REG_PROTO_MIN, Port);
        Optional(writer, NFTA_NAT_REG_PROTO_MAX, HighestPort);
        if (Options != NftNatOptions.None)
            writer.U32Be(NFTA_NAT_FLAGS, (uint)Options);
    }

    internal static void Optional(MessageWriter writer, ushort type, NftRegister? register)
    {
        if (register is { } value)
            writer.U32Be(type, (uint)value);
    }

    internal static NftNat Decode(AttributeReader attributes)
    {
        uint type = 0, family = 0, flags = 0;
        NftRegister? address = null, highestAddress = null, port = null, highestPort = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_NAT_TYPE: type = attributes.U32Be(); break;
                case NFTA_NAT_FAMILY: family = attributes.U32Be(); break;
                case NFTA_NAT_REG_ADDR_MIN: address = ReadRegister(ref attributes); break;
                case NFTA_NAT_REG_ADDR_MAX: highestAddress = ReadRegister(ref attributes); break;
                case NFTA_NAT_REG_PROTO_MIN: port = ReadRegister(ref attributes); break;
                case NFTA_NAT_REG_PROTO_MAX: highestPort = ReadRegister(ref attributes); break;
                case NFTA_NAT_FLAGS: flags = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables nat");
        return new NftNat(type == 1, (NftFamily)family)
        {
            Address = address,
            HighestAddress = highestAddress,
            Port = port,
            HighestPort = highestPort,
            Options = (NftNatOptions)flags,
        };
    }
}

/// <summary>Options of address translation (NF_NAT_RANGE_*, include/uapi/linux/netfilter/nf_nat.h).</summary>
[Flags]
public enum NftNatOptions
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>NF_NAT_RANGE_MAP_IPS: the address is translated; follows from the registers.</summary>
    MapAddresses = 1,

    /// <summary>NF_NAT_RANGE_PROTO_SPECIFIED: the port is translated; follows from the registers.</summary>
    PortsSpecified = 2,

    /// <summary>NF_NAT_RANGE_PROTO_RANDOM: ports are chosen by a hash (<c>random</c>).</summary>
    Random = 4,

    /// <summary>NF_NAT_RANGE_PERSISTENT: one client always gets the same address (<c>persistent</c>).</summary>
    Persistent = 8,

    /// <summary>NF_NAT_RANGE_PROTO_RANDOM_FULLY: ports are chosen at random (<c>fully-random</c>).</summary>
    FullyRandom = 16,
}
