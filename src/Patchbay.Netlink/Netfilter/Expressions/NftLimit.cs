using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Goes on only while packets or bytes come no faster than a rate.</summary>
/// <param name="Rate">Packets or bytes per unit.</param>
/// <param name="UnitSeconds">The unit in seconds: 1, 60, 3600, 86400 or 604800.</param>
/// <param name="Burst">Packets or bytes above the rate that pass at once.</param>
/// <param name="Bytes">True when bytes are counted, false when packets are.</param>
/// <param name="Inverted">True to go on only beyond the rate (<c>limit rate over</c>).</param>
public sealed record NftLimit(ulong Rate, ulong UnitSeconds = 1, uint Burst = 5, bool Bytes = false, bool Inverted = false) : NftExpression
{
    internal const string Kind = "limit";

    private const ushort NFTA_LIMIT_RATE = 1;
    private const ushort NFTA_LIMIT_UNIT = 2;
    private const ushort NFTA_LIMIT_BURST = 3;
    private const ushort NFTA_LIMIT_TYPE = 4;
    private const ushort NFTA_LIMIT_FLAGS = 5;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U64Be(NFTA_LIMIT_RATE, Rate);
        writer.U64Be(NFTA_LIMIT_UNIT, UnitSeconds);
        writer.U32Be(NFTA_LIMIT_BURST, Burst);
        writer.U32Be(NFTA_LIMIT_TYPE, Bytes ? 1u : 0);
        writer.U32Be(NFTA_LIMIT_FLAGS, Inverted ? 1u : 0);
    }

    internal static NftLimit Decode(AttributeReader attributes)
    {
        ulong rate = 0, unit = 0;
        uint burst = 0, type = 0, flags = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_LIMIT_RATE: rate = attributes.U64Be(); break;
                case NFTA_LIMIT_UNIT: unit = attributes.U64Be(); break;
                case NFTA_LIMIT_BURST: burst = attributes.U32Be(); break;
                case NFTA_LIMIT_TYPE: type = attributes.U32Be(); break;
                case NFTA_LIMIT_FLAGS: flags = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables limit");
        return new NftLimit(rate, unit, burst, type == 1, (flags & 1) != 0);
    }
}
