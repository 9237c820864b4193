using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Tap;

/// <summary>tap: a device in the container that a program, such as a virtual machine, opens as its cable. docs/tap.md.</summary>
internal sealed class TapPlugin : CniPlugin
{
    public override string Name => "tap";

    public override CniResult Add(PluginRequest request)
    {
        var config = TapConfig.Read(request.Config, request.Args);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        NetworkStack? stack = null;
        var undo = new Rollback();
        try
        {
            var creation = netns.Begin(() => Create(request.IfName, config));
            int mtu;
            try
            {
                using var host = RouteSocket.Open();
                mtu = HostMtu.Choose(host, config.Mtu, config.MtuOverhead);
            }
            finally
            {
                stack = creation.Wait();
                undo.Push(() => Sandbox.DeleteLink(stack.Route, request.IfName));
            }

            var link = SetUp(stack, request.IfName, config, mtu);
            // Neighbours learn of a new owner of the address when the link comes up.
            stack.Sysctl.TryWrite($"ipv4/conf/{request.IfName}/arp_notify", "1");
            return SingleInterface.Configure(request, netns, stack, link, undo) with { Dns = request.Config.Dns };
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
        finally
        {
            stack?.Dispose();
        }
    }

    public override void Delete(PluginRequest request) => SingleInterface.Delete(request);

    public override void Check(PluginRequest request)
    {
        var config = TapConfig.Read(request.Config, request.Args);
        SingleInterface.Check(request, (stack, link) => CheckDevice(stack.Route, link, config));
    }

    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        var config = TapConfig.Read(request.Config, request.Args);
        try
        {
            TapDevice.RequireDriver();
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"tap devices cannot be made: {error.Message} (CONFIG_TUN)", inner: error);
        }

        if (config.SelinuxContext is { } context)
            LabelledTap.RequireSelinux(context, CniError.PluginNotAvailable);
        IpamDelegate.Status(request);
    }

    // On a thread in the container's namespace.
    private static NetworkStack Create(string name, TapConfig config)
    {
        var stack = NetworkStack.Open();
        try
        {
            SingleInterface.RequireFree(stack.Route, name);
            var settings = new TapSettings { Name = name, Owner = config.Owner, Group = config.Group, MultiQueue = config.MultiQueue };
            if (config.SelinuxContext is { } context)
                LabelledTap.Create(settings, context);
            else
                TapDevice.Create(settings);
            return stack;
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    // ip -n CONTAINER link set IFNAME mtu … address … master …
    private static Link SetUp(NetworkStack stack, string name, TapConfig config, int mtu)
    {
        int? master = null;
        if (config.Bridge is { } bridgeName)
        {
            var bridge = FindBridge(stack.Route, bridgeName);
            mtu = HostMtu.Beside(mtu, config.Mtu, bridge);
            master = bridge.Index;
        }

        Link? link = null;
        var batch = new NetlinkBatch();
        batch.SetLink(0, new LinkSettings { Name = name, Mtu = mtu == 0 ? null : mtu, Address = config.Mac, Master = master });
        batch.GetLink(name, found => link = found, Tolerated.Missing);
        stack.Route.Execute(batch);
        return link!;
    }

    private static Link FindBridge(RouteSocket container, string name)
    {
        var bridge = container.FindLink(name)
            ?? throw new CniException(CniError.Internal, $"bridge \"{name}\" is not in the container's namespace: it must be made there before, \"bridge\" names none of the host's");
        return bridge.Kind == Netlink.Rtnetlink.Bridge.KindName ? bridge
            : throw new CniException(CniError.Internal, $"\"{name}\" in the container is not a bridge (it is {bridge.Kind ?? "a physical interface"}): choose another name for \"bridge\"");
    }

    private static void CheckDevice(RouteSocket container, Link link, TapConfig config)
    {
        if (link.Kind != Tun.KindName || Tun.Decode(link) is not { IsTap: true } tap)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is not a tap device (it is {link.Kind ?? "a physical interface"})");
        if (!tap.Persistent)
            throw InterfaceCheck.Failed($"tap device \"{link.Name}\" is not persistent: it goes when its user closes it");
        if (tap.MultiQueue != config.MultiQueue)
            throw InterfaceCheck.Failed($"multiQueue of tap device \"{link.Name}\" is {tap.MultiQueue}, the configuration says {config.MultiQueue}");
        if (config.Owner is { } owner && tap.Owner != owner)
            throw InterfaceCheck.Failed($"owner of tap device \"{link.Name}\" is {tap.Owner?.ToString() ?? "nobody"}, the configuration says {owner}");
        if (config.Group is { } group && tap.Group != group)
            throw InterfaceCheck.Failed($"group of tap device \"{link.Name}\" is {tap.Group?.ToString() ?? "none"}, the configuration says {group}");
        if (config.Mtu != 0 && link.Mtu != config.Mtu)
            throw InterfaceCheck.Failed($"mtu of tap device \"{link.Name}\" is {link.Mtu}, the configuration says {config.Mtu}");
        if (config.Bridge is { } bridge && link.Master != FindBridge(container, bridge).Index)
            throw InterfaceCheck.Failed($"tap device \"{link.Name}\" is not a port of bridge \"{bridge}\"");
    }
}
