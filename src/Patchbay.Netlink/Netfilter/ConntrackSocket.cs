using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter;

/// <summary>Connection tracking of one network namespace.</summary>
/// <remarks>Not for several threads at a time.</remarks>
public sealed class ConntrackSocket : IDisposable
{
    private const ushort Subsystem = NetfilterMessage.Conntrack << 8;
    private const ushort CT_NEW = Subsystem | 0;    // IPCTNL_MSG_CT_NEW, which also changes what there is
    private const ushort CT_GET = Subsystem | 1;    // IPCTNL_MSG_CT_GET
    private const ushort CT_DELETE = Subsystem | 2; // IPCTNL_MSG_CT_DELETE

    private readonly NetlinkSocket _socket;

    internal ConntrackSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel lacks NETLINK_NETFILTER.</exception>
    public static ConntrackSocket Open() => new(NetlinkSocket.Open(NetlinkFamily.Netfilter));

    /// <summary>Opens a socket in another network namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel lacks NETLINK_NETFILTER, or the namespace may not be entered.</exception>
    public static ConntrackSocket Open(NetworkNamespace networkNamespace) => new(NetlinkSocket.Open(NetlinkFamily.Netfilter, networkNamespace));

    /// <summary>Lists connections.</summary>
    /// <param name="filter">Which.</param>
    /// <returns>The connections.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<ConntrackEntry> List(ConntrackFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        filter.Validate();
        var batch = new NetlinkBatch();
        Begin(batch, CT_GET, NetlinkFlags.Dump, "list connections", filter);
        var entries = new List<ConntrackEntry>();
        _socket.Dump(batch, entries.Clear, (scoped in MessageReader message) =>
        {
            // Kernels before 5.8 do not know the filter and list everything, and IPv6 addresses are not in it.
            var entry = ConntrackEntry.Decode(message);
            if (filter.Matches(entry))
                entries.Add(entry);
        });
        return entries;
    }

    /// <summary>Makes the kernel forget connections: what still comes is treated like the first packet of a new one.</summary>
    /// <param name="filters">Which; a connection that matches any of them is forgotten. None is no error.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Delete(params IReadOnlyList<ConntrackFilter> filters)
    {
        ArgumentNullException.ThrowIfNull(filters);
        var batch = new NetlinkBatch();
        var oneByOne = new List<ConntrackFilter>();
        foreach (var filter in filters)
        {
            filter.Validate();
            if (filter.IsForKernel)
                Begin(batch, CT_DELETE, NetlinkFlags.None, "delete connections", filter);
            else
                oneByOne.Add(filter);
        }

        // Deleting by filter came with Linux 6.8. Kernels from 5.8 on say that they cannot, older ones take the tuple for that of one
        // connection and miss half of it. There the connections are listed and deleted one by one.
        foreach (var failure in _socket.TryExecute(batch))
        {
            if (failure.Error is not (Errno.NotSupported or Errno.Invalid))
                throw failure;
            oneByOne = [.. filters];
        }

        foreach (var filter in oneByOne)
            DeleteOneByOne(filter, static _ => true);
    }

    /// <summary>Makes the kernel forget some of the connections that match a filter; the table is gone through once, whatever is looked for.</summary>
    /// <param name="filter">Which to look at.</param>
    /// <param name="forget">Tells of each whether it is to be forgotten.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Delete(ConntrackFilter filter, Predicate<ConntrackEntry> forget)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(forget);
        DeleteOneByOne(filter, forget);
    }

    /// <summary>Gives connections that match a filter other marks (<c>ct mark</c>); the table is gone through once.</summary>
    /// <param name="filter">Which to look at.</param>
    /// <param name="mark">Tells of each the mark that it is to have; its own for no change.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void SetMarks(ConntrackFilter filter, Func<ConntrackEntry, uint> mark)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(mark);
        var batch = new NetlinkBatch();
        foreach (var entry in List(filter))
        {
            var wanted = mark(entry);
            if (wanted == entry.Mark)
                continue;
            // Without NLM_F_CREATE: one that has ended in the meantime is not made again.
            batch.Begin(CT_NEW, NetlinkFlags.None, "mark connection", entry.Id, Tolerated.Missing);
            batch.Writer.Fixed(new NetfilterMessage.Header(filter.Family));
            entry.EncodeName(batch.Writer);
            batch.Writer.U32Be(ConntrackEntry.CTA_MARK, wanted);
            batch.End();
        }

        _socket.Execute(batch);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void DeleteOneByOne(ConntrackFilter filter, Predicate<ConntrackEntry> forget)
    {
        var batch = new NetlinkBatch();
        foreach (var entry in List(filter))
        {
            if (!forget(entry))
                continue;
            batch.Begin(CT_DELETE, NetlinkFlags.None, "delete connection", entry.Id, Tolerated.Missing);
            batch.Writer.Fixed(new NetfilterMessage.Header(filter.Family));
            entry.EncodeName(batch.Writer);
            batch.End();
        }

        _socket.Execute(batch);
    }

    private static void Begin(NetlinkBatch batch, ushort type, NetlinkFlags flags, string verb, ConntrackFilter filter)
    {
        batch.Begin(type, flags, verb);
        // A deletion heeds the family only when the version is not zero (nf_conntrack_netlink.c, ctnetlink_del_conntrack).
        batch.Writer.Fixed(new NetfilterMessage.Header(filter.Family, version: 1));
        filter.Encode(batch.Writer);
        batch.End();
    }
}
