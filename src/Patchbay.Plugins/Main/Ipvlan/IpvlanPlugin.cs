using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Ipvlan;

/// <summary>ipvlan: gives a container IP addresses on an interface of the host, whose Ethernet address it shares. docs/ipvlan.md.</summary>
internal sealed class IpvlanPlugin : CniPlugin
{
    public override string Name => "ipvlan";

    public override CniResult Add(PluginRequest request)
    {
        var previous = request.Config.PrevResult;
        var config = IpvlanConfig.Read(request.Config).OnTopOf(previous);
        var hasIpam = request.Config.IpamType.Length > 0;
        if (!hasIpam && previous is not { Ips.Count: > 0 })
            throw new CniException(CniError.InvalidNetworkConfig, "no addresses for the ipvlan interface: name an \"ipam\", or chain ipvlan to a plugin whose result has addresses");
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var undo = new Rollback();
        try
        {
            var link = ChildLink.Create(sandbox, request.IfName, config.Link, config.Kind, address: null, undo);
            var addresses = hasIpam ? ChildLink.AddressesFromIpam(request, undo) : previous!;
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
        var config = IpvlanConfig.Read(request.Config);
        var link = ChildLinkCheck.Run(request, config.Link, Netlink.Rtnetlink.Ipvlan.KindName);
        if (Netlink.Rtnetlink.Ipvlan.Decode(link).Mode is var mode && mode != config.Mode)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" has ipvlan mode {mode}, the configuration says {config.Mode}; all links on a master have the mode of the last");
    }

    // Links end with their namespaces, so addresses are all that can be left over.
    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        var config = IpvlanConfig.Read(request.Config);
        // Without an IPAM it is chained, and the plugin before it may name the master.
        ChildLink.Status(request, config.Link, config.Kind, anyMaster: config.Link.Master is null && request.Config.IpamType.Length == 0);
    }
}
