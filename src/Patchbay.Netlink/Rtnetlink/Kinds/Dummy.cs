using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link that drops all packets, for addresses that must not depend on a device (drivers/net/dummy.c). It has no settings.</summary>
public sealed class Dummy : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "dummy";

    /// <inheritdoc/>
    public override string Name => KindName;

    // ip link add NAME type dummy
    internal override void Write(MessageWriter writer)
    {
    }
}
