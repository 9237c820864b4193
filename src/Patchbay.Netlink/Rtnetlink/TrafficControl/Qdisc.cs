using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A queueing discipline of a link as the kernel describes it (struct tcmsg and TCA_*; tc(8)).</summary>
public sealed record Qdisc
{
    /// <summary>Index of the link.</summary>
    public required int Link { get; init; }

    /// <summary>Its own handle; <see cref="TcHandle.None"/> for those that the kernel attaches by itself.</summary>
    public TcHandle Handle { get; init; }

    /// <summary>Where it is attached.</summary>
    public TcHandle Parent { get; init; }

    /// <summary>The kernel's name of the kind, such as <c>tbf</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>TCA_OPTIONS: what belongs to the kind; the kinds decode it.</summary>
    public ReadOnlyMemory<byte> Options { get; init; }

    /// <summary>Attributes that this library does not interpret, statistics among them.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>The discipline as tc(8) words it.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"qdisc {Kind} {Handle} parent {Parent}";

    /// <summary>Reads RTM_NEWQDISC or RTM_DELQDISC.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The queueing discipline.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static Qdisc Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out TcHeader header);
        var kind = "";
        ReadOnlyMemory<byte> options = default;
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case TcHeader.Kind: kind = attributes.Text(); break;
                case TcHeader.Options: options = attributes.Payload.ToArray(); break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("queueing discipline");
        return new Qdisc
        {
            Link = header.Link,
            Handle = new TcHandle(header.Handle),
            Parent = new TcHandle(header.Parent),
            Kind = kind,
            Options = options,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }

    /// <summary>Refuses to read the settings of another kind.</summary>
    internal void ThrowIfNot(string kind)
    {
        if (Kind != kind)
            throw new NetlinkException($"read {kind}", $"the queueing discipline {Handle} is of kind {Kind}");
    }
}
