using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link with an Ethernet address of its own on top of another link (drivers/net/macvlan.c); what is null gets the kernel's default.</summary>
/// <remarks>The link below is <see cref="LinkSettings.Lower"/>.</remarks>
public class Macvlan : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "macvlan";

    // IFLA_MACVLAN_*, include/uapi/linux/if_link.h
    private const ushort IFLA_MACVLAN_MODE = 1;
    private const ushort IFLA_MACVLAN_FLAGS = 2;
    private const ushort IFLA_MACVLAN_BC_QUEUE_LEN = 7;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Who may talk to whom; the kernel's default is <see cref="MacvlanMode.Vepa"/>.</summary>
    public MacvlanMode? Mode { get; init; }

    /// <summary>What is different from usual.</summary>
    public MacvlanFlags? Flags { get; init; }

    /// <summary>How many broadcast and multicast frames may wait to be handed to all links on the same lower one; the kernel's default is 1000.</summary>
    /// <remarks>The lower link uses the largest that any of its links asks for. Since Linux 5.11.</remarks>
    public uint? BroadcastQueueLength { get; init; }

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>macvlan</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static Macvlan Decode(Link link)
    {
        var (mode, flags, queue) = Read(link, KindName);
        return new Macvlan { Mode = mode, Flags = flags, BroadcastQueueLength = queue };
    }

    private protected static (MacvlanMode? Mode, MacvlanFlags? Flags, uint? BroadcastQueueLength) Read(Link link, string kind)
    {
        var data = DataOf(link, kind);
        MacvlanMode? mode = null;
        MacvlanFlags? flags = null;
        uint? queue = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_MACVLAN_MODE: mode = (MacvlanMode)data.U32(); break;
                case IFLA_MACVLAN_FLAGS: flags = (MacvlanFlags)data.U16(); break;
                case IFLA_MACVLAN_BC_QUEUE_LEN: queue = data.U32(); break;
            }
        }

        data.ThrowIfMalformed($"{kind} \"{link.Name}\"");
        return (mode, flags, queue);
    }

    // ip link add link LOWER name NAME type macvlan mode bridge bcqueuelen 500
    internal override void Write(MessageWriter writer)
    {
        if (Mode is { } mode)
            writer.U32(IFLA_MACVLAN_MODE, (uint)mode);
        if (Flags is { } flags)
            writer.U16(IFLA_MACVLAN_FLAGS, (ushort)flags);
        if (BroadcastQueueLength is { } queue)
            writer.U32(IFLA_MACVLAN_BC_QUEUE_LEN, queue);
    }
}

/// <summary>Whom a macvlan link can talk to (MACVLAN_MODE_*).</summary>
public enum MacvlanMode : uint
{
    /// <summary>MACVLAN_MODE_PRIVATE: no other link on the same lower one.</summary>
    Private = 1,

    /// <summary>MACVLAN_MODE_VEPA: others through the external switch, which must send frames back.</summary>
    Vepa = 2,

    /// <summary>MACVLAN_MODE_BRIDGE: others directly.</summary>
    Bridge = 4,

    /// <summary>MACVLAN_MODE_PASSTHRU: it is the only one, and has the Ethernet address of the lower link.</summary>
    Passthru = 8,

    /// <summary>MACVLAN_MODE_SOURCE: only peers whose addresses are listed.</summary>
    Source = 16,
}

/// <summary>Flags of a macvlan link (MACVLAN_FLAG_*).</summary>
[Flags]
public enum MacvlanFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>MACVLAN_FLAG_NOPROMISC: in passthru mode the lower link does not become promiscuous.</summary>
    NoPromiscuous = 1,

    /// <summary>MACVLAN_FLAG_NODST: in source mode destination addresses are not looked at.</summary>
    NoDestination = 2,
}
