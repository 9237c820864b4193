using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>A set of keys, or a map from keys to data or verdicts.</summary>
/// <param name="Family">The table's family.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Name">Its name, unique in the table.</param>
/// <param name="KeyType">Type of its keys.</param>
public sealed record NftSet(NftFamily Family, string Table, string Name, NftDataType KeyType)
{
    /// <summary>Type of a map's data, <see cref="NftDataType.Verdict"/> for a verdict map; null for a set.</summary>
    public NftDataType? DataType { get; init; }

    /// <summary>True when elements may be ranges.</summary>
    public bool Interval { get; init; }

    /// <summary>True when rules may put elements in: <see cref="Expressions.NftDynamicSet"/>.</summary>
    public bool Dynamic { get; init; }

    /// <summary>Most elements that rules may put in; 0 for the kernel's own limit.</summary>
    public int Size { get; init; }

    /// <summary>True when elements may have time limits.</summary>
    public bool HasTimeouts { get; init; }

    /// <summary>Time limit of elements that have none of their own; null for none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The comment that nft(8) shows, at most 128 bytes; null for none.</summary>
    public string? Comment { get; init; }

    /// <summary>True for a set without a name of its own, which lives and dies with the rule that uses it.</summary>
    public bool Anonymous { get; init; }

    /// <summary>The kernel's number for it; 0 when it did not come from the kernel.</summary>
    public ulong Handle { get; init; }

    // enum nft_set_flags
    private const uint FlagAnonymous = 1;
    private const uint FlagConstant = 2;
    private const uint FlagInterval = 4;
    private const uint FlagMap = 8;
    private const uint FlagTimeout = 16;
    private const uint FlagDynamic = 32; // NFT_SET_EVAL
    private const uint FlagConcatenation = 0x80;

    internal void Encode(MessageWriter writer, uint id, int size)
    {
        writer.Fixed(new NetfilterMessage.Header((byte)Family));
        writer.Text(NFTA_SET_TABLE, Table);
        writer.Text(NFTA_SET_NAME, Name);
        writer.U32Be(NFTA_SET_FLAGS, Flags());
        writer.U32Be(NFTA_SET_KEY_TYPE, KeyType.Number);
        writer.U32Be(NFTA_SET_KEY_LEN, (uint)KeyType.Length);
        if (DataType is not null)
        {
            writer.U32Be(NFTA_SET_DATA_TYPE, DataType.Number);
            writer.U32Be(NFTA_SET_DATA_LEN, (uint)DataType.Length);
        }

        writer.U32Be(NFTA_SET_ID, id);
        if (Anonymous || IsRangeOfParts || Size != 0)
            EncodeDescription(writer, Size != 0 ? Size : size);
        if (Timeout is { } timeout)
            writer.U64Be(NFTA_SET_TIMEOUT, (ulong)timeout.TotalMilliseconds);
        EncodeUserData(writer);
    }

    /// <summary>Ranges of concatenated keys have a last key of their own; simple ranges end by an element of the next key.</summary>
    internal bool IsRangeOfParts => Interval && KeyType.Parts.Count > 0;

    private uint Flags() =>
        (Anonymous ? FlagAnonymous | FlagConstant : 0)
        | (Interval ? FlagInterval : 0)
        | (DataType is not null ? FlagMap : 0)
        | (HasTimeouts || Timeout is not null ? FlagTimeout : 0)
        | (Dynamic ? FlagDynamic : 0)
        | (IsRangeOfParts ? FlagConcatenation : 0);

    private void EncodeDescription(MessageWriter writer, int size)
    {
        using var description = writer.Nested(NFTA_SET_DESC);
        if (Anonymous || Size != 0)
            writer.U32Be(NFTA_SET_DESC_SIZE, (uint)size);
        if (!IsRangeOfParts)
            return;
        using var parts = writer.Nested(NFTA_SET_DESC_CONCAT);
        foreach (var part in KeyType.Parts)
        {
            using var field = writer.Nested(NFTA_LIST_ELEM);
            writer.U32Be(NFTA_SET_FIELD_LEN, (uint)part.Length);
        }
    }

    // nft(8) prints numbers by the byte order that it finds here.
    private void EncodeUserData(MessageWriter writer)
    {
        Span<byte> buffer = stackalloc byte[18 + NftUserData.MaximumComment + 3];
        var length = NftUserData.Append(buffer, NftUserData.SetKeyByteOrder, KeyType.ByteOrder);
        if (DataType is not null)
            length += NftUserData.Append(buffer[length..], NftUserData.SetDataByteOrder, DataType.ByteOrder);
        if (DataType is not null)
            length += NftUserData.Append(buffer[length..], NftUserData.SetDataInterval, 0);
        if (Comment is not null)
            length += NftUserData.Append(buffer[length..], NftUserData.SetComment, Comment);
        writer.Bytes(NFTA_SET_USERDATA, buffer[..length]);
    }

    internal static NftSet Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out var header);
        string table = "", name = "";
        string? comment = null;
        uint flags = 0, keyType = 0, keyLength = 0, dataType = 0, dataLength = 0, size = 0;
        ulong handle = 0, timeout = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_SET_TABLE: table = attributes.Text(); break;
                case NFTA_SET_NAME: name = attributes.Text(); break;
                case NFTA_SET_HANDLE: handle = attributes.U64Be(); break;
                case NFTA_SET_FLAGS: flags = attributes.U32Be(); break;
                case NFTA_SET_KEY_TYPE: keyType = attributes.U32Be(); break;
                case NFTA_SET_KEY_LEN: keyLength = attributes.U32Be(); break;
                case NFTA_SET_DATA_TYPE: dataType = attributes.U32Be(); break;
                case NFTA_SET_DATA_LEN: dataLength = attributes.U32Be(); break;
                case NFTA_SET_TIMEOUT: timeout = attributes.U64Be(); break;
                case NFTA_SET_DESC: size = DecodeSize(attributes.Nested()); break;
                case NFTA_SET_USERDATA: comment = NftUserData.Find(attributes.Payload, NftUserData.SetComment); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables set");
        return new NftSet((NftFamily)header.Family, table, name, NftDataType.FromKernel(keyType, (int)keyLength))
        {
            DataType = (flags & FlagMap) != 0 ? NftDataType.FromKernel(dataType, (int)dataLength) : null,
            Interval = (flags & FlagInterval) != 0,
            Dynamic = (flags & FlagDynamic) != 0,
            Size = (flags & FlagAnonymous) == 0 ? (int)Math.Min(size, int.MaxValue) : 0,
            HasTimeouts = (flags & FlagTimeout) != 0,
            Timeout = timeout == 0 ? null : TimeSpan.FromMilliseconds(Math.Min(timeout, int.MaxValue)),
            Anonymous = (flags & FlagAnonymous) != 0,
            Comment = comment,
            Handle = handle,
        };
    }

    private static uint DecodeSize(AttributeReader description)
    {
        uint size = 0;
        while (description.Next())
        {
            if (description.Type == NFTA_SET_DESC_SIZE)
                size = description.U32Be();
        }

        description.ThrowIfMalformed("nf_tables set description");
        return size;
    }
}
