using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A link to which packets are redirected so that queueing disciplines can hold back what comes in (drivers/net/ifb.c). It has no settings.</summary>
public sealed class Ifb : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "ifb";

    /// <inheritdoc/>
    public override string Name => KindName;

    // ip link add NAME type ifb
    internal override void Write(MessageWriter writer)
    {
    }
}
