using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Loads given bytes into a register, or gives a verdict.</summary>
/// <param name="Data">What.</param>
/// <param name="Destination">The register; <see cref="NftRegister.Verdict"/> for a verdict.</param>
public sealed record NftImmediate(NftData Data, NftRegister Destination) : NftExpression
{
    internal const string Kind = "immediate";

    private const ushort NFTA_IMMEDIATE_DREG = 1;
    private const ushort NFTA_IMMEDIATE_DATA = 2;

    /// <summary>Gives a verdict.</summary>
    /// <param name="verdict">The verdict.</param>
    public NftImmediate(NftVerdict verdict)
        : this(new NftData(verdict), NftRegister.Verdict)
    {
    }

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_IMMEDIATE_DREG, (uint)Destination);
        Data.Write(writer, NFTA_IMMEDIATE_DATA);
    }

    internal static NftImmediate Decode(AttributeReader attributes)
    {
        NftRegister destination = default;
        var data = default(NftData);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_IMMEDIATE_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_IMMEDIATE_DATA: data = NftData.Read(attributes.Nested()); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables immediate");
        return new NftImmediate(data, destination);
    }
}
