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

    /// <summary>The attributes inside IFLA_INFO_DATA of an existing link.</summary>
    /// <param name="link">The link.</param>
    /// <param name="kind">The kind that it must have.</param>
    /// <exception cref="NetlinkException">It is of another kind.</exception>
    private protected static AttributeReader DataOf(Link link, string kind)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.Kind != kind)
            throw new NetlinkException($"read {kind} \"{link.Name}\"", $"its kind is {link.Kind ?? "none"}");
        return new AttributeReader(link.KindData.Span);
    }

    /// <summary>The number of a tunnel's virtual network (VNI), which has 24 bits.</summary>
    private protected static uint NetworkNumber(uint id) =>
        id < 1 << 24 ? id : throw new ArgumentOutOfRangeException(nameof(id), id, "a virtual network's number has 24 bits");
}
