using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link for the frames of one VLAN of the link below it (net/8021q).</summary>
/// <remarks>The link below is <see cref="LinkSettings.Lower"/>; it has each VLAN of each protocol once, in whatever namespace.</remarks>
/// <param name="id">VLAN id, 0 to 4094; 0 is the priority tag.</param>
public sealed class Vlan(ushort id) : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "vlan";

    // IFLA_VLAN_*, include/uapi/linux/if_link.h
    private const ushort IFLA_VLAN_ID = 1;
    private const ushort IFLA_VLAN_PROTOCOL = 5;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>VLAN id.</summary>
    public ushort Id => id;

    /// <summary>The tag's protocol; null for <see cref="VlanProtocol.Customer"/>.</summary>
    public VlanProtocol? Protocol { get; init; }

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>vlan</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Vlan Decode(Link link)
    {
        var data = DataOf(link, KindName);
        ushort id = 0;
        VlanProtocol? protocol = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_VLAN_ID: id = data.U16(); break;
                case IFLA_VLAN_PROTOCOL: protocol = (VlanProtocol)data.U16Be(); break;
            }
        }

        data.ThrowIfMalformed($"vlan \"{link.Name}\"");
        return new Vlan(id) { Protocol = protocol };
    }

    // ip link add link LOWER name NAME type vlan protocol 802.1ad id 5
    internal override void Write(MessageWriter writer)
    {
        writer.U16(IFLA_VLAN_ID, id);
        if (Protocol is { } protocol)
            writer.U16Be(IFLA_VLAN_PROTOCOL, (ushort)protocol);
    }
}

/// <summary>Protocol of a VLAN tag: its EtherType (ETH_P_*).</summary>
public enum VlanProtocol : ushort
{
    /// <summary>ETH_P_8021Q: the usual tag, IEEE 802.1Q.</summary>
    Customer = 0x8100,

    /// <summary>ETH_P_8021AD: the outer tag of two, IEEE 802.1ad (QinQ).</summary>
    Service = 0x88a8,
}
