using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A kind of queueing discipline and its own settings (TCA_KIND, TCA_OPTIONS).</summary>
public abstract class QdiscKind
{
    /// <summary>The kernel's name of the kind: <c>tbf</c>, <c>ingress</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Writes the attribute TCA_OPTIONS, which for some kinds begins with a struct; nothing for those without settings.</summary>
    /// <param name="writer">Where to.</param>
    internal virtual void WriteOptions(MessageWriter writer)
    {
    }
}
