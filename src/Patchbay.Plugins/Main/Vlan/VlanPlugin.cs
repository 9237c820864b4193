using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Vlan;

/// <summary>vlan: gives a container one VLAN of an interface of the host. docs/vlan.md.</summary>
internal sealed class VlanPlugin : CniPlugin
{
    public override string Name => "vlan";

    public override CniResult Add(PluginRequest request)
    {
        var config = VlanConfig.Read(request.Config);
        RequireIpam(request);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var undo = new Rollback();
        try
        {
            var link = ChildLink.Create(sandbox, request.IfName, config.Link, config.Kind, address: null, undo);
            return ChildLink.Configure(request, sandbox, link, ChildLink.AddressesFromIpam(request, undo), config.Link);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request) => SingleInterface.Delete(request);

    public override void Check(PluginRequest request)
    {
        var config = VlanConfig.Read(request.Config);
        var link = ChildLinkCheck.Run(request, config.Link, Netlink.Rtnetlink.Vlan.KindName);
        var present = Netlink.Rtnetlink.Vlan.Decode(link);
        if (present.Id != config.Id || present.Protocol is { } protocol && protocol != config.Protocol)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is VLAN {present.Id} ({present.Protocol}), the configuration says {config.Id} ({config.Protocol})");
    }

    // Links end with their namespaces, so addresses are all that can be left over.
    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        var config = VlanConfig.Read(request.Config);
        RequireIpam(request);
        ChildLink.Status(request, config.Link, config.Kind);
    }

    private static void RequireIpam(PluginRequest request)
    {
        if (request.Config.IpamType.Length == 0)
            throw new CniException(CniError.InvalidNetworkConfig, "no addresses for the vlan interface: \"ipam\" with a \"type\" is required");
    }
}
