namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Attribute types of link messages (IFLA_*, include/uapi/linux/if_link.h).</summary>
internal static class Ifla
{
    internal const ushort Address = 1;
    internal const ushort Name = 3;
    internal const ushort Mtu = 4;
    internal const ushort Link = 5;
    internal const ushort Master = 10;
    internal const ushort ProtocolInfo = 12;
    internal const ushort TransmitQueueLength = 13;
    internal const ushort OperationalState = 16;
    internal const ushort LinkInfo = 18;
    internal const ushort NamespacePid = 19;
    internal const ushort Alias = 20;
    internal const ushort Statistics = 23; // IFLA_STATS64
    internal const ushort AddressFamilies = 26; // IFLA_AF_SPEC
    internal const ushort Group = 27;
    internal const ushort NamespaceDescriptor = 28;
    internal const ushort ExtendedMask = 29;
    internal const ushort Promiscuity = 30;
    internal const ushort TransmitQueues = 31; // IFLA_NUM_TX_QUEUES
    internal const ushort ReceiveQueues = 32;  // IFLA_NUM_RX_QUEUES
    internal const ushort LinkNamespaceId = 37;
    internal const ushort PropertyList = 52;
    internal const ushort AlternativeName = 53;

    // Inside LinkInfo
    internal const ushort InfoKind = 1;
    internal const ushort InfoData = 2;
    internal const ushort InfoPortKind = 4; // IFLA_INFO_SLAVE_KIND
    internal const ushort InfoPortData = 5; // IFLA_INFO_SLAVE_DATA

    // Values of ExtendedMask (RTEXT_FILTER_*, include/uapi/linux/rtnetlink.h)
    internal const uint WithBridgeVlanRanges = 4; // RTEXT_FILTER_BRVLAN_COMPRESSED
    internal const uint WithoutStatistics = 8;
}
