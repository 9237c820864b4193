using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>yggoverlay: gives a container an address in its host's Yggdrasil subnet, and with it the mesh. docs/yggoverlay.md.</summary>
internal sealed class YggoverlayPlugin : CniPlugin
{
    private const string NoResult = "yggoverlay: there is no prevResult: chain it behind the plugin that makes the interface, such as bridge";

    public override string Name => "yggoverlay";

    /// <summary>A chained plugin needs results with interfaces, and DEL and CHECK with the result.</summary>
    public override IReadOnlyList<SpecVersion> SupportedVersions => [.. SpecVersion.All.Where(version => version >= SpecVersion.V030)];

    public override CniResult Add(PluginRequest request)
    {
        var config = YggoverlayConfig.Read(request.Config.Root);
        var previous = ChainedInterface.Require(request, NoResult);
        var (name, source) = ContainerName.Find(request, config);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var link = ChainedInterface.Find(sandbox.Container.Route, request.IfName);
        var device = GatewayDevice.Find(sandbox.Host.Route, link, previous);
        var node = AdminClient.Ask(config.AdminSocket, config.TimeoutMilliseconds);
        NodeInterface.Require(sandbox.Host.Route, node, CniError.TryAgainLater);

        using var store = ReservationStore.Open(config.Directory);
        var wanted = Reserve(request, config, sandbox, device, node.Subnet, name);
        if (store.HolderOf(wanted.Address) is { } holder && !holder.IsOf(wanted.ContainerId, wanted.IfName) && holder.IsAlive)
        {
            if (config.SkipDuplicates)
            {
                PluginHost.Note(request.Environment, $"yggoverlay: the name \"{name}\" (from {source}) is that of container \"{holder.ContainerId}\": no address for this one");
                return previous;
            }

            throw new CniException(CniError.Internal, $"yggoverlay: the name \"{name}\" (from {source}) is that of container \"{holder.ContainerId}\", interface \"{holder.IfName}\" of network \"{holder.Network}\": two containers of one name would have one address, {wanted.Address}. Give this one another name, or end the other");
        }

        var undo = new Rollback();
        try
        {
            Release(request, sandbox, store, wanted);
            if (store.HolderOf(wanted.Address) is { } dead && !dead.IsOf(wanted.ContainerId, wanted.IfName))
                Bury(sandbox, store, dead);
            var before = store.Find(wanted.ContainerId, wanted.IfName);
            if (before is null)
                undo.Push(() => EndReservation(sandbox, store, wanted));
            store.Write(wanted);
            var host = new HostSide(sandbox.Host, store);
            host.Apply(device.Link, wanted, undo);
            // Before the container can be reached.
            if (wanted.Ingress != Ingress.Open)
            {
                undo.Push(() => IngressFilter.Remove(wanted.Address));
                IngressFilter.Apply(wanted);
            }

            ContainerSide.Apply(sandbox.Container, link, wanted, config.Deprecated, undo);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }

        return config.ReportAddress ? WithAddress(previous, request, wanted) : previous;
    }

    public override void Delete(PluginRequest request)
    {
        using var store = ReservationStore.OpenExisting(YggoverlayConfig.ReadDirectory(request.Config.Root));
        if (store is null)
            return;
        using var host = NetworkStack.Open();
        var found = store.Find(request.ContainerId, request.IfName);
        if (found is not null && found.Network != request.Config.Name)
            return; // another network's interface of that name
        var cleanup = new Cleanup();
        if (found is not null)
        {
            cleanup.Step(() => RemoveFromContainer(request, found));
            RemoveFromHost(cleanup, new HostSide(host, store), store, found);
        }

        // An engine that tells no namespace stops the container only afterwards: until then it keeps the way to its gateway.
        if (store.IsEmpty && (found is null || request.NetnsPath.Length > 0 || !found.IsAlive))
            cleanup.Step(new HostSide(host, store).RemoveShared);
        cleanup.ThrowIfFailed();
    }

    public override void Check(PluginRequest request)
    {
        var config = YggoverlayConfig.Read(request.Config.Root);
        var previous = ChainedInterface.Require(request, NoResult);
        using var sandbox = Sandbox.Open(request.NetnsPath);
        var link = ChainedInterface.Find(sandbox.Container.Route, request.IfName);
        Reservation found;
        using (var store = ReservationStore.OpenExisting(config.Directory))
        {
            if (store?.Find(request.ContainerId, request.IfName) is not { } own || own.Network != request.Config.Name)
            {
                if (config.SkipDuplicates && !previous.Ips.Any(ip => MeshAddress.IsOfSubnet(ip.Address.Address)))
                    return; // its name was another container's
                throw InterfaceCheck.Failed($"yggoverlay: container \"{request.ContainerId}\" has no reservation for \"{request.IfName}\" in \"{config.Directory}\"");
            }

            if (store.HolderOf(own.Address) is not { } holder)
                throw InterfaceCheck.Failed($"yggoverlay: address {own.Address} of container \"{request.ContainerId}\" is not reserved");
            if (!holder.IsOf(own.ContainerId, own.IfName))
                throw InterfaceCheck.Failed($"yggoverlay: address {own.Address} of container \"{request.ContainerId}\" is reserved for container \"{holder.ContainerId}\"");
            found = own;
        }

        var drift = ContainerSide.Drift(sandbox.Container.Route, link, found) ?? new HostSide(sandbox.Host).Drift(found) ?? IngressFilter.Drift(found);
        if (drift is not null)
            throw InterfaceCheck.Failed($"yggoverlay: {drift}");
        var node = AdminClient.Ask(config.AdminSocket, config.TimeoutMilliseconds);
        if (node.Subnet != found.Subnet)
            throw InterfaceCheck.Failed($"yggoverlay: the Yggdrasil node has another key now: its subnet is {node.Subnet}, the container's address {found.Address} is of {found.Subnet}. Start the container anew");
        NodeInterface.Require(sandbox.Host.Route, node, CniError.Internal);
    }

    public override void GarbageCollect(PluginRequest request)
    {
        if (request.Config.ValidAttachments is not { } valid)
            return;
        using var store = ReservationStore.OpenExisting(YggoverlayConfig.ReadDirectory(request.Config.Root));
        if (store is null)
            return;
        using var host = NetworkStack.Open();
        var side = new HostSide(host, store);
        var cleanup = new Cleanup();
        foreach (var each in store.Collect())
        {
            if (each.Network != request.Config.Name || valid.Any(keep => each.IsOf(keep.ContainerId, keep.IfName)))
                continue;
            RemoveFromHost(cleanup, side, store, each);
        }

        if (store.IsEmpty)
            cleanup.Step(side.RemoveShared);
        cleanup.ThrowIfFailed();
    }

    /// <summary>Without the node the containers that there are have no mesh either; without its interface or subnet there can be no more.</summary>
    public override void Status(PluginRequest request)
    {
        var config = YggoverlayConfig.Read(request.Config.Root);
        NodeInfo node;
        try
        {
            node = AdminClient.Ask(config.AdminSocket, config.TimeoutMilliseconds);
        }
        catch (CniException error)
        {
            throw new CniException(error.Code == CniError.TryAgainLater ? CniError.LimitedConnectivity : CniError.PluginNotAvailable, error.Message, error.Details, error);
        }

        using var route = RouteSocket.Open();
        NodeInterface.Require(route, node, CniError.PluginNotAvailable);
        if (config.Ingress != Ingress.Open)
            RequireFilter();
    }

    private static void RequireFilter()
    {
        try
        {
            IngressFilter.Verify();
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"yggoverlay: the kernel cannot keep the mesh from containers (\"ingress\"): {error.Message}", inner: error);
        }
    }

    private static Reservation Reserve(PluginRequest request, YggoverlayConfig config, Sandbox sandbox, GatewayDevice device, IPNetwork subnet, string name)
    {
        if (!device.IsShared && config.Mode == WiringMode.Bridge)
            throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: \"mode\" is \"bridge\", but \"{request.IfName}\" is not on a bridge: leave \"mode\" out, or set it to \"routed\"");
        return new Reservation
        {
            ContainerId = request.ContainerId,
            IfName = request.IfName,
            Network = request.Config.Name,
            Name = name,
            Address = MeshAddress.Of(subnet, name),
            Subnet = subnet,
            Netns = request.NetnsPath,
            Identity = FileIdentity.Of(request.NetnsPath) ?? default,
            Gateway = device.Link.Name,
            Mode = config.Mode ?? (device.IsShared ? WiringMode.Bridge : WiringMode.Routed),
            Table = config.Table,
            Priority = config.Priority,
            Ingress = config.Ingress,
        };
    }

    // What this attachment had before otherwise: another name or key, table or mode.
    private static void Release(PluginRequest request, Sandbox sandbox, ReservationStore store, Reservation wanted)
    {
        if (store.Find(wanted.ContainerId, wanted.IfName) is not { } old || (old with { Identity = wanted.Identity, Netns = wanted.Netns }) == wanted)
            return;
        if (old.IsAlive && old.Identity == wanted.Identity)
            ContainerSide.Remove(sandbox.Container.Route, sandbox.Container.Route.FindLink(request.IfName), old);
        var cleanup = new Cleanup();
        RemoveFromHost(cleanup, new HostSide(sandbox.Host, store), store, old);
        cleanup.ThrowIfFailed();
    }

    // An address that is another container's by now keeps what that one needs.
    private static void RemoveFromHost(Cleanup cleanup, HostSide host, ReservationStore store, Reservation reservation)
    {
        if (store.HolderOf(reservation.Address) is not { } holder || holder.IsOf(reservation.ContainerId, reservation.IfName))
        {
            cleanup.Step(() => host.RemoveRoute(reservation));
            if (reservation.Ingress != Ingress.Open)
                cleanup.Step(() => IngressFilter.Remove(reservation.Address));
        }

        cleanup.Step(() => store.Remove(reservation));
    }

    // A container that ended without a DEL: its address changes hands, its own DEL finds nothing of it.
    private static void Bury(Sandbox sandbox, ReservationStore store, Reservation dead)
    {
        var cleanup = new Cleanup();
        RemoveFromHost(cleanup, new HostSide(sandbox.Host, store), store, dead);
        cleanup.ThrowIfFailed();
    }

    private static void EndReservation(Sandbox sandbox, ReservationStore store, Reservation reservation)
    {
        store.Remove(reservation);
        if (store.IsEmpty)
            new HostSide(sandbox.Host, store).RemoveShared();
    }

    // Only where the namespace is still the one of the ADD: a path is reused, and the next container's things are not ours.
    private static void RemoveFromContainer(PluginRequest request, Reservation reservation)
    {
        if (request.NetnsPath.Length == 0 || FileIdentity.Of(request.NetnsPath) is not { } now || now.Inode != reservation.Identity.Inode || now.Device != reservation.Identity.Device)
            return;
        using var netns = Sandbox.TryOpenNamespace(request.NetnsPath);
        if (netns is null)
            return;
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        ContainerSide.Remove(route, route.FindLink(request.IfName), reservation);
    }

    private static CniResult WithAddress(CniResult previous, PluginRequest request, Reservation reservation)
    {
        if (previous.Ips.Any(ip => ip.Address.Address.Equals(reservation.Address)))
            return previous;
        int? index = null;
        for (var i = 0; i < previous.Interfaces.Count; i++)
        {
            if (previous.Interfaces[i].Name == request.IfName && previous.Interfaces[i].Sandbox is not null)
                index = i;
        }

        var ip = new CniIp { Interface = index, Address = new IpPrefix(reservation.Address, MeshAddress.PrefixLength), Gateway = MeshAddress.GatewayOf(reservation.Subnet) };
        return previous with { Ips = [.. previous.Ips, ip] };
    }
}
