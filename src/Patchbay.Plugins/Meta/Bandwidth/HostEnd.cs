using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>Finds the host's end of the container's interface.</summary>
internal static class HostEnd
{
    /// <summary>The host's end, which the result must name.</summary>
    /// <exception cref="CniException">There is none: the interface is missing or no veth, or the result names other links.</exception>
    internal static Link Find(RouteSocket host, PluginRequest request, CniResult result)
    {
        if (result.Interfaces.Count == 0)
            throw Failed("no interfaces provided: prevResult has none");
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        var container = Inside(netns, request.IfName)
            ?? throw Failed($"container interface {request.IfName} has no veth peer: there is no such interface in \"{request.NetnsPath}\"");
        if (container.Kind != Veth.KindName)
            throw Failed($"container interface {request.IfName} has no veth peer: it is {container.Kind ?? "a physical interface"}, and only a veth has a host's end to limit");
        var link = Other(host, container)
            ?? throw Failed($"veth peer with index {container.LowerIndex} is not in host ns: it is the other end of {request.IfName}, which must be in the namespace that the plugin runs in");
        foreach (var named in result.Interfaces)
        {
            if (named.Name == link.Name && string.IsNullOrEmpty(named.Sandbox))
                return link;
        }

        throw Failed($"no veth peer of container interface found in host ns: it is \"{link.Name}\", which prevResult does not name");
    }

    /// <summary>The host's end, for a teardown: null when anything on the way to it is missing.</summary>
    internal static Link? TryFind(RouteSocket host, PluginRequest request)
    {
        using var netns = Sandbox.TryOpenNamespace(request.NetnsPath);
        return netns is not null && Inside(netns, request.IfName) is { Kind: Veth.KindName } container ? Other(host, container) : null;
    }

    /// <summary>The host's ends of the container's other veths, for the question which of them an ifb belongs to.</summary>
    internal static IReadOnlyList<(string IfName, int HostIndex)> Others(string netnsPath, string ifName)
    {
        using var netns = Sandbox.OpenNamespace(netnsPath);
        using var home = NetworkNamespace.OpenCurrent();
        using var route = netns.RunHere(home, RouteSocket.Open);
        var others = new List<(string, int)>();
        foreach (var link in route.ListLinks(Veth.KindName))
        {
            if (link.Name != ifName && link.LowerIndex != 0)
                others.Add((link.Name, link.LowerIndex));
        }

        return others;
    }

    private static Link? Inside(NetworkNamespace netns, string ifName)
    {
        using var home = NetworkNamespace.OpenCurrent();
        using var route = netns.RunHere(home, RouteSocket.Open);
        return route.FindLink(ifName);
    }

    // An index counts in its own namespace only: the ends must name each other.
    private static Link? Other(RouteSocket host, Link container) =>
        container.LowerIndex != 0 && container.LowerNamespaceId is not null && host.FindLink(container.LowerIndex) is { Kind: Veth.KindName } link && link.LowerIndex == container.Index
            ? link
            : null;

    private static CniException Failed(string text) => new(CniError.Internal, text);
}
