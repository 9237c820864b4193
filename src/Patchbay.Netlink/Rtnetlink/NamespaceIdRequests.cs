using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Requests about the numbers by which a namespace knows others (ip-netns(8): <c>nsid</c>), for a <see cref="NetlinkBatch"/>.</summary>
/// <remarks>
/// By such a number a link's settings name the namespace of another link (<see cref="LinkSettings.LowerNamespaceId"/>), and the kernel tells
/// it in <see cref="Link.LowerNamespaceId"/>. It stays for as long as both namespaces live; the kernel also gives one to whatever it has to tell of.
/// </remarks>
public static class NamespaceIdRequests
{
    // NETNSA_*, include/uapi/linux/net_namespace.h
    private const ushort NETNSA_NSID = 1;
    private const ushort NETNSA_FD = 3;
    private const int NETNSA_NSID_NOT_ASSIGNED = -1;

    /// <summary>Gives another namespace a free number, unless it has one: <c>ip netns set NAME auto</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="other">The other namespace; it must stay open until the batch is carried out.</param>
    public static void AssignNamespaceId(this NetlinkBatch batch, NetworkNamespace other)
    {
        // The kernel counts only free ones when told -1 (net/core/net_namespace.c, rtnl_net_newid and alloc_netid).
        Begin(batch, RouteMessageType.NewNamespaceId, "number namespace", other, Tolerated.Existing, reply: null);
        batch.Writer.S32(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED);
        batch.End();
    }

    /// <summary>Asks for the number of another namespace: <c>ip netns list-id</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="other">The other namespace; it must stay open until the batch is carried out.</param>
    /// <param name="found">Receives the number; null when it has none.</param>
    public static void GetNamespaceId(this NetlinkBatch batch, NetworkNamespace other, Action<int?> found)
    {
        Begin(batch, RouteMessageType.GetNamespaceId, "find number of namespace", other, Tolerated.Nothing, (scoped in MessageReader message) => found(Decode(message)));
        batch.End();
    }

    /// <summary>Reads RTM_NEWNSID.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The number; null when the namespace has none.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    internal static int? Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out Header _);
        var number = NETNSA_NSID_NOT_ASSIGNED;
        while (attributes.Next())
        {
            if (attributes.Type == NETNSA_NSID)
                number = attributes.S32();
        }

        attributes.ThrowIfMalformed("namespace number");
        return number == NETNSA_NSID_NOT_ASSIGNED ? null : number;
    }

    private static void Begin(NetlinkBatch batch, ushort type, string verb, NetworkNamespace other, Tolerated tolerate, NetlinkReply? reply)
    {
        ArgumentNullException.ThrowIfNull(other);
        // A closed descriptor's number may be another file's by now.
        ObjectDisposedException.ThrowIf(other.Handle.IsClosed, other);
        batch.Begin(type, NetlinkFlags.None, verb, other.Path, tolerate, reply);
        batch.Writer.Fixed(default(Header));
        batch.Writer.S32(NETNSA_FD, (int)other.Handle.DangerousGetHandle());
    }

    /// <summary>struct rtgenmsg, with its padding.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        internal byte Family;
        internal byte Pad0;
        internal byte Pad1;
        internal byte Pad2;
    }
}
