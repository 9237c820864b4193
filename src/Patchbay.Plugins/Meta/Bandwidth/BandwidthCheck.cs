using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>CHECK: every part between the container and its limits.</summary>
internal static class BandwidthCheck
{
    /// <summary>Compares what is there with what the limits want.</summary>
    /// <exception cref="CniException">Something is missing or different.</exception>
    internal static void Run(RouteSocket host, LinkState state, BandwidthLimits limits, CniResult result)
    {
        var clock = TcClock.Read();
        if (limits.Ingress is { } ingress)
            Bucket(state.Root, state.Link.Name, ingress, clock);
        if (limits.Egress is not { } egress)
            return;
        var ifb = state.Ifb ?? throw InterfaceCheck.Failed($"the ifb of \"{state.Link.Name}\" is missing: neither \"{state.Name.Shared}\" nor \"{state.Name.Own}\" is this attachment's");
        foreach (var named in result.Interfaces)
        {
            if (named.Name == ifb.Name && string.IsNullOrEmpty(named.Sandbox))
                InterfaceCheck.Present(host, named, "ifb");
        }

        if (ifb.Kind != Ifb.KindName)
            throw InterfaceCheck.Failed($"\"{ifb.Name}\" is not an ifb (it is {ifb.Kind ?? "a physical interface"})");
        if (!ifb.IsUp)
            throw InterfaceCheck.Failed($"ifb \"{ifb.Name}\" is down");
        if (state.Ingress is not { Kind: Ingress.KindName })
            throw InterfaceCheck.Failed($"Failed to find qdisc: \"{state.Link.Name}\" has no ingress qdisc (it has {state.Ingress?.Kind ?? "none"})");
        if (!LinkState.LeadsTo(state.Filters, ifb.Index))
            throw InterfaceCheck.Failed($"no filter of \"{state.Link.Name}\" redirects its packets to \"{ifb.Name}\"");
        Qdisc? root = null;
        var batch = new NetlinkBatch();
        batch.GetQdisc(ifb.Index, TcHandle.Root, qdisc => root = qdisc, Tolerated.Anything);
        host.Execute(batch);
        Bucket(root, ifb.Name, egress, clock);
    }

    private static void Bucket(Qdisc? root, string link, Limit limit, TcClock clock)
    {
        if (root is not { Kind: Tbf.KindName })
            throw InterfaceCheck.Failed($"Failed to find qdisc: \"{link}\" has no tbf at its root (it has {root?.Kind ?? "none"})");
        if (limit.Differs(Tbf.Decode(root), clock) is { } difference)
            throw InterfaceCheck.Failed($"{difference}, on \"{link}\"");
    }
}
