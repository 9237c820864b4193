using System.Buffers.Binary;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Requests about queueing disciplines, their classes and filters, for a <see cref="NetlinkBatch"/>.</summary>
public static class TrafficRequests
{
    /// <summary>Attaches a queueing discipline: <c>tc qdisc add dev LINK parent PARENT handle HANDLE KIND …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">Where: <see cref="TcHandle.Root"/>, <see cref="TcHandle.Ingress"/>, or a class.</param>
    /// <param name="handle">Its handle; <see cref="TcHandle.None"/> for the kernel's choice.</param>
    /// <param name="kind">Its kind and settings.</param>
    /// <param name="replace">Whether one that is there already is changed, or removed if it is of another kind; else it is an error.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AddQdisc(
        this NetlinkBatch batch, int link, TcHandle parent, TcHandle handle, QdiscKind kind, bool replace = false, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(kind);
        batch.Begin(RouteMessageType.NewQdisc, NetlinkFlags.Create | (replace ? NetlinkFlags.Replace : NetlinkFlags.Exclusive), $"add qdisc {kind.Name} to link", link, tolerate);
        batch.Writer.Fixed(new TcHeader { Link = link, Handle = handle.Value, Parent = parent.Value });
        batch.Writer.Text(TcHeader.Kind, kind.Name);
        kind.WriteOptions(batch.Writer);
        batch.End();
    }

    /// <summary>Detaches a queueing discipline, and with it its filters: <c>tc qdisc del dev LINK parent PARENT</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">Where.</param>
    /// <param name="handle">Its handle, which must match; <see cref="TcHandle.None"/> for any.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteQdisc(this NetlinkBatch batch, int link, TcHandle parent, TcHandle handle = default, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Begin(RouteMessageType.DeleteQdisc, NetlinkFlags.None, $"delete qdisc at {parent} of link", link, tolerate);
        batch.Writer.Fixed(new TcHeader { Link = link, Handle = handle.Value, Parent = parent.Value });
        batch.End();
    }

    /// <summary>Asks for the queueing discipline at one place of a link; unlike a list, its cost does not grow with the number of links.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">Where.</param>
    /// <param name="found">Receives it; not called when there is none.</param>
    /// <param name="tolerate"><see cref="Tolerated.Anything"/> when its absence is no error: the kernel has several errors for that.</param>
    public static void GetQdisc(this NetlinkBatch batch, int link, TcHandle parent, Action<Qdisc> found, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        // Without ECHO the kernel tells the answer to those who listen for changes, and not to us (net/sched/sch_api.c, qdisc_notify).
        batch.Begin(
            RouteMessageType.GetQdisc, NetlinkFlags.Echo, $"find qdisc at {parent} of link", link, tolerate, (scoped in MessageReader message) => found(Qdisc.Decode(message)));
        batch.Writer.Fixed(new TcHeader { Link = link, Parent = parent.Value });
        batch.End();
    }

    /// <summary>Adds a class to a queueing discipline: <c>tc class add dev LINK parent PARENT classid HANDLE KIND …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">The discipline, or the class of it from which this one borrows.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="kind">Its kind and settings.</param>
    /// <param name="replace">Whether one that is there already is changed; else it is an error.</param>
    public static void AddClass(this NetlinkBatch batch, int link, TcHandle parent, TcHandle handle, TcClassKind kind, bool replace = false)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(kind);
        batch.Begin(RouteMessageType.NewClass, NetlinkFlags.Create | (replace ? NetlinkFlags.Replace : NetlinkFlags.Exclusive), $"add class {handle} to link", link);
        batch.Writer.Fixed(new TcHeader { Link = link, Handle = handle.Value, Parent = parent.Value });
        batch.Writer.Text(TcHeader.Kind, kind.Name);
        kind.WriteOptions(batch.Writer);
        batch.End();
    }

    /// <summary>Removes a class that no other borrows from: <c>tc class del dev LINK classid HANDLE</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteClass(this NetlinkBatch batch, int link, TcHandle handle, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Begin(RouteMessageType.DeleteClass, NetlinkFlags.None, $"delete class {handle} of link", link, tolerate);
        batch.Writer.Fixed(new TcHeader { Link = link, Handle = handle.Value });
        batch.End();
    }

    /// <summary>Adds a filter: <c>tc filter add dev LINK parent PARENT protocol PROTOCOL prio PRIORITY KIND …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">The queueing discipline or class that asks it.</param>
    /// <param name="priority">Order; the smallest is asked first, 0 is the kernel's choice.</param>
    /// <param name="kind">Its kind, settings and actions.</param>
    /// <param name="protocol">ETH_P_*.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AddFilter(
        this NetlinkBatch batch, int link, TcHandle parent, ushort priority, TcFilterKind kind, ushort protocol = TcFilter.AllProtocols, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(kind);
        batch.Begin(RouteMessageType.NewFilter, NetlinkFlags.Create | NetlinkFlags.Exclusive, $"add filter {kind.Name} to link", link, tolerate);
        batch.Writer.Fixed(new TcHeader { Link = link, Parent = parent.Value, Info = Info(priority, protocol) });
        batch.Writer.Text(TcHeader.Kind, kind.Name);
        using (batch.Writer.Enclosed(TcHeader.Options))
            kind.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Removes filters: <c>tc filter del dev LINK parent PARENT prio PRIORITY</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">The queueing discipline or class that asks them.</param>
    /// <param name="priority">Only those of this priority; 0 for all.</param>
    /// <param name="protocol">ETH_P_* of those of the priority.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteFilters(
        this NetlinkBatch batch, int link, TcHandle parent, ushort priority = 0, ushort protocol = TcFilter.AllProtocols, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Begin(RouteMessageType.DeleteFilter, NetlinkFlags.None, $"delete filters at {parent} of link", link, tolerate);
        batch.Writer.Fixed(new TcHeader { Link = link, Parent = parent.Value, Info = priority == 0 ? 0 : Info(priority, protocol) });
        batch.End();
    }

    private static uint Info(ushort priority, ushort protocol) => (uint)priority << 16 | BinaryPrimitives.ReverseEndianness(protocol);
}
