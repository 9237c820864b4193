using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter;

/// <summary>
/// The user data of tables, chains, rules, sets and elements: bytes that the kernel stores without looking at them, in which
/// nft(8) keeps comments as type, length, value with one byte each for type and length (libnftnl's udata.h).
/// </summary>
internal static class NftUserData
{
    // NFTNL_UDATA_TABLE_COMMENT, _CHAIN_COMMENT, _RULE_COMMENT and _SET_ELEM_COMMENT are all 0; of a set it is 7.
    internal const byte Comment = 0;
    internal const byte SetKeyByteOrder = 0;
    internal const byte SetDataByteOrder = 1;
    internal const byte SetDataInterval = 6;
    internal const byte SetComment = 7;

    /// <summary>Ours: who owns the object. Far from the types in use; nft skips types that it does not know.</summary>
    internal const byte Owner = 0xb0;

    /// <summary>NFTNL_UDATA_COMMENT_MAXLEN: the longest comment that nft reads back in, in bytes.</summary>
    internal const int MaximumComment = 128;

    /// <summary>Writes the user data of a table, chain, rule or element; nothing when there is neither text.</summary>
    internal static void Write(MessageWriter writer, ushort attribute, string? comment, string? owner = null)
    {
        if (comment is null && owner is null)
            return;
        Span<byte> buffer = stackalloc byte[2 * (MaximumComment + 3)];
        var length = 0;
        if (comment is not null)
            length += Append(buffer, Comment, comment);
        if (owner is not null)
            length += Append(buffer[length..], Owner, owner);
        writer.Bytes(attribute, buffer[..length]);
    }

    /// <summary>Appends one text with its terminating zero.</summary>
    internal static int Append(Span<byte> buffer, byte type, string text)
    {
        var size = Encoding.UTF8.GetByteCount(text);
        if (size > MaximumComment)
            throw new ArgumentException($"the comment \"{text}\" has {size} bytes; nf_tables comments are limited to {MaximumComment}");
        if (text.Contains('"', StringComparison.Ordinal) || text.Contains('\0', StringComparison.Ordinal) || text.Contains('\n', StringComparison.Ordinal))
            throw new ArgumentException($"the comment {text} contains a quote, line end or zero, which nft(8) could not read back");
        buffer[0] = type;
        buffer[1] = (byte)(size + 1);
        Encoding.UTF8.GetBytes(text, buffer[2..]);
        buffer[2 + size] = 0;
        return 3 + size;
    }

    /// <summary>Appends one number in the machine's order.</summary>
    internal static int Append(Span<byte> buffer, byte type, uint number)
    {
        buffer[0] = type;
        buffer[1] = 4;
        MemoryMarshal.Write(buffer[2..], number);
        return 6;
    }

    /// <summary>Finds a text by its type.</summary>
    internal static string? Find(ReadOnlySpan<byte> data, byte type)
    {
        while (data.Length >= 2)
        {
            int length = data[1];
            if (data.Length < 2 + length)
                return null;
            if (data[0] == type)
            {
                var text = data.Slice(2, length);
                var end = text.IndexOf((byte)0);
                return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
            }

            data = data[(2 + length)..];
        }

        return null;
    }
}
