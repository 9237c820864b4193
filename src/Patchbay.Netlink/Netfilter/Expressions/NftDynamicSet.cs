using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>Puts the key in a register into a set while packets pass: <c>update @set { key limit rate over 10/second }</c>.</summary>
/// <param name="Set">The set, one that is <see cref="NftSet.Dynamic"/>.</param>
/// <param name="Operation">What happens to an element that is there already.</param>
/// <param name="Key">The register that the key begins in.</param>
public sealed record NftDynamicSet(NftSetReference Set, NftDynamicOperation Operation, NftRegister Key = NftRegister.R1) : NftExpression
{
    internal const string Kind = "dynset";

    // enum nft_dynset_attributes
    private const ushort NFTA_DYNSET_SET_NAME = 1;
    private const ushort NFTA_DYNSET_SET_ID = 2;
    private const ushort NFTA_DYNSET_OP = 3;
    private const ushort NFTA_DYNSET_SREG_KEY = 4;
    private const ushort NFTA_DYNSET_TIMEOUT = 6;
    private const ushort NFTA_DYNSET_EXPR = 7;

    /// <inheritdoc/>
    public override string Name => Kind;

    /// <summary>After what time the kernel removes the element; null for the set's own limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>What each element has of its own and every packet with its key goes through, such as <see cref="NftLimit"/>; null for nothing.</summary>
    public NftExpression? Each { get; init; }

    internal override void Encode(MessageWriter writer)
    {
        writer.U32Be(NFTA_DYNSET_SREG_KEY, (uint)Key);
        writer.U32Be(NFTA_DYNSET_OP, (uint)Operation);
        if (Timeout is { } timeout)
            writer.U64Be(NFTA_DYNSET_TIMEOUT, (ulong)timeout.TotalMilliseconds);
        writer.Text(NFTA_DYNSET_SET_NAME, Set.Name);
        if (Set.Id != 0)
            writer.U32Be(NFTA_DYNSET_SET_ID, Set.Id);
        Each?.Write(writer, NFTA_DYNSET_EXPR);
    }

    internal static NftDynamicSet Decode(AttributeReader attributes)
    {
        var name = "";
        uint id = 0, operation = 0;
        ulong timeout = 0;
        NftRegister key = default;
        NftExpression? each = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_DYNSET_SET_NAME: name = attributes.Text(); break;
                case NFTA_DYNSET_SET_ID: id = attributes.U32Be(); break;
                case NFTA_DYNSET_OP: operation = attributes.U32Be(); break;
                case NFTA_DYNSET_SREG_KEY: key = ReadRegister(ref attributes); break;
                case NFTA_DYNSET_TIMEOUT: timeout = attributes.U64Be(); break;
                case NFTA_DYNSET_EXPR: each = Read(attributes.Nested()); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables dynset");
        return new NftDynamicSet(new NftSetReference(name, id), (NftDynamicOperation)operation, key)
        {
            Timeout = timeout == 0 ? null : TimeSpan.FromMilliseconds(Math.Min(timeout, int.MaxValue)),
            Each = each,
        };
    }
}

/// <summary>What <see cref="NftDynamicSet"/> does (enum nft_dynset_ops).</summary>
public enum NftDynamicOperation
{
    /// <summary>NFT_DYNSET_OP_ADD: an element that is there keeps its time limit.</summary>
    Add = 0,

    /// <summary>NFT_DYNSET_OP_UPDATE: its time limit begins again.</summary>
    Update = 1,

    /// <summary>NFT_DYNSET_OP_DELETE: it is removed.</summary>
    Delete = 2,
}
