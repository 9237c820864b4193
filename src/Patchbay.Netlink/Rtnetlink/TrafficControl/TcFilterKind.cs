using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A kind of filter, its own settings and what it does with the packets that match (TCA_KIND, TCA_OPTIONS).</summary>
public abstract class TcFilterKind
{
    /// <summary>The kernel's name of the kind: <c>u32</c>, <c>matchall</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The class to which packets go that match; <see cref="TcHandle.None"/> for none.</summary>
    public TcHandle ClassId { get; init; }

    /// <summary>What happens to packets that match, in this order.</summary>
    public IReadOnlyList<TcAction> Actions { get; init; } = [];

    /// <summary>Writes what is inside TCA_OPTIONS.</summary>
    /// <param name="writer">Where to.</param>
    internal abstract void Write(MessageWriter writer);
}
