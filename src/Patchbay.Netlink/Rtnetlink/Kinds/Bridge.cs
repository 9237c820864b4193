using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An Ethernet bridge (net/bridge); what is null gets the kernel's default.</summary>
public sealed class Bridge : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "bridge";

    // IFLA_BR_*, include/uapi/linux/if_link.h
    private const ushort IFLA_BR_FORWARD_DELAY = 1;
    private const ushort IFLA_BR_AGEING_TIME = 4;
    private const ushort IFLA_BR_STP_STATE = 5;
    private const ushort IFLA_BR_PRIORITY = 6;
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

    /// <summary>Priority in the election of the root; the smallest wins.</summary>
    public ushort? Priority { get; init; }

    /// <summary>How long a port listens, and then learns, before it forwards; with the spanning tree 2 to 30 s. Kept in hundredths of a second.</summary>
    public TimeSpan? ForwardDelay { get; init; }

    /// <summary>How long an address is remembered that is not heard of again; zero to flood always. Kept in hundredths of a second.</summary>
    public TimeSpan? AgeingTime { get; init; }

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
        ushort? pvid = null, mask = null, priority = null;
        TimeSpan? delay = null, ageing = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_BR_VLAN_FILTERING: filtering = data.U8() != 0; break;
                case IFLA_BR_VLAN_DEFAULT_PVID: pvid = data.U16(); break;
                case IFLA_BR_STP_STATE: stp = data.U32() != 0; break;
                case IFLA_BR_MCAST_SNOOPING: snooping = data.U8() != 0; break;
                case IFLA_BR_GROUP_FWD_MASK: mask = data.U16(); break;
                case IFLA_BR_PRIORITY: priority = data.U16(); break;
                case IFLA_BR_FORWARD_DELAY: delay = TimeSpan.FromMilliseconds(10L * data.U32()); break;
                case IFLA_BR_AGEING_TIME: ageing = TimeSpan.FromMilliseconds(10L * data.U32()); break;
            }
        }

        data.ThrowIfMalformed($"bridge \"{link.Name}\"");
        return new Bridge
        {
            VlanFiltering = filtering,
            DefaultVlan = pvid,
            SpanningTree = stp,
            Priority = priority,
            ForwardDelay = delay,
            AgeingTime = ageing,
            MulticastSnooping = snooping,
            GroupForwardMask = mask,
        };
    }

    // ip link add NAME type bridge vlan_filtering 1
    internal override void Write(MessageWriter writer)
    {
        if (ForwardDelay is { } delay)
            writer.U32(IFLA_BR_FORWARD_DELAY, Hundredths(delay));
        if (AgeingTime is { } ageing)
            writer.U32(IFLA_BR_AGEING_TIME, Hundredths(ageing));
        if (SpanningTree is { } stp)
            writer.U32(IFLA_BR_STP_STATE, stp ? 1u : 0);
        if (Priority is { } priority)
            writer.U16(IFLA_BR_PRIORITY, priority);
        if (VlanFiltering is { } filtering)
            writer.U8(IFLA_BR_VLAN_FILTERING, filtering ? (byte)1 : (byte)0);
        if (GroupForwardMask is { } mask)
            writer.U16(IFLA_BR_GROUP_FWD_MASK, mask);
        if (MulticastSnooping is { } snooping)
            writer.U8(IFLA_BR_MCAST_SNOOPING, snooping ? (byte)1 : (byte)0);
        if (DefaultVlan is { } pvid)
            writer.U16(IFLA_BR_VLAN_DEFAULT_PVID, pvid);
    }

    // clock_t: the kernel's USER_HZ is 100 on every machine that .NET runs on
    private static uint Hundredths(TimeSpan time) => time >= TimeSpan.Zero
        ? (uint)Math.Min(time.TotalMilliseconds / 10, uint.MaxValue)
        : throw new ArgumentOutOfRangeException(nameof(time), time, "a time of a bridge is not negative");
}
