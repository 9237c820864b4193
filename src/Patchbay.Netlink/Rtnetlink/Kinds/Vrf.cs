using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A device whose ports have a routing table of their own: virtual routing and forwarding (drivers/net/vrf.c, Documentation/networking/vrf.rst).</summary>
/// <param name="table">The routing table.</param>
public sealed class Vrf(uint table) : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "vrf";

    private const ushort IFLA_VRF_TABLE = 1; // include/uapi/linux/if_link.h

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The routing table of the device and its ports.</summary>
    public uint Table => table;

    /// <summary>Reads the settings of an existing device.</summary>
    /// <param name="link">A link of kind <c>vrf</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Vrf Decode(Link link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.Kind != KindName)
            throw new NetlinkException($"read VRF \"{link.Name}\"", $"its kind is {link.Kind ?? "none"}");
        uint found = 0;
        var data = new AttributeReader(link.KindData.Span);
        while (data.Next())
        {
            if (data.Type == IFLA_VRF_TABLE)
                found = data.U32();
        }

        data.ThrowIfMalformed($"VRF \"{link.Name}\"");
        return new Vrf(found);
    }

    // ip link add NAME type vrf table TABLE
    internal override void Write(MessageWriter writer) => writer.U32(IFLA_VRF_TABLE, table);
}
