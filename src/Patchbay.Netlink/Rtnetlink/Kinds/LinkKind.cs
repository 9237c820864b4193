using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A kind of virtual link and its own settings (IFLA_INFO_KIND, IFLA_INFO_DATA).</summary>
public abstract class LinkKind
{
    /// <summary>The kernel's name of the kind: <c>veth</c>, <c>bridge</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Writes the attributes inside IFLA_INFO_DATA.</summary>
    /// <param name="writer">Where to.</param>
    internal abstract void Write(MessageWriter writer);
}
