using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>Which interface of which namespace a lease is for, such that another one in its place is noticed.</summary>
internal sealed record LeasePlace
{
    /// <summary>CNI_NETNS.</summary>
    internal required string NetnsPath { get; init; }

    /// <summary>Device number of the namespace's file.</summary>
    internal required ulong Device { get; init; }

    /// <summary>Inode number of the namespace's file.</summary>
    internal required ulong Inode { get; init; }

    internal required int LinkIndex { get; init; }

    internal required MacAddress Hardware { get; init; }

    /// <summary>
    /// True for the same interface. A later plugin of the chain may have changed its Ethernet address (tuning), and one that was made anew may have got the
    /// old address on purpose; with both another it is a stranger.
    /// </summary>
    internal bool IsSame(LeasePlace other) =>
        Device == other.Device && Inode == other.Inode && (LinkIndex == other.LinkIndex || Hardware == other.Hardware);
}
