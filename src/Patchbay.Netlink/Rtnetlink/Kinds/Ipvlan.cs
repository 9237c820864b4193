using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link that shares the Ethernet address of the link below it and is told from its siblings by IP address (Documentation/networking/ipvlan.rst).</summary>
/// <remarks>The link below is <see cref="LinkSettings.Lower"/>. Mode and flags belong to it: all links on top of it have those that were set last.</remarks>
public class Ipvlan : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "ipvlan";

    // IFLA_IPVLAN_*, include/uapi/linux/if_link.h
    private const ushort IFLA_IPVLAN_MODE = 1;
    private const ushort IFLA_IPVLAN_FLAGS = 2;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Where packets are switched; null for the mode that the lower link's others have, or <see cref="IpvlanMode.L3"/>.</summary>
    public IpvlanMode? Mode { get; init; }

    /// <summary>Whom the links may talk to; null for <see cref="IpvlanFlags.Bridge"/>.</summary>
    public IpvlanFlags? Flags { get; init; }

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>ipvlan</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Ipvlan Decode(Link link)
    {
        var (mode, flags) = Read(link, KindName);
        return new Ipvlan { Mode = mode, Flags = flags };
    }

    private protected static (IpvlanMode? Mode, IpvlanFlags? Flags) Read(Link link, string kind)
    {
        var data = DataOf(link, kind);
        IpvlanMode? mode = null;
        IpvlanFlags? flags = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_IPVLAN_MODE: mode = (IpvlanMode)data.U16(); break;
                case IFLA_IPVLAN_FLAGS: flags = (IpvlanFlags)data.U16(); break;
            }
        }

        data.ThrowIfMalformed($"{kind} \"{link.Name}\"");
        return (mode, flags);
    }

    // ip link add link LOWER name NAME type ipvlan mode l2
    internal override void Write(MessageWriter writer)
    {
        if (Mode is { } mode)
            writer.U16(IFLA_IPVLAN_MODE, (ushort)mode);
        if (Flags is { } flags)
            writer.U16(IFLA_IPVLAN_FLAGS, (ushort)flags);
    }
}

/// <summary>Where the packets of ipvlan links are switched (IPVLAN_MODE_*).</summary>
public enum IpvlanMode : ushort
{
    /// <summary>IPVLAN_MODE_L2: as by a bridge; broadcast and ARP work.</summary>
    L2 = 0,

    /// <summary>IPVLAN_MODE_L3: routed by the lower link's namespace, without ARP.</summary>
    L3 = 1,

    /// <summary>IPVLAN_MODE_L3S: as L3, and through that namespace's netfilter hooks.</summary>
    L3S = 2,
}

/// <summary>Whom ipvlan links may talk to (IPVLAN_F_*).</summary>
[Flags]
public enum IpvlanFlags : ushort
{
    /// <summary>Each other and the network.</summary>
    Bridge = 0,

    /// <summary>IPVLAN_F_PRIVATE: the network only.</summary>
    Private = 1,

    /// <summary>IPVLAN_F_VEPA: each other through the external switch, which must send frames back.</summary>
    Vepa = 2,
}
