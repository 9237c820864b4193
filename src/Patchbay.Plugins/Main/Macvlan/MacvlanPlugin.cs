using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Macvlan;

/// <summary>macvlan: gives a container an Ethernet address of its own on an interface of the host. docs/macvlan.md.</summary>
internal sealed class MacvlanPlugin : CniPlugin
{
    public override string Name => "macvlan";

    public override CniResult Add(PluginRequest request)
    {
        var config = MacvlanConfig.Read(request.Config, request.Args);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var undo = new Rollback();
        try
        {
            var link = ChildLink.Create(sandbox, request.IfName, config.Link, config.Kind, config.Mac, undo);
            if (config.Mac is { } mac && link.Address != mac)
                link = SetAddress(sandbox.Container.Route, link, mac);
            if (request.Config.IpamType.Length == 0)
                return ChildLink.Configure(request, sandbox, link, new CniResult(), config.Link);
            var addresses = ChildLink.AddressesFromIpam(request, undo);
            ChildLink.Announce(sandbox.Container.Sysctl, request.IfName);
            return ChildLink.Configure(request, sandbox, link, addresses, config.Link);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request) => SingleInterface.Delete(request);

    public override void Check(PluginRequest request)
    {
        var config = MacvlanConfig.Read(request.Config, request.Args);
        var link = ChildLinkCheck.Run(request, config.Link, Netlink.Rtnetlink.Macvlan.KindName);
        var present = Netlink.Rtnetlink.Macvlan.Decode(link);
        if (present.Mode != config.Mode)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" has macvlan mode {present.Mode}, the configuration says {config.Mode}");
        if (config.BroadcastQueueLength != 0 && present.BroadcastQueueLength is { } length && length != config.BroadcastQueueLength)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" has bcqueuelen {length}, the configuration says {config.BroadcastQueueLength}");
    }

    // Links end with their namespaces, so addresses are all that can be left over.
    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        var config = MacvlanConfig.Read(request.Config, request.Args);
        ChildLink.Status(request, config.Link, config.Kind);
    }

    // In mode passthru the kernel takes the master's address whatever it is told (macvlan_common_newlink), but lets it be changed: then the
    // master's changes as well, and is put back when the link goes.
    private static Link SetAddress(RouteSocket route, Link link, MacAddress mac)
    {
        var batch = new NetlinkBatch();
        batch.SetLink(link.Index, new LinkSettings { Address = mac });
        batch.GetLink(link.Index, found => link = found);
        route.Execute(batch);
        return link;
    }
}
