using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>What happens to a packet, or where its evaluation goes on.</summary>
/// <param name="Code">The verdict.</param>
/// <param name="Chain">The target of a jump or goto; null otherwise.</param>
public readonly record struct NftVerdict(NftVerdictCode Code, string? Chain = null)
{
    /// <summary>The packet passes this base chain.</summary>
    public static NftVerdict Accept => new(NftVerdictCode.Accept);

    /// <summary>The packet is dropped.</summary>
    public static NftVerdict Drop => new(NftVerdictCode.Drop);

    /// <summary>Evaluation goes on with the next rule.</summary>
    public static NftVerdict Continue => new(NftVerdictCode.Continue);

    /// <summary>Evaluation returns to the calling chain; in a base chain the policy applies.</summary>
    public static NftVerdict Return => new(NftVerdictCode.Return);

    /// <summary>Evaluation goes to another chain and comes back.</summary>
    /// <param name="chain">The chain's name.</param>
    /// <returns>The verdict.</returns>
    public static NftVerdict Jump(string chain) => new(NftVerdictCode.Jump, chain);

    /// <summary>Evaluation goes to another chain and does not come back to this one.</summary>
    /// <param name="chain">The chain's name.</param>
    /// <returns>The verdict.</returns>
    public static NftVerdict Goto(string chain) => new(NftVerdictCode.Goto, chain);

    /// <summary>Writes NFTA_DATA_VERDICT inside the data attribute that is open.</summary>
    internal void Write(MessageWriter writer)
    {
        using var verdict = writer.Nested(NFTA_DATA_VERDICT);
        writer.U32Be(NFTA_VERDICT_CODE, (uint)Code);
        if (Chain is not null)
            writer.Text(NFTA_VERDICT_CHAIN, Chain);
    }

    internal static NftVerdict Read(AttributeReader attributes)
    {
        uint code = 0;
        string? chain = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_VERDICT_CODE: code = attributes.U32Be(); break;
                case NFTA_VERDICT_CHAIN: chain = attributes.Text(); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables verdict");
        return new NftVerdict((NftVerdictCode)(int)code, chain);
    }
}

/// <summary>Verdict numbers (NF_* of include/uapi/linux/netfilter.h, enum nft_verdicts).</summary>
public enum NftVerdictCode
{
    /// <summary>NF_DROP.</summary>
    Drop = 0,

    /// <summary>NF_ACCEPT.</summary>
    Accept = 1,

    /// <summary>NFT_CONTINUE.</summary>
    Continue = -1,

    /// <summary>NFT_BREAK.</summary>
    Break = -2,

    /// <summary>NFT_JUMP.</summary>
    Jump = -3,

    /// <summary>NFT_GOTO.</summary>
    Goto = -4,

    /// <summary>NFT_RETURN.</summary>
    Return = -5,
}
