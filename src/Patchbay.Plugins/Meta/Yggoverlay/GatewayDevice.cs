using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>The host's interface that a container's packets come in by, told by the kernel's own links between interfaces: names say nothing.</summary>
/// <param name="Link">The interface.</param>
/// <param name="IsShared">Other containers come in by it too: a bridge, or the host's child of a macvlan's master.</param>
internal sealed record GatewayDevice(Link Link, bool IsShared)
{
    /// <summary>Finds it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="container">The container's interface.</param>
    /// <param name="previous">What the plugins before made.</param>
    /// <exception cref="CniException">Code 7: the host has no such interface.</exception>
    internal static GatewayDevice Find(RouteSocket host, Link container, CniResult previous) => container.Kind switch
    {
        Veth.KindName => OfPair(host, container, previous),
        Macvlan.KindName => OfMacvlan(host, container),
        _ => throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: interface \"{container.Name}\" is {container.Kind ?? "a physical interface"}: the host is not at its other end. Chain yggoverlay behind bridge or ptp, or behind macvlan with a macvlan interface of the host's on the same master"),
    };

    private static GatewayDevice OfPair(RouteSocket host, Link container, CniResult previous)
    {
        var port = host.FindLink(container.LowerIndex);
        // An index of another namespace may by chance be one of the host's too, but the pair would not be mutual.
        if (port is null || port.Kind != Veth.KindName || port.LowerIndex != container.Index)
            throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: the other end of \"{container.Name}\" is not in the host's namespace: chain yggoverlay behind the plugin that makes the interface");
        if (port.Master == 0)
            return new GatewayDevice(port, IsShared: false);
        var master = host.FindLink(port.Master) ?? throw new CniException(CniError.TryAgainLater, $"yggoverlay: the bridge of \"{port.Name}\" has just gone");
        if (master.Kind != Bridge.KindName)
            return new GatewayDevice(port, IsShared: false); // a VRF, say: the port itself has addresses
        return new GatewayDevice(OfVlan(host, master, previous) ?? master, IsShared: true);
    }

    // With a VLAN the host's addresses are on another interface, which the result names: the one with the gateways of the others.
    private static Link? OfVlan(RouteSocket host, Link bridge, CniResult previous)
    {
        foreach (var each in previous.Interfaces)
        {
            if (each.Sandbox is not null || each.Name == bridge.Name || !each.Name.StartsWith($"{bridge.Name}.", StringComparison.Ordinal) || host.FindLink(each.Name) is not { } link)
                continue;
            if (host.ListAddresses(link.Index).Any(address => previous.Ips.Any(ip => address.Address.Equals(ip.Gateway))))
                return link;
        }

        return null;
    }

    // Children of one master reach each other, not the master: so the host needs a child too (macvlan, mode bridge).
    private static GatewayDevice OfMacvlan(RouteSocket host, Link container)
    {
        Link[] siblings = [.. host.ListLinks(Macvlan.KindName).Where(link => link.LowerIndex == container.LowerIndex && link.LowerNamespaceId is null)];
        return siblings switch
        {
            [var only] => new GatewayDevice(only, IsShared: true),
            [] => throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: the host is not reached from \"{container.Name}\": give the host a macvlan interface (mode bridge) on the same master"),
            _ => throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: the host has several macvlan interfaces on the master of \"{container.Name}\" ({string.Join(", ", siblings.Select(link => link.Name))}): leave it one"),
        };
    }
}
