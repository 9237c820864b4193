using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>What a tun or tap device is (IFLA_TUN_*, drivers/net/tun.c, since Linux 4.18). It is read here and made by <see cref="TapDevice"/>.</summary>
public sealed record Tun
{
    /// <summary>The kernel's name of the kind, for both.</summary>
    public const string KindName = "tun";

    // include/uapi/linux/if_link.h
    private const ushort IFLA_TUN_OWNER = 1;
    private const ushort IFLA_TUN_GROUP = 2;
    private const ushort IFLA_TUN_TYPE = 3;
    private const ushort IFLA_TUN_VNET_HDR = 5;
    private const ushort IFLA_TUN_PERSIST = 6;
    private const ushort IFLA_TUN_MULTI_QUEUE = 7;
    private const byte IFF_TAP = 2;

    /// <summary>True for frames (tap), false for packets (tun).</summary>
    public bool IsTap { get; init; }

    /// <summary>The user who may open it without privileges; null for none.</summary>
    public uint? Owner { get; init; }

    /// <summary>The group that may open it without privileges; null for none.</summary>
    public uint? Group { get; init; }

    /// <summary>It stays when nobody has it open.</summary>
    public bool Persistent { get; init; }

    /// <summary>Several may have it open, each with a queue of its own.</summary>
    public bool MultiQueue { get; init; }

    /// <summary>A struct virtio_net_hdr precedes each frame.</summary>
    public bool VnetHeader { get; init; }

    /// <summary>Reads the settings of an existing device.</summary>
    /// <param name="link">A link of kind <c>tun</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Tun Decode(Link link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.Kind != KindName)
            throw new NetlinkException($"read tun device \"{link.Name}\"", $"its kind is {link.Kind ?? "none"}");
        bool tap = false, persistent = false, multiQueue = false, header = false;
        uint? owner = null, group = null;
        var data = new AttributeReader(link.KindData.Span);
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_TUN_OWNER: owner = data.U32(); break;
                case IFLA_TUN_GROUP: group = data.U32(); break;
                case IFLA_TUN_TYPE: tap = data.U8() == IFF_TAP; break;
                case IFLA_TUN_VNET_HDR: header = data.U8() != 0; break;
                case IFLA_TUN_PERSIST: persistent = data.U8() != 0; break;
                case IFLA_TUN_MULTI_QUEUE: multiQueue = data.U8() != 0; break;
            }
        }

        data.ThrowIfMalformed($"tun device \"{link.Name}\"");
        return new Tun { IsTap = tap, Owner = owner, Group = group, Persistent = persistent, MultiQueue = multiQueue, VnetHeader = header };
    }
}
