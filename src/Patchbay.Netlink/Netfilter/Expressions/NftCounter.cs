using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Counts the packets and bytes that come by.</summary>
/// <param name="Packets">Packets so far.</param>
/// <param name="Bytes">Bytes so far.</param>
public sealed record NftCounter(ulong Packets = 0, ulong Bytes = 0) : NftExpression
{
    internal const string Kind = "counter";

    private const ushort NFTA_COUNTER_BYTES = 1;
    private const ushort NFTA_COUNTER_PACKETS = 2;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        if (Packets == 0 && Bytes == 0)
            return;
        writer.U64Be(NFTA_COUNTER_BYTES, Bytes);
        writer.U64Be(NFTA_COUNTER_PACKETS, Packets);
    }

    internal static NftCounter Decode(AttributeReader attributes)
    {
        ulong packets = 0, bytes = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_COUNTER_BYTES: bytes = attributes.U64Be(); break;
                case NFTA_COUNTER_PACKETS: packets = attributes.U64Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables counter");
        return new NftCounter(packets, bytes);
    }
}
