using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>An element of a set or map.</summary>
/// <param name="Key">The key, as <see cref="NftKey"/> builds it.</param>
public sealed record NftSetElement(ReadOnlyMemory<byte> Key)
{
    /// <summary>The last key of a range, part of it; empty for a single key.</summary>
    public ReadOnlyMemory<byte> LastKey { get; init; }

    /// <summary>What a map maps the key to.</summary>
    public NftData Data { get; init; }

    /// <summary>After what time the kernel removes it; null for the set's own limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The comment that nft(8) shows, at most 128 bytes; null for none.</summary>
    public string? Comment { get; init; }

    private const uint IntervalEnd = 1; // NFT_SET_ELEM_INTERVAL_END

    /// <summary>Writes the element, and for a simple range the one that ends it; returns the next list index.</summary>
    internal ushort Encode(MessageWriter writer, NftSet set, ushort index)
    {
        using (writer.Nested(index++))
        {
            if (Timeout is { } timeout)
                writer.U64Be(NFTA_SET_ELEM_TIMEOUT, (ulong)timeout.TotalMilliseconds);
            NftData.Write(writer, NFTA_SET_ELEM_KEY, Key);
            if (set.IsRangeOfParts)
                NftData.Write(writer, NFTA_SET_ELEM_KEY_END, LastKey.IsEmpty ? Key : LastKey);
            if (!Data.IsEmpty)
                Data.Write(writer, NFTA_SET_ELEM_DATA);
            NftUserData.Write(writer, NFTA_SET_ELEM_USERDATA, Comment);
        }

        if (!set.Interval || set.IsRangeOfParts || NftKey.Successor((LastKey.IsEmpty ? Key : LastKey).Span) is not { } end)
            return index;
        using var boundary = writer.Nested(index++);
        writer.U32Be(NFTA_SET_ELEM_FLAGS, IntervalEnd);
        NftData.Write(writer, NFTA_SET_ELEM_KEY, end);
        return index;
    }

    /// <summary>Reads one element; the second value tells that it is only the end of a simple range.</summary>
    internal static (NftSetElement Element, bool IsEnd) Decode(AttributeReader attributes)
    {
        ReadOnlyMemory<byte> key = default, last = default;
        var data = default(NftData);
        uint flags = 0;
        ulong timeout = 0;
        string? comment = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_SET_ELEM_KEY: key = NftData.Read(attributes.Nested()).Value; break;
                case NFTA_SET_ELEM_KEY_END: last = NftData.Read(attributes.Nested()).Value; break;
                case NFTA_SET_ELEM_DATA: data = NftData.Read(attributes.Nested()); break;
                case NFTA_SET_ELEM_FLAGS: flags = attributes.U32Be(); break;
                case NFTA_SET_ELEM_TIMEOUT: timeout = attributes.U64Be(); break;
                case NFTA_SET_ELEM_USERDATA: comment = NftUserData.Find(attributes.Payload, NftUserData.Comment); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables set element");
        var element = new NftSetElement(key)
        {
            LastKey = last.Span.SequenceEqual(key.Span) ? default : last,
            Data = data,
            Timeout = timeout == 0 ? null : TimeSpan.FromMilliseconds(Math.Min(timeout, int.MaxValue)),
            Comment = comment,
        };
        return (element, (flags & IntervalEnd) != 0);
    }

    /// <summary>Joins the beginnings and ends of simple ranges, which the kernel lists one by one.</summary>
    internal static List<NftSetElement> JoinRanges(List<(NftSetElement Element, bool IsEnd)> pieces)
    {
        pieces.Sort((a, b) => a.Element.Key.Span.SequenceCompareTo(b.Element.Key.Span) is not 0 and var order ? order : b.IsEnd.CompareTo(a.IsEnd));
        var elements = new List<NftSetElement>();
        NftSetElement? open = null;
        foreach (var (element, isEnd) in pieces)
        {
            if (isEnd && open is not null)
            {
                var last = NftKey.Predecessor(element.Key.Span);
                elements.Add(last.AsSpan().SequenceEqual(open.Key.Span) ? open : open with { LastKey = last });
                open = null;
            }
            else if (!isEnd)
            {
                if (open is not null)
                    elements.Add(open);
                open = element;
            }
        }

        if (open is not null)
        {
            var highest = new byte[open.Key.Length]; // a range without an end reaches to the last key
            Array.Fill(highest, (byte)0xff);
            elements.Add(open with { LastKey = highest });
        }

        return elements;
    }
}
