using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A class of a queueing discipline as the kernel describes it (struct tcmsg and TCA_*; tc(8)).</summary>
public sealed record TcClass
{
    /// <summary>Index of the link.</summary>
    public required int Link { get; init; }

    /// <summary>Its own handle, such as <c>1:10</c>.</summary>
    public TcHandle Handle { get; init; }

    /// <summary>The class above it; <see cref="TcHandle.Root"/> for those right below the discipline.</summary>
    public TcHandle Parent { get; init; }

    /// <summary>The kernel's name of the kind, such as <c>htb</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>TCA_OPTIONS: what belongs to the kind; the kinds decode it.</summary>
    public ReadOnlyMemory<byte> Options { get; init; }

    /// <summary>Attributes that this library does not interpret, statistics among them.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>Reads RTM_NEWTCLASS or RTM_DELTCLASS.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The class.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static TcClass Decode(scoped in MessageReader message)
    {
        // Laid out as a queueing discipline is.
        var read = Qdisc.Decode(message);
        return new TcClass { Link = read.Link, Handle = read.Handle, Parent = read.Parent, Kind = read.Kind, Options = read.Options, Other = read.Other };
    }
}
