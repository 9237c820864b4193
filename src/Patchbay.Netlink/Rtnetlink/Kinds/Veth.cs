using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A pair of links joined by a virtual cable, veth(4).</summary>
/// <remarks>Neither end can be created up (ENOTCONN: the other is not there yet); a further request of the same batch may set them up.</remarks>
/// <param name="peer">Settings of the other end; with <see cref="LinkSettings.Namespace"/> it is created elsewhere.</param>
public sealed class Veth(LinkSettings peer) : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "veth";

    private const ushort VETH_INFO_PEER = 1; // include/uapi/linux/veth.h

    /// <inheritdoc/>
    public override string Name => KindName;

    // ip link add NAME type veth peer name PEER
    internal override void Write(MessageWriter writer)
    {
        peer.ThrowIfNotCreatable();
        using (writer.Enclosed(VETH_INFO_PEER))
            peer.Write(writer, index: 0);
    }
}
