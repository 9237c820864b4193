using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>CHECK of a link on top of another one: kind, master, MTU, addresses and routes are as configuration and result say.</summary>
internal static class ChildLinkCheck
{
    /// <summary>Compares, the settings of the kind excepted.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="kind">The kind that the link must have.</param>
    /// <returns>The link.</returns>
    /// <exception cref="CniException">Something differs; the text names it.</exception>
    internal static Link Run(PluginRequest request, ChildLinkConfig config, string kind)
    {
        IpamDelegate.Check(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed($"{request.Config.Type}: Required prevResult missing");
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var container = sandbox.Container.Route;
        var link = InterfaceCheck.Present(container, InterfaceCheck.Find(result, request.IfName, request.NetnsPath), "container");
        if (link.Kind != kind)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is not of type {kind} (it is {link.Kind ?? "a physical interface"})");
        if (!link.IsUp)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is down");
        if (config.Mtu != 0 && link.Mtu != config.Mtu)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" has MTU {link.Mtu}, the configuration says {config.Mtu}");
        // Without a name it was the interface of the default route of then, which may be another one's by now.
        if (config.Master is not null)
            CheckMaster(sandbox, config, link);
        InterfaceCheck.Addresses(container, link, result);
        InterfaceCheck.Routes(container, result);
        return link;
    }

    private static void CheckMaster(Sandbox sandbox, ChildLinkConfig config, Link link)
    {
        var container = sandbox.Container.Route;
        int? host = null;
        if (!config.LinkInContainer)
        {
            var batch = new NetlinkBatch();
            batch.GetNamespaceId(sandbox.HostNamespace, id => host = id);
            container.Execute(batch);
        }

        var master = MasterLink.Named(config.LinkInContainer ? container : sandbox.Host.Route, config);
        // On a master of their own kind macvlan and ipvlan are put beside it (macvlan_common_newlink, ipvlan_link_new).
        var beside = master.Kind == link.Kind && link.Kind != Vlan.KindName;
        var (index, space) = beside ? (master.LowerIndex, master.LowerNamespaceId ?? host) : (master.Index, host);
        // What the host calls its third namespaces is not what the container calls them.
        var comparable = config.LinkInContainer || !beside || master.LowerNamespaceId is null;
        if (link.LowerIndex != index || (comparable && link.LowerNamespaceId != space))
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is not on master \"{master.Name}\" ({(config.LinkInContainer ? "container" : "host")} index {index}), but on index {link.LowerIndex}{(link.LowerNamespaceId == space ? "" : " of another namespace")}");
    }
}
