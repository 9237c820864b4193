using System.Net;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A tunnel of Ethernet frames in UDP, RFC 7348 (drivers/net/vxlan); what is null gets the kernel's default.</summary>
/// <remarks>Where frames go beyond <see cref="Remote"/> is told by forwarding entries, <see cref="RouteRequests.AppendNeighbour"/>.</remarks>
/// <param name="id">The virtual network's number, VNI: 24 bits.</param>
public sealed class Vxlan(uint id) : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "vxlan";

    /// <summary>The port that IANA assigned.</summary>
    public const ushort AssignedPort = 4789;

    /// <summary>The kernel's default, older than the assignment.</summary>
    public const ushort LinuxPort = 8472;

    // IFLA_VXLAN_*, include/uapi/linux/if_link.h
    private const ushort IFLA_VXLAN_ID = 1;
    private const ushort IFLA_VXLAN_GROUP = 2;
    private const ushort IFLA_VXLAN_LINK = 3;
    private const ushort IFLA_VXLAN_LOCAL = 4;
    private const ushort IFLA_VXLAN_TTL = 5;
    private const ushort IFLA_VXLAN_LEARNING = 7;
    private const ushort IFLA_VXLAN_PORT = 15;
    private const ushort IFLA_VXLAN_GROUP6 = 16;
    private const ushort IFLA_VXLAN_LOCAL6 = 17;
    private const ushort IFLA_VXLAN_GBP = 23;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The virtual network's number, VNI.</summary>
    public uint Id => id;

    /// <summary>Where frames go for which no forwarding entry tells: another end, or a multicast group.</summary>
    public IPAddress? Remote { get; init; }

    /// <summary>Source address of the outer packets.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Index of the link by which the outer packets leave; it is not <see cref="LinkSettings.Lower"/>.</summary>
    public int? Link { get; init; }

    /// <summary>UDP port of both ends; the kernel's default is <see cref="LinuxPort"/>.</summary>
    public ushort? Port { get; init; }

    /// <summary>Time to live of the outer packets; 0 for that of the route.</summary>
    public byte? TimeToLive { get; init; }

    /// <summary>Forwarding entries are learned from what arrives.</summary>
    public bool? Learning { get; init; }

    /// <summary>The packet's mark travels with it: group policy, draft-smith-vxlan-group-policy. Both ends must have it; only a new link takes it.</summary>
    public bool GroupPolicy { get; init; }

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>vxlan</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Vxlan Decode(Link link)
    {
        var data = DataOf(link, KindName);
        uint id = 0;
        IPAddress? remote = null, local = null;
        int? lower = null;
        ushort? port = null;
        byte? ttl = null;
        bool? learning = null;
        var policy = false;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_VXLAN_ID: id = data.U32(); break;
                case IFLA_VXLAN_GROUP or IFLA_VXLAN_GROUP6: remote = data.Address(); break;
                case IFLA_VXLAN_LOCAL or IFLA_VXLAN_LOCAL6: local = data.Address(); break;
                case IFLA_VXLAN_LINK: lower = data.S32(); break;
                case IFLA_VXLAN_PORT: port = data.U16Be(); break;
                case IFLA_VXLAN_TTL: ttl = data.U8(); break;
                case IFLA_VXLAN_LEARNING: learning = data.U8() != 0; break;
                case IFLA_VXLAN_GBP: policy = true; break;
            }
        }

        data.ThrowIfMalformed($"vxlan \"{link.Name}\"");
        return new Vxlan(id) { Remote = remote, Local = local, Link = lower, Port = port, TimeToLive = ttl, Learning = learning, GroupPolicy = policy };
    }

    // ip link add NAME type vxlan id 42 remote 192.0.2.2 local 192.0.2.1 dev LINK dstport 4789 nolearning gbp
    internal override void Write(MessageWriter writer)
    {
        writer.U32(IFLA_VXLAN_ID, NetworkNumber(id));
        Address(Remote, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6);
        Address(Local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6);
        if (Link is { } lower)
            writer.S32(IFLA_VXLAN_LINK, lower);
        if (TimeToLive is { } ttl)
            writer.U8(IFLA_VXLAN_TTL, ttl);
        if (Learning is { } learning)
            writer.U8(IFLA_VXLAN_LEARNING, learning ? (byte)1 : (byte)0);
        if (Port is { } port)
            writer.U16Be(IFLA_VXLAN_PORT, port);
        if (GroupPolicy)
            writer.Flag(IFLA_VXLAN_GBP);

        void Address(IPAddress? address, ushort four, ushort six)
        {
            if (address is not null)
                writer.Address(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? four : six, address);
        }
    }
}
