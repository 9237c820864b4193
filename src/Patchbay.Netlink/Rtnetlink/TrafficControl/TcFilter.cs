using System.Buffers.Binary;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A filter of a queueing discipline as the kernel describes it (struct tcmsg and TCA_*; tc-filter(8)).</summary>
/// <remarks>The kernel also lists what holds filters together: an entry for each priority, without a handle, and u32's hash tables.</remarks>
public sealed record TcFilter
{
    /// <summary>ETH_P_ALL (include/uapi/linux/if_ether.h): packets of every protocol.</summary>
    public const ushort AllProtocols = 3;

    /// <summary>Index of the link.</summary>
    public required int Link { get; init; }

    /// <summary>Its own handle, in the terms of its kind; 0 for an entry that stands for a priority.</summary>
    public uint Handle { get; init; }

    /// <summary>The queueing discipline or class that asks it.</summary>
    public TcHandle Parent { get; init; }

    /// <summary>Order; the smallest is asked first.</summary>
    public ushort Priority { get; init; }

    /// <summary>ETH_P_* in the machine's order.</summary>
    public ushort Protocol { get; init; }

    /// <summary>TCA_CHAIN: 0 unless filters jump.</summary>
    public uint Chain { get; init; }

    /// <summary>The kernel's name of the kind, such as <c>u32</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>TCA_OPTIONS: what belongs to the kind; the kinds decode it.</summary>
    public ReadOnlyMemory<byte> Options { get; init; }

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>Reads RTM_NEWTFILTER or RTM_DELTFILTER.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The filter.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static TcFilter Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out TcHeader header);
        var kind = "";
        uint chain = 0;
        ReadOnlyMemory<byte> options = default;
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case TcHeader.Kind: kind = attributes.Text(); break;
                case TcHeader.Options: options = attributes.Payload.ToArray(); break;
                case TcHeader.Chain: chain = attributes.U32(); break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("filter");
        return new TcFilter
        {
            Link = header.Link,
            Handle = header.Handle,
            Parent = new TcHandle(header.Parent),
            Priority = (ushort)(header.Info >> 16),
            Protocol = BinaryPrimitives.ReverseEndianness((ushort)header.Info),
            Chain = chain,
            Kind = kind,
            Options = options,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }

    /// <summary>Refuses to read the settings of another kind.</summary>
    internal void ThrowIfNot(string kind)
    {
        if (Kind != kind)
            throw new NetlinkException($"read {kind}", $"the filter of priority {Priority} is of kind {Kind}");
    }
}
