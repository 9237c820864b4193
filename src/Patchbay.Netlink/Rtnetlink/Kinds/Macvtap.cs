namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A macvlan link whose frames go to a file, <c>/dev/tapINDEX</c>, instead of the network stack (drivers/net/macvtap.c).</summary>
public sealed class Macvtap : Macvlan
{
    /// <summary>The kernel's name of the kind.</summary>
    public new const string KindName = "macvtap";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>macvtap</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static new Macvtap Decode(Link link)
    {
        var (mode, flags, queue) = Read(link, KindName);
        return new Macvtap { Mode = mode, Flags = flags, BroadcastQueueLength = queue };
    }
}
