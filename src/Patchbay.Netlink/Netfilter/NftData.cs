using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>What a register or an element of a map holds: bytes, or a verdict.</summary>
public readonly record struct NftData
{
    /// <summary>Holds bytes.</summary>
    /// <param name="value">At most 64 bytes; numbers from packets are in network order, those of meta and ct in the machine's.</param>
    public NftData(ReadOnlyMemory<byte> value) => Value = value;

    /// <summary>Holds a verdict.</summary>
    /// <param name="verdict">The verdict.</param>
    public NftData(NftVerdict verdict) => Verdict = verdict;

    /// <summary>The bytes; empty when it holds a verdict.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>The verdict; null when it holds bytes.</summary>
    public NftVerdict? Verdict { get; }

    /// <summary>True when it holds neither.</summary>
    public bool IsEmpty => Verdict is null && Value.IsEmpty;

    internal void Write(MessageWriter writer, ushort attribute)
    {
        using var data = writer.Nested(attribute);
        if (Verdict is { } verdict)
            verdict.Write(writer);
        else
            writer.Bytes(NFTA_DATA_VALUE, Value.Span);
    }

    internal static void Write(MessageWriter writer, ushort attribute, ReadOnlyMemory<byte> value) => new NftData(value).Write(writer, attribute);

    internal static NftData Read(AttributeReader attributes)
    {
        var data = default(NftData);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_DATA_VALUE: data = new NftData(attributes.Payload.ToArray()); break;
                case NFTA_DATA_VERDICT: data = new NftData(NftVerdict.Read(attributes.Nested())); break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables data");
        return data;
    }
}
