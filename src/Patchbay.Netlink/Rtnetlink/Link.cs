using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A network interface as the kernel describes it (struct ifinfomsg and IFLA_*, include/uapi/linux/if_link.h).</summary>
public sealed record Link
{
    /// <summary>Interface index, from 1.</summary>
    public required int Index { get; init; }

    /// <summary>Interface name, at most 15 bytes.</summary>
    public required string Name { get; init; }

    /// <summary>IFF_* flags.</summary>
    public LinkFlags Flags { get; init; }

    /// <summary>IFLA_OPERSTATE, RFC 2863.</summary>
    public OperationalState State { get; init; }

    /// <summary>Largest packet in bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>Ethernet address; null for links that have none of six bytes.</summary>
    public MacAddress? Address { get; init; }

    /// <summary>Index of the bridge, bond or VRF to which it belongs; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>IFLA_LINK: for veth the index of the other end, for vlan and macvlan that of the lower device; 0 for none.</summary>
    public int LowerIndex { get; init; }

    /// <summary>The namespace id in which <see cref="LowerIndex"/> counts; null when it is this namespace.</summary>
    public int? LowerNamespaceId { get; init; }

    /// <summary>IFLA_IFALIAS: a free text.</summary>
    public string? Alias { get; init; }

    /// <summary>IFLA_ALT_IFNAME: further names, up to 127 bytes each.</summary>
    public IReadOnlyList<string> AlternativeNames { get; init; } = [];

    /// <summary>IFLA_GROUP: a number by which links are changed or deleted together; 0 unless somebody gave another.</summary>
    public uint Group { get; init; }

    /// <summary>Packets that may wait for transmission.</summary>
    public int TransmitQueueLength { get; init; }

    /// <summary>How many users want the link promiscuous.</summary>
    public int Promiscuity { get; init; }

    /// <summary>The kind of a virtual link, such as <c>veth</c> or <c>bridge</c>; null for hardware and loopback.</summary>
    public string? Kind { get; init; }

    /// <summary>IFLA_INFO_DATA: attributes that belong to the kind.</summary>
    public ReadOnlyMemory<byte> KindData { get; init; }

    /// <summary>IFLA_INFO_SLAVE_KIND: the kind of the master, such as <c>bridge</c>; null for links without one that has settings for its ports.</summary>
    public string? PortKind { get; init; }

    /// <summary>IFLA_INFO_SLAVE_DATA: attributes of the port, given by the master's kind.</summary>
    public ReadOnlyMemory<byte> PortData { get; init; }

    /// <summary>What it has counted; null in lists that were not asked for it.</summary>
    public LinkStatistics? Statistics { get; init; }

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>True when the link is administratively up.</summary>
    public bool IsUp => Flags.HasFlag(LinkFlags.Up);

    /// <summary>Reads RTM_NEWLINK or RTM_DELLINK.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The link.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static Link Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out InterfaceHeader header);
        var name = "";
        OperationalState state = default;
        int mtu = 0, master = 0, lower = 0, queue = 0, promiscuity = 0;
        uint group = 0;
        int? lowerNamespace = null;
        MacAddress? address = null;
        LinkStatistics? statistics = null;
        string? alias = null, kind = null, portKind = null;
        ReadOnlyMemory<byte> kindData = default, portData = default;
        List<string>? alternativeNames = null;
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Ifla.Name: name = attributes.Text(); break;
                case Ifla.Mtu: mtu = attributes.S32(); break;
                case Ifla.Address when attributes.Payload.Length == 6: address = MacAddress.FromBytes(attributes.Payload); break;
                case Ifla.Statistics when MemoryMarshal.TryRead(attributes.Payload, out LinkStatistics counted): statistics = counted; break;
                case Ifla.Master: master = attributes.S32(); break;
                case Ifla.Link: lower = attributes.S32(); break;
                case Ifla.LinkNamespaceId: lowerNamespace = attributes.S32(); break;
                case Ifla.OperationalState: state = (OperationalState)attributes.U8(); break;
                case Ifla.TransmitQueueLength: queue = attributes.S32(); break;
                case Ifla.Promiscuity: promiscuity = attributes.S32(); break;
                case Ifla.Group: group = attributes.U32(); break;
                case Ifla.Alias: alias = attributes.Text(); break;
                case Ifla.LinkInfo:
                    var info = attributes.Nested();
                    while (info.Next())
                    {
                        switch (info.Type)
                        {
                            case Ifla.InfoKind: kind = info.Text(); break;
                            case Ifla.InfoData: kindData = info.Payload.ToArray(); break;
                            case Ifla.InfoPortKind: portKind = info.Text(); break;
                            case Ifla.InfoPortData: portData = info.Payload.ToArray(); break;
                        }
                    }

                    info.ThrowIfMalformed("link");
                    break;
                case Ifla.PropertyList:
                    var properties = attributes.Nested();
                    while (properties.Next())
                    {
                        if (properties.Type == Ifla.AlternativeName)
                            (alternativeNames ??= []).Add(properties.Text());
                    }

                    properties.ThrowIfMalformed("link");
                    break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("link");
        return new Link
        {
            Index = header.Index,
            Name = name,
            Flags = (LinkFlags)header.Flags,
            State = state,
            Mtu = mtu,
            Address = address,
            Master = master,
            LowerIndex = lower,
            LowerNamespaceId = lowerNamespace,
            Alias = alias,
            AlternativeNames = alternativeNames ?? (IReadOnlyList<string>)[],
            Group = group,
            TransmitQueueLength = queue,
            Promiscuity = promiscuity,
            Kind = kind,
            KindData = kindData,
            PortKind = portKind,
            PortData = portData,
            Statistics = statistics,
            Other = other ?? (IReadOnlyList<RawAttribute>)[],
        };
    }
}

/// <summary>struct ifinfomsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InterfaceHeader
{
    internal byte Family;
    internal byte Pad;
    internal ushort Type;
    internal int Index;
    internal uint Flags;
    internal uint Change;
}

/// <summary>Interface flags (IFF_*, include/uapi/linux/if.h).</summary>
[Flags]
public enum LinkFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IFF_UP: administratively up.</summary>
    Up = 1,

    /// <summary>IFF_LOOPBACK.</summary>
    Loopback = 8,

    /// <summary>IFF_PROMISC: receives what is not for it.</summary>
    Promiscuous = 0x100,

    /// <summary>IFF_ALLMULTI: receives all multicast.</summary>
    AllMulticast = 0x200,

    /// <summary>IFF_LOWER_UP: has a carrier.</summary>
    LowerUp = 0x10000,
}

/// <summary>Operational state (RFC 2863, IF_OPER_*).</summary>
public enum OperationalState : byte
{
    /// <summary>IF_OPER_UNKNOWN: the driver does not say; loopback and tun.</summary>
    Unknown,

    /// <summary>IF_OPER_NOTPRESENT.</summary>
    NotPresent,

    /// <summary>IF_OPER_DOWN.</summary>
    Down,

    /// <summary>IF_OPER_LOWERLAYERDOWN: the other end of a veth, or the device below, is down.</summary>
    LowerLayerDown,

    /// <summary>IF_OPER_TESTING.</summary>
    Testing,

    /// <summary>IF_OPER_DORMANT.</summary>
    Dormant,

    /// <summary>IF_OPER_UP.</summary>
    Up,
}
