using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Asks the routing tables about an address of the packet (<c>fib daddr type</c>, <c>fib saddr . iif oif</c>).</summary>
/// <param name="Result">What is asked for.</param>
/// <param name="Flags">About what.</param>
/// <param name="Destination">The register that receives it.</param>
public sealed record NftRouteLookup(NftRouteResult Result, NftRouteFlags Flags, NftRegister Destination = NftRegister.R1) : NftExpression
{
    internal const string Kind = "fib";

    private const ushort NFTA_FIB_DREG = 1;
    private const ushort NFTA_FIB_RESULT = 2;
    private const ushort NFTA_FIB_FLAGS = 3;

    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_FIB_FLAGS, (uint)Flags);
        writer.U32Be(NFTA_FIB_RESULT, (uint)Result);
        writer.U32Be(NFTA_FIB_DREG, (uint)Destination);
    }

    internal static NftRouteLookup Decode(AttributeReader attributes)
    {
        NftRegister destination = default;
        uint result = 0, flags = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_FIB_DREG: destination = ReadRegister(ref attributes); break;
                case NFTA_FIB_RESULT: result = attributes.U32Be(); break;
                case NFTA_FIB_FLAGS: flags = attributes.U32Be(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables fib");
        return new NftRouteLookup((NftRouteResult)result, (NftRouteFlags)flags, destination);
    }
}

/// <summary>What the routing tables are asked for (enum nft_fib_result).</summary>
public enum NftRouteResult
{
    /// <summary>NFT_FIB_RESULT_OIF: index of the interface of the route, 32 bits.</summary>
    OutputIndex = 1,

    /// <summary>NFT_FIB_RESULT_OIFNAME: name of the interface, 16 bytes.</summary>
    OutputName = 2,

    /// <summary>NFT_FIB_RESULT_ADDRTYPE: kind of address, RTN_*, 32 bits; RTN_LOCAL is 2.</summary>
    AddressType = 3,
}

/// <summary>About what the routing tables are asked (enum nft_fib_flags).</summary>
[Flags]
public enum NftRouteFlags
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The source address.</summary>
    Source = 1,

    /// <summary>The destination address.</summary>
    Destination = 2,

    /// <summary>The mark takes part.</summary>
    Mark = 4,

    /// <summary>Only routes by the input interface.</summary>
    InputInterface = 8,

    /// <summary>Only routes by the output interface.</summary>
    OutputInterface = 16,

    /// <summary>Only whether there is a route: 0 or 1.</summary>
    Present = 32,
}
