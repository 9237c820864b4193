using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>bandwidth: limits what a container receives and sends. docs/bandwidth.md.</summary>
internal sealed class BandwidthPlugin : CniPlugin
{
    private const string NoResult = "must be called as chained plugin: there is no prevResult, so list bandwidth after the plugin that makes the interface";

    public override string Name => "bandwidth";

    // Earlier results do not tell interfaces.
    public override IReadOnlyList<SpecVersion> SupportedVersions => [.. SpecVersion.All.Where(version => version >= SpecVersion.V030)];

    public override CniResult Add(PluginRequest request)
    {
        var limits = BandwidthLimits.Read(request.Config);
        var previous = ChainedInterface.Require(request, NoResult);
        if (!limits.Any)
            return previous;
        using var host = RouteSocket.Open();
        var state = LinkState.Read(host, HostEnd.Find(host, request, previous), new IfbName(request));
        limits.Warn(request, state.Link.Mtu);
        var undo = new Rollback();
        try
        {
            var shaper = new Shaper(host, state, request, undo);
            // The container's way out first: it takes several steps, and the last of them lets the packets in.
            var ifb = limits.Egress is { } egress ? shaper.LimitEgress(egress) : null;
            if (limits.Ingress is { } ingress)
                shaper.LimitIngress(ingress);
            return ifb is null ? previous : WithInterface(previous, ifb);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request)
    {
        var cleanup = new Cleanup();
        using var host = RouteSocket.Open();
        var name = new IfbName(request);
        Link? veth = null;
        cleanup.Step(() => veth = HostEnd.TryFind(host, request));
        cleanup.Step(() => Shaper.Remove(host, veth is null ? LinkState.Read(host, name) : LinkState.Read(host, veth, name), PreviousIfb(request)));
        cleanup.ThrowIfFailed();
    }

    public override void Check(PluginRequest request)
    {
        var limits = BandwidthLimits.Read(request.Config);
        if (!limits.Any)
            return;
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("bandwidth: Required prevResult missing: must be called as a chained plugin");
        InterfaceCheck.Find(result, request.IfName, request.NetnsPath);
        using var host = RouteSocket.Open();
        BandwidthCheck.Run(host, LinkState.Read(host, HostEnd.Find(host, request, result), new IfbName(request)), limits, result);
    }

    public override void GarbageCollect(PluginRequest request)
    {
        if (request.Config.ValidAttachments is not { } valid)
            return;
        using var host = RouteSocket.Open();
        var stale = new NetlinkBatch();
        foreach (var ifb in host.ListLinks(Ifb.KindName))
        {
            if (IfbName.IsStale(ifb, request.Config.Name, valid))
                stale.DeleteLink(ifb.Index, Tolerated.Missing);
        }

        host.Execute(stale);
    }

    public override void Status(PluginRequest request)
    {
        BandwidthLimits.Read(request.Config);
        BandwidthSupport.Require();
    }

    private static CniResult WithInterface(CniResult result, Link ifb)
    {
        foreach (var present in result.Interfaces)
        {
            if (present.Name == ifb.Name && string.IsNullOrEmpty(present.Sandbox))
                return result; // told by an ADD before
        }

        return result with { Interfaces = [.. result.Interfaces, new() { Name = ifb.Name, Mac = ifb.Address?.ToString() }] };
    }

    // What the ADD told, for ifbs that the reference plugin made: empty for none, null when there is no result. Whatever is wrong with it is no
    // reason not to clean up.
    private static string? PreviousIfb(PluginRequest request)
    {
        try
        {
            if (request.Config.PrevResult is not { } result)
                return null;
            foreach (var present in result.Interfaces)
            {
                if (string.IsNullOrEmpty(present.Sandbox) && present.Name.StartsWith(IfbName.Prefix, StringComparison.Ordinal))
                    return present.Name;
            }

            return "";
        }
        catch (CniException)
        {
            return null;
        }
    }
}
