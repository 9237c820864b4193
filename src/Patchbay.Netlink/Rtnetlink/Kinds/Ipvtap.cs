namespace Patchbay.Netlink.Rtnetlink;

/// <summary>An ipvlan link whose packets go to a file, <c>/dev/tapINDEX</c>, instead of the network stack (drivers/net/ipvlan/ipvtap.c).</summary>
public sealed class Ipvtap : Ipvlan
{
    /// <summary>The kernel's name of the kind.</summary>
    public new const string KindName = "ipvtap";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>ipvtap</c>.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind, or its attributes are malformed.</exception>
    public static new Ipvtap Decode(Link link)
    {
        var (mode, flags) = Read(link, KindName);
        return new Ipvtap { Mode = mode, Flags = flags };
    }
}
