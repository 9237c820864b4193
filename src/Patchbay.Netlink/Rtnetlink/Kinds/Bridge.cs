using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An Ethernet bridge (net/bridge); what is null gets the kernel's default.</summary>
public sealed class Bridge : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "bridge";

    // IFLA_BR_*, include/uapi/linux/if_link.h
    private const ushort IFLA_BR_STP_STATE = 5;
    private const ushort IFLA_BR_VLAN_FILTERING = 7;
    private const ushort IFLA_BR_GROUP_FWD_MASK = 9;
    private const ushort IFLA_BR_MCAST_SNOOPING = 23;
    private const ushort IFLA_BR_VLAN_DEFAULT_PVID = 39;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Ports have VLANs, and frames of others are dropped.</summary>
    public bool? VlanFiltering { get; init; }

    /// <summary>The VLAN that new ports get untagged; 0 for none.</summary>
    public ushort? DefaultVlan { get; init; }

    /// <summary>Spanning tree protocol.</summary>
    public bool? SpanningTree { get; init; }

    /// <summary>Multicast snooping.</summary>
    public bool? MulticastSnooping { get; init; }

    /// <summary>Which link-local groups 01:80:c2:00:00:0X are forwarded, as a bit mask over X.</summary>
    public ushort? GroupForwardMask { get; init; }

    /// <summary>Reads the settings of an existing bridge.</summary>
    /// <param name="link">A link of kind <c>bridge</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Bridge Decode(Link link)
    {
        var data = DataOf(link, KindName);
        bool? filtering = null, stp = null, snooping = null;
        ushort? pvid = null, mask = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_BR_VLAN_FILTERING: filtering = data.U8() != 0; break;
                case IFLA_BR_VLAN_DEFAULT_PVID: pvid = data.U16(); break;
                case IFLA_BR_STP_STATE: stp = data.U32() != 0; break;
                case IFLA_BR_MCAST_SNOOPING: snooping = data.U8() != 0; break;
                case IFLA_BR_GROUP_FWD_MASK: mask = data.U16(); break;
            }
        }

        data.ThrowIfMalformed($"bridge \"{link.Name}\"");
        return new Bridge { VlanFiltering = filtering, DefaultVlan = pvid, SpanningTree = stp, MulticastSnooping = snooping, GroupForwardMask = mask };
    }

    // ip link add NAME type bridge vlan_filtering 1
    internal override void Write(MessageWriter writer)
    {
        if (SpanningTree is { } stp)
            writer.U32(IFLA_BR_STP_STATE, stp ? 1u : 0);
        if (VlanFiltering is { } filtering)
            writer.U8(IFLA_BR_VLAN_FILTERING, filtering ? (byte)1 : (byte)0);
        if (GroupForwardMask is { } mask)
            writer.U16(IFLA_BR_GROUP_FWD_MASK, mask);
        if (MulticastSnooping is { } snooping)
            writer.U8(IFLA_BR_MCAST_SNOOPING, snooping ? (byte)1 : (byte)0);
        if (DefaultVlan is { } pvid)
            writer.U16(IFLA_BR_VLAN_DEFAULT_PVID, pvid);
    }
}
