using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>What is there: the host's end of the container's interface, its queueing disciplines, and the ifbs of the two possible names.</summary>
internal sealed class LinkState
{
    private readonly Link? _link;

    private LinkState(Link? link, IfbName name)
    {
        _link = link;
        Name = name;
    }

    internal IfbName Name { get; }

    /// <summary>The host's end.</summary>
    internal Link Link => _link!;

    internal bool HasLink => _link is not null;

    /// <summary>The queueing discipline at the root of the host's end.</summary>
    internal Qdisc? Root { get; private set; }

    /// <summary>The one for packets that come in.</summary>
    internal Qdisc? Ingress { get; private set; }

    /// <summary>The filters of <see cref="Ingress"/>.</summary>
    internal IReadOnlyList<TcFilter> Filters { get; private set; } = [];

    /// <summary>The link with the name of network and container.</summary>
    internal Link? Shared { get; private set; }

    /// <summary>The link with the name of this attachment.</summary>
    internal Link? Own { get; private set; }

    /// <summary>The attachment's ifb; null when it has none.</summary>
    /// <remarks>An ifb without a mark, which the reference plugin made, is this attachment's if the host's end leads to it.</remarks>
    internal Link? Ifb => Own ?? (Name.Marks(Shared) || (IsUnmarked && HasLink && LeadsTo(Filters, Shared!.Index)) ? Shared : null);

    /// <summary>Whether somebody made an ifb of the name of network and container without saying for which interface.</summary>
    internal bool IsUnmarked => Shared is { Kind: Netlink.Rtnetlink.Ifb.KindName } && string.IsNullOrEmpty(Shared.Alias);

    /// <summary>Reads all of it.</summary>
    internal static LinkState Read(RouteSocket host, Link link, IfbName name)
    {
        var state = new LinkState(link, name);
        var batch = new NetlinkBatch();
        state.AskForIfbs(batch);
        batch.GetQdisc(link.Index, TcHandle.Root, qdisc => state.Root = qdisc, Tolerated.Anything);
        batch.GetQdisc(link.Index, TcHandle.Ingress, qdisc => state.Ingress = qdisc, Tolerated.Anything);
        host.Execute(batch);
        if (state.Ingress is { Kind: Netlink.Rtnetlink.Ingress.KindName })
            state.Filters = host.ListFilters(link.Index, TcHandle.IngressQdisc);
        return state;
    }

    /// <summary>Reads the ifbs: the host's end is gone or unknown.</summary>
    internal static LinkState Read(RouteSocket host, IfbName name)
    {
        var state = new LinkState(null, name);
        var batch = new NetlinkBatch();
        state.AskForIfbs(batch);
        host.Execute(batch);
        return state;
    }

    /// <summary>Whether filters send every packet to a link.</summary>
    internal static bool LeadsTo(IReadOnlyList<TcFilter> filters, int link)
    {
        foreach (var filter in filters)
        {
            if (TargetOf(filter) == link)
                return true;
        }

        return false;
    }

    /// <summary>The link to which a filter sends every packet; 0 when it is gone, -1 for a filter that does anything else.</summary>
    internal static int TargetOf(TcFilter filter)
    {
        var (all, actions) = filter.Kind switch
        {
            U32Filter.KindName when U32Filter.Decode(filter) is { Keys.Count: > 0 } u32 => (u32.MatchesAll, u32.Actions),
            MatchAllFilter.KindName when filter.Handle != 0 => (true, MatchAllFilter.Decode(filter).Actions),
            _ => (false, []),
        };
        return all && filter.Protocol == TcFilter.AllProtocols && actions is [Mirred { Operation: MirredOperation.EgressRedirect } first, ..] ? first.Link : -1;
    }

    private void AskForIfbs(NetlinkBatch batch)
    {
        batch.GetLink(Name.Shared, link => Shared = link, Tolerated.Missing);
        batch.GetLink(Name.Own, link => Own = link, Tolerated.Missing);
    }
}
