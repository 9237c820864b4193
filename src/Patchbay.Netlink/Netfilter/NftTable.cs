using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>A table: the container of chains and sets.</summary>
/// <param name="Family">The packets that it sees.</param>
/// <param name="Name">Its name, unique in its family.</param>
public sealed record NftTable(NftFamily Family, string Name)
{
    /// <summary>The comment that nft(8) shows, at most 128 bytes; null for none. Set only when the table is created.</summary>
    public string? Comment { get; init; }

    /// <summary>True when its chains do not see packets (NFT_TABLE_F_DORMANT).</summary>
    public bool Dormant { get; init; }

    /// <summary>The kernel's number for it; 0 when it did not come from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Number of chains, sets and other objects inside; known of listed tables only.</summary>
    public int UseCount { get; init; }

    internal void Encode(MessageWriter writer)
    {
        writer.Fixed(new NetfilterMessage.Header((byte)Family));
        writer.Text(NFTA_TABLE_NAME, Name);
        writer.U32Be(NFTA_TABLE_FLAGS, Dormant ? 1u : 0);
        NftUserData.Write(writer, NFTA_TABLE_USERDATA, Comment);
    }

    internal static NftTable Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out var header);
        string name = "";
        string? comment = null;
        uint flags = 0, use = 0;
        ulong handle = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_TABLE_NAME: name = attributes.Text(); break;
                case NFTA_TABLE_FLAGS: flags = attributes.U32Be(); break;
                case NFTA_TABLE_USE: use = attributes.U32Be(); break;
                case NFTA_TABLE_HANDLE: handle = attributes.U64Be(); break;
                case NFTA_TABLE_USERDATA: comment = NftUserData.Find(attributes.Payload, NftUserData.Comment); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables table");
        return new NftTable((NftFamily)header.Family, name) { Comment = comment, Dormant = (flags & 1) != 0, Handle = handle, UseCount = (int)use };
    }
}
