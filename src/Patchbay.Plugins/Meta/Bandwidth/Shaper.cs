using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>Puts the limits onto the host's end of a container's interface, and takes them off again.</summary>
/// <remarks>
/// <code>
/// tc qdisc add dev VETH root handle 1: tbf rate R burst B latency 25ms                                      what the container receives
/// ip link add IFB mtu M txqueuelen 0 up type ifb; tc qdisc add dev IFB root handle 1: tbf …                 what it sends,
/// tc qdisc add dev VETH handle ffff: ingress                                                                which comes in here,
/// tc filter add dev VETH parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev IFB
/// </code>
/// </remarks>
internal sealed class Shaper(RouteSocket host, LinkState state, PluginRequest request, Rollback undo)
{
    internal const ushort Priority = 1;

    private readonly TcClock _clock = TcClock.Read();

    internal static TcHandle Handle => new(1, 0);

    /// <summary>The filter that sends every packet to a link.</summary>
    internal static U32Filter RedirectTo(int link) => new() { ClassId = new TcHandle(1, 1), Actions = [new Mirred { Link = link }] };

    /// <summary>Limits what the container receives.</summary>
    internal void LimitIngress(Limit limit)
    {
        var link = state.Link.Index;
        var batch = new NetlinkBatch();
        if (state.Root is { } root && root.Handle != TcHandle.None)
        {
            if (!IsOurs(root))
                throw Taken($"the queueing discipline {root.Kind} {root.Handle} at its root");
        }
        else
        {
            undo.Push(() => Execute(undoing => undoing.DeleteQdisc(link, TcHandle.Root, Handle, Tolerated.Missing)));
        }

        batch.AddQdisc(link, TcHandle.Root, Handle, limit.Bucket(_clock), replace: true);
        host.Execute(batch);
    }

    /// <summary>Limits what the container sends.</summary>
    /// <returns>The ifb that it goes through.</returns>
    internal Link LimitEgress(Limit limit)
    {
        if (state.Ingress is { } hook && hook.Kind != Ingress.KindName)
            throw Taken($"the queueing discipline {hook.Kind} for what comes in");
        foreach (var filter in state.Filters)
        {
            if (!IsReplaceable(filter))
                throw Taken($"a filter {filter.Kind} of priority {filter.Priority} on what comes in");
        }

        var ifb = state.Ifb ?? Create();
        var link = state.Link.Index;
        var batch = new NetlinkBatch();
        batch.AddQdisc(ifb.Index, TcHandle.Root, Handle, limit.Bucket(_clock), replace: true);
        var present = LinkState.LeadsTo(state.Filters, ifb.Index);
        if (state.Ingress is null)
        {
            undo.Push(() => Execute(undoing => undoing.DeleteQdisc(link, TcHandle.Ingress, TcHandle.IngressQdisc, Tolerated.Missing)));
            batch.AddQdisc(link, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress());
        }
        else if (!present)
        {
            // Left by an ADD whose ifb is gone: packets would still be sent there, and be lost.
            batch.DeleteFilters(link, TcHandle.IngressQdisc, tolerate: Tolerated.Missing);
        }

        // The filter comes last: what it lets through is limited from the first packet on.
        if (!present)
            batch.AddFilter(link, TcHandle.IngressQdisc, Priority, RedirectTo(ifb.Index));
        host.Execute(batch);
        return ifb;
    }

    /// <summary>Takes everything off that is the attachment's.</summary>
    /// <param name="host">The host.</param>
    /// <param name="state">What is there.</param>
    /// <param name="told">The ifb that the result names; empty when it names none, null when there is no result.</param>
    internal static void Remove(RouteSocket host, LinkState state, string? told)
    {
        // The ifb first: deleting it waits for what the kernel has freed (net/core/dev.c, netdev_run_todo), the disciplines' parts too if they went before.
        var batch = new NetlinkBatch();
        if (state.Own is { } own)
            batch.DeleteLink(own.Index, Tolerated.Missing);
        if (state.Shared is { } shared && (state.Name.Marks(shared) || (state.IsUnmarked && IsOnlyOne())))
            batch.DeleteLink(shared.Index, Tolerated.Missing);
        if (state.HasLink)
        {
            var link = state.Link.Index;
            if (state.Ingress is { Kind: Ingress.KindName } && IsOurs(state))
                batch.DeleteQdisc(link, TcHandle.Ingress, TcHandle.IngressQdisc, Tolerated.Missing);
            if (state.Root is { } root && IsOurs(root))
                batch.DeleteQdisc(link, TcHandle.Root, Handle, Tolerated.Missing);
        }

        host.Execute(batch);

        // Made by the reference plugin, which has one a container. Not ours if we have one of our own, or if the result or the filter tell of another.
        bool IsOnlyOne() => state.Own is null && (told is null || told == state.Name.Shared) && (state.Filters.Count == 0 || LinkState.LeadsTo(state.Filters, state.Shared!.Index));
    }

    // Which name is free is known only once it is taken: another attachment of the container may come first.
    private Link Create()
    {
        if (state.Shared is null && TryCreate(state.Name.Shared) is { } first)
            return first;
        if (state.IsUnmarked)
            MarkOther(state.Shared!);
        return TryCreate(state.Name.Own) ?? throw new CniException(CniError.TryAgainLater, $"link \"{state.Name.Own}\" appeared in the meantime: another ADD of this attachment is under way");
    }

    private Link? TryCreate(string name)
    {
        Link? made = null;
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = name, Mtu = state.Link.Mtu, TransmitQueueLength = 0, Up = true, Kind = new Ifb() });
        if (host.TryExecute(batch) is [var error, ..])
            return error.Error == Errno.Exists ? null : throw error;
        undo.Push(() => Sandbox.DeleteLink(host, name));
        batch.Clear();
        batch.SetLink(0, new LinkSettings { Name = name, Alias = state.Name.Alias });
        batch.GetLink(name, link => made = link);
        host.Execute(batch);
        return made!;
    }

    // The ifb that the reference made for another interface of the container bears no mark. With one, a DEL of this attachment will never take it for its own.
    private void MarkOther(Link ifb)
    {
        foreach (var (ifName, index) in HostEnd.Others(request.NetnsPath, request.IfName))
        {
            if (!LinkState.LeadsTo(host.ListFilters(index, TcHandle.IngressQdisc), ifb.Index))
                continue;
            Execute(batch => batch.SetLink(ifb.Index, new LinkSettings { Alias = state.Name.AliasOf(ifName) }, Tolerated.Missing));
            return;
        }
    }

    private void Execute(Action<NetlinkBatch> request)
    {
        var batch = new NetlinkBatch();
        request(batch);
        host.Execute(batch);
    }

    private static bool IsOurs(Qdisc root) => root.Kind == Tbf.KindName && root.Handle == Handle;

    // The hook is ours if nothing but redirections like ours hang on it.
    private static bool IsOurs(LinkState state)
    {
        foreach (var filter in state.Filters)
        {
            if (!IsPart(filter) && LinkState.TargetOf(filter) < 0)
                return false;
        }

        return true;
    }

    private bool IsReplaceable(TcFilter filter)
    {
        if (IsPart(filter))
            return true;
        var target = LinkState.TargetOf(filter);
        return target == 0 || target == state.Shared?.Index || target == state.Own?.Index;
    }

    // What the kernel lists beside the filters themselves: an entry a priority, and u32's hash tables.
    private static bool IsPart(TcFilter filter) => filter.Handle == 0 || (filter.Kind == U32Filter.KindName && U32Filter.Decode(filter).Keys.Count == 0);

    private CniException Taken(string what) =>
        new(CniError.Internal, $"link \"{state.Link.Name}\" has {what}, made by somebody else: bandwidth cannot limit a link that another program controls");
}
