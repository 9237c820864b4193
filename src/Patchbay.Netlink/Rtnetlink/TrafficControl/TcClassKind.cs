using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A class of a queueing discipline that has some, and its own settings (TCA_KIND, TCA_OPTIONS).</summary>
public abstract class TcClassKind
{
    /// <summary>The kernel's name of the kind, which is its discipline's: <c>htb</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Writes the attribute TCA_OPTIONS.</summary>
    /// <param name="writer">Where to.</param>
    internal abstract void WriteOptions(MessageWriter writer);
}
