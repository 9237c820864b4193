using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The interface that another one is put on top of.</summary>
internal static class MasterLink
{
    /// <summary>Finds the master that a configuration asks for, and sees whether it can carry the link.</summary>
    /// <param name="route">The container's socket if the master is there, else the host's.</param>
    /// <param name="config">Which one.</param>
    /// <param name="kind">The kind of the link that it is to carry.</param>
    /// <exception cref="CniException">It is not there, or cannot; the text names it.</exception>
    internal static Link Find(RouteSocket route, ChildLinkConfig config, LinkKind kind)
    {
        var master = config.Master is null
            ? DefaultRoute.FindLink(route) ?? throw Failed($"no default route interface found {Where(config)}: name the \"master\"")
            : Named(route, config);
        if (config.Mtu > master.Mtu)
            throw new CniException(CniError.InvalidNetworkConfig, $"invalid MTU {config.Mtu}, must be [0, master MTU({master.Mtu})], the master being \"{master.Name}\"");
        // net/8021q/vlan_dev.c, vlan_dev_open: ENETDOWN. The others only have no carrier meanwhile.
        return kind is Vlan && !master.IsUp
            ? throw Failed($"master \"{master.Name}\" is down, and a VLAN cannot be up before it: ip link set {master.Name} up")
            : master;
    }

    /// <summary>The master of that name.</summary>
    /// <exception cref="CniException">It is not there.</exception>
    internal static Link Named(RouteSocket route, ChildLinkConfig config) => route.FindLink(config.Master!)
        ?? throw Failed($"failed to lookup master \"{config.Master}\": no such interface {Where(config)}{(config.LinkInContainer ? "" : ", where \"linkInContainer\": false says that it is")}");

    private static string Where(ChildLinkConfig config) => config.LinkInContainer ? "in the container" : "on the host";

    private static CniException Failed(string text) => new(CniError.Internal, text);
}
