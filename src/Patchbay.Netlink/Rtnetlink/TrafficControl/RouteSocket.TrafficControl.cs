using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <content>Lists of traffic control.</content>
public sealed partial class RouteSocket
{
    /// <summary>Lists queueing disciplines: <c>tc qdisc</c>.</summary>
    /// <param name="link">Index of a link; 0 for all. The kernel lists all in either case.</param>
    /// <returns>The queueing disciplines.</returns>
    public IReadOnlyList<Qdisc> ListQdiscs(int link = 0) =>
        Filter(
            List(RouteMessageType.GetQdisc, "list qdiscs", new TcHeader { Link = link }, static (scoped in MessageReader m) => Qdisc.Decode(m)),
            q => link == 0 || q.Link == link);

    /// <summary>Lists the classes of all queueing disciplines of a link: <c>tc class show dev LINK</c>.</summary>
    /// <param name="link">Index of the link.</param>
    /// <returns>The classes.</returns>
    public IReadOnlyList<TcClass> ListClasses(int link) =>
        List(RouteMessageType.GetClass, "list classes", new TcHeader { Link = link }, static (scoped in MessageReader m) => TcClass.Decode(m));

    /// <summary>Lists the filters of a queueing discipline or class: <c>tc filter show dev LINK parent PARENT</c>.</summary>
    /// <param name="link">Index of the link.</param>
    /// <param name="parent">The queueing discipline or class.</param>
    /// <returns>The filters; none when the link or the parent is missing.</returns>
    public IReadOnlyList<TcFilter> ListFilters(int link, TcHandle parent)
    {
        try
        {
            return List(RouteMessageType.GetFilter, "list filters", new TcHeader { Link = link, Parent = parent.Value }, static (scoped in MessageReader m) => TcFilter.Decode(m));
        }
        catch (NetlinkException exception) when (exception.IsNotFound || exception.Error == Errno.Invalid)
        {
            return []; // EINVAL: no such qdisc (net/sched/cls_api.c, tcf_block_find)
        }
    }
}
