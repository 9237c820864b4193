using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Dummy;

/// <summary>dummy: an interface that carries addresses and no packets. docs/dummy.md.</summary>
internal sealed class DummyPlugin : CniPlugin
{
    public override string Name => "dummy";

    // ip -n CONTAINER link add IFNAME type dummy
    public override CniResult Add(PluginRequest request)
    {
        RequireIpam(request);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var stack = NetworkStack.Open(netns);
        SingleInterface.RequireFree(stack.Route, request.IfName);
        var undo = new Rollback();
        try
        {
            Link? created = null;
            var batch = new NetlinkBatch();
            batch.AddLink(new LinkSettings { Name = request.IfName, Kind = new Netlink.Rtnetlink.Dummy() });
            batch.GetLink(request.IfName, link => created = link, Tolerated.Missing);
            Execute(stack.Route, batch);
            undo.Push(() => Sandbox.DeleteLink(stack.Route, request.IfName));
            return SingleInterface.Configure(request, netns, stack, created!, undo);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request) => SingleInterface.Delete(request);

    public override void Check(PluginRequest request)
    {
        RequireIpam(request);
        SingleInterface.Check(request, static (_, link) =>
        {
            if (link.Kind != Netlink.Rtnetlink.Dummy.KindName)
                throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is not a dummy (it is {link.Kind ?? "a physical interface"})");
        });
    }

    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        RequireIpam(request);
        try
        {
            // Where it harms nobody: the namespace ends with this call, and the interface with it.
            using var nowhere = NetworkNamespace.Create();
            using var route = RouteSocket.Open(nowhere);
            var batch = new NetlinkBatch();
            batch.AddLink(new LinkSettings { Name = "probe", Kind = new Netlink.Rtnetlink.Dummy() });
            Execute(route, batch);
        }
        catch (IOException error)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Message, inner: error);
        }
        catch (CniException error)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Text, inner: error);
        }

        IpamDelegate.Status(request);
    }

    private static void RequireIpam(PluginRequest request)
    {
        if (request.Config.IpamType.Length == 0)
            throw new CniException(CniError.InvalidNetworkConfig, "dummy interface requires an IPAM configuration: it is there for its addresses (\"ipam\" with a \"type\")");
    }

    private static void Execute(RouteSocket route, NetlinkBatch batch)
    {
        try
        {
            route.Execute(batch);
        }
        catch (NetlinkException error) when (error.Error == Errno.NotSupported)
        {
            throw new CniException(CniError.Internal, $"this kernel has no dummy interfaces (CONFIG_DUMMY): {error.Message}", inner: error);
        }
    }
}
