using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>host-device: moves a device of the host into a container, and back. docs/host-device.md.</summary>
/// <param name="sysfs">The devices of the host.</param>
internal sealed class HostDevicePlugin(SysfsDevices sysfs) : CniPlugin
{
    internal HostDevicePlugin()
        : this(new SysfsDevices())
    {
    }

    public override string Name => "host-device";

    public override CniResult Add(PluginRequest request)
    {
        var config = HostDeviceConfig.Read(request.Config, sysfs);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var undo = new Rollback();
        DeviceMove? move = null;
        try
        {
            if (HasNoInterface(config))
                return WithoutInterface(request, undo);
            var device = DeviceFinder.Find(sandbox.Host.Route, config, sysfs);
            SingleInterface.RequireFree(sandbox.Container.Route, request.IfName);
            var container = Container(sandbox);
            move = new DeviceMove(Host(sandbox), container, container, device, request.IfName);
            undo.Push(move.TakeBack);
            // By its alias a device finds home, by the reference plugin's hand too.
            var link = move.Run(alias: device.Name);
            link = SetUp(sandbox.Container.Route, link);
            return SingleInterface.Configure(request, sandbox.ContainerNamespace, sandbox.Container, link, undo, detectDuplicates: true)
                with { Dns = request.Config.Dns };
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
        finally
        {
            move?.Dispose();
        }
    }

    // The configuration is not read as a whole: whatever it says, and whether or not the device is still there, the address is given back.
    public override void Delete(PluginRequest request)
    {
        var cleanup = new Cleanup();
        IpamDelegate.DeleteAround(request, cleanup, () => BringHome(request));
        cleanup.ThrowIfFailed();
    }

    public override void Check(PluginRequest request)
    {
        var config = HostDeviceConfig.Read(request.Config, sysfs);
        IpamDelegate.Check(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("Required prevResult missing");
        var expected = InterfaceCheck.Find(result, request.IfName, request.NetnsPath);
        if (HasNoInterface(config))
            return;
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var route = RouteSocket.Open(netns);
        var link = InterfaceCheck.Present(route, expected, "container");
        if (string.IsNullOrEmpty(link.Alias))
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" has no alias: DEL would not know its name on the host");
        if (!link.IsUp)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is down");
        InterfaceCheck.Addresses(route, link, result);
        InterfaceCheck.Routes(route, result);
    }

    // Nothing of an attachment is on the host: a device whose container is gone is brought back by the kernel.
    public override void GarbageCollect(PluginRequest request) => IpamDelegate.GarbageCollect(request);

    public override void Status(PluginRequest request)
    {
        // Which device it will be, only the runtime knows at ADD.
        var fromRuntime = request.Config.Root.Object("capabilities")?.Boolean("deviceID") ?? false;
        if (!fromRuntime)
        {
            var config = HostDeviceConfig.Read(request.Config, sysfs);
            try
            {
                if (!HasNoInterface(config))
                {
                    using var route = RouteSocket.Open();
                    DeviceFinder.Find(route, config, sysfs);
                }
            }
            catch (CniException error) when (error.Code == CniError.Internal)
            {
                throw new CniException(CniError.PluginNotAvailable, error.Message, inner: error);
            }
        }

        IpamDelegate.Status(request);
    }

    private static DeviceMove.Place Host(Sandbox sandbox) => new(sandbox.Host.Route, sandbox.HostNamespace, "the host");

    private static DeviceMove.Place Container(Sandbox sandbox) => new(sandbox.Container.Route, sandbox.ContainerNamespace, "the container");

    // A device that a program in user space drives has no interface to move.
    private bool HasNoInterface(HostDeviceConfig config) => config.PciBusId is { } pci && sysfs.IsDrivenByUser(pci);

    private static CniResult WithoutInterface(PluginRequest request, Rollback undo)
    {
        var result = new CniResult { Interfaces = [new() { Name = request.IfName, Sandbox = request.NetnsPath }] };
        return request.Config.IpamType.Length == 0 ? result
            : SingleInterface.WithAddresses(request, result, undo) with { Dns = request.Config.Dns };
    }

    private static Link SetUp(RouteSocket container, Link link)
    {
        var batch = new NetlinkBatch();
        batch.SetLink(link.Index, new LinkSettings { Up = true }); // before the IPAM, which may be one that asks on the wire
        batch.GetLink(link.Index, found => link = found);
        container.Execute(batch);
        return link;
    }

    private static void BringHome(PluginRequest request)
    {
        using (var netns = Sandbox.TryOpenNamespace(request.NetnsPath))
        {
            if (netns is null)
                return; // and with it the device, which the kernel brings back
        }

        using var sandbox = Sandbox.Open(request.NetnsPath);
        if (sandbox.Container.Route.FindLink(request.IfName) is not { } link || HomeName(request, link) is not { } name)
            return;
        var container = Container(sandbox);
        using var move = new DeviceMove(container, Host(sandbox), container, link, name);
        try
        {
            move.Run(alias: "");
        }
        catch (Exception error)
        {
            var undo = new Rollback();
            undo.Push(move.TakeBack);
            throw undo.Undo(error);
        }
    }

    /// <summary>The name that a device had on the host.</summary>
    /// <returns>The name; null for an interface that is not this plugin's, such as the one because of which the ADD failed.</returns>
    private static string? HomeName(PluginRequest request, Link link)
    {
        if (link.Alias is { Length: > 0 } alias && IsName(alias))
            return alias;
        var added = PreviousResult(request)?.Interfaces.FirstOrDefault(i => i.Name == link.Name && i.Sandbox == request.NetnsPath);
        if (string.IsNullOrEmpty(added?.Mac) || !string.Equals(added.Mac, link.Address?.ToString(), StringComparison.OrdinalIgnoreCase))
            return null;
        // Somebody took the alias away.
        return Configured(request) is { } device && IsName(device) ? device
            : throw new CniException(CniError.Internal, $"device \"{link.Name}\" has lost its alias, which was its name on the host: set it (ip link set {link.Name} alias NAME) and repeat DEL");
    }

    private static bool IsName(string text) =>
        Encoding.UTF8.GetByteCount(text) <= 15 && text is not ("." or "..") && !text.AsSpan().ContainsAny("/:%\0") && !text.Any(char.IsWhiteSpace);

    private static CniResult? PreviousResult(PluginRequest request)
    {
        try
        {
            return request.Config.PrevResult;
        }
        catch (CniException)
        {
            return null; // it only helps
        }
    }

    private static string? Configured(PluginRequest request)
    {
        try
        {
            return request.Config.Root.String("device");
        }
        catch (CniException)
        {
            return null;
        }
    }
}
