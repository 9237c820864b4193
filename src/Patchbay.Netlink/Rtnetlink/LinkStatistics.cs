using System.Runtime.InteropServices;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>What a link has counted since it was made (the beginning of struct rtnl_link_stats64, include/uapi/linux/if_link.h).</summary>
/// <param name="ReceivedPackets">Packets that came in.</param>
/// <param name="SentPackets">Packets that went out.</param>
/// <param name="ReceivedBytes">Their bytes.</param>
/// <param name="SentBytes">Their bytes.</param>
/// <param name="ReceiveErrors">Packets that came in damaged.</param>
/// <param name="SendErrors">Packets that could not be sent.</param>
/// <param name="ReceiveDropped">Packets that came in and were not taken.</param>
/// <param name="SendDropped">Packets that were not sent.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct LinkStatistics(
    ulong ReceivedPackets, ulong SentPackets, ulong ReceivedBytes, ulong SentBytes, ulong ReceiveErrors, ulong SendErrors, ulong ReceiveDropped, ulong SendDropped);
