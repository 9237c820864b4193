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
        if (store.HolderOf(wanted.Address) is { } holder && !holder.IsOf(wanted.ContainerId, wanted.IfName) && holder is { IsReleased: false, IsAlive: true })
        {
            if (config.SkipDuplicates)
            {
                PluginHost.Note(request.Environment, $"yggoverlay: the name \"{name}\" (from {source}) is that of container \"{holder.ContainerId}\": no address for this one");
                return previous;
            }

            throw new CniException(CniError.Internal, $"yggoverlay: the name \"{name}\" (from {source}) is that of container \"{holder.ContainerId}\", interface \"{holder.IfName}\" of network \"{holder.Network}\": two containers of one name would have one address, {wanted.Address}. Give this one another name, or end the other");
        }

        Release(request, sandbox, store, wanted);
        // What was there before a second ADD stays, however that one ends.
        var stands = store.Find(wanted.ContainerId, wanted.IfName) is { } same && same.IsIn(request.NetnsPath);
        var undo = new Rollback();
        undo.Push(() => EndReservation(sandbox, store, wanted));
        try
        {
            store.Write(wanted);
            new HostSide(sandbox.Host, store).Apply(device.Link, wanted, undo);
            // Before the container can be reached.
            if (wanted.Ingress != Ingress.Open)
            {
                undo.Push(() => IngressFilter.Remove(wanted.Address));
                IngressFilter.Apply(wanted);
            }

            ContainerSide.Apply(sandbox.Container, link, wanted, config.Deprecated, undo);
        }
        catch (Exception error) when (!stands)
        {
            throw undo.Undo(error);
        }

        return config.ReportAddress ? WithAddress(previous, request, wanted) : previous;
    }

    public override void Delete(PluginRequest request)
    {
        var cleanup = new Cleanup();
        using var store = ReservationStore.OpenExisting(YggoverlayConfig.ReadDirectory(request.Config.Root));
        var found = store?.Find(request.ContainerId, request.IfName);
        if (found is not null && found.Network != request.Config.Name)
            return; // another network's interface of that name
        if (found is { IsAlive: true } && request.NetnsPath.Length == 0)
        {
            // The engine stops the container only afterwards (nerdctl): until then it keeps its way to the gateway, and what is to keep the mesh out of it.
            store!.Write(found with { IsReleased = true });
            return;
        }

        cleanup.Step(() =>
        {
            if ((found ?? ByResult(request)) is { } known)
                RemoveFromContainer(request.NetnsPath, known);
        });
        if (store is not null)
        {
            using var host = NetworkStack.Open();
            var side = new HostSide(host, store);
            if (found is not null)
                RemoveFromHost(cleanup, side, store, found);
            if (store.IsEmpty)
                cleanup.Step(side.RemoveShared);
        }

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
            cleanup.Step(() => RemoveFromContainer(each.Netns, each));
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

    // What this attachment had before otherwise, another name or key, table or mode; and the address's holder, a container that ended without a DEL or is about to end.
    private static void Release(PluginRequest request, Sandbox sandbox, ReservationStore store, Reservation wanted)
    {
        var cleanup = new Cleanup();
        var host = new HostSide(sandbox.Host, store);
        if (store.Find(wanted.ContainerId, wanted.IfName) is { } old && (old with { Identity = wanted.Identity, Netns = wanted.Netns, IsReleased = false }) != wanted)
        {
            cleanup.Step(() => RemoveFromContainer(request.NetnsPath, old));
            RemoveFromHost(cleanup, host, store, old);
        }

        if (store.HolderOf(wanted.Address) is { } dead && !dead.IsOf(wanted.ContainerId, wanted.IfName))
            RemoveFromHost(cleanup, host, store, dead);
        cleanup.ThrowIfFailed();
    }

    // An address that is another container's by now keeps what that one needs.
    private static void RemoveFromHost(Cleanup cleanup, HostSide host, ReservationStore store, Reservation reservation)
    {
        if (store.HolderOf(reservation.Address) is not { } holder || holder.IsOf(reservation.ContainerId, reservation.IfName))
        {
            cleanup.Step(() => host.Remove(reservation));
            if (reservation.Ingress != Ingress.Open)
                cleanup.Step(() => IngressFilter.Remove(reservation.Address));
        }

        cleanup.Step(() => store.Remove(reservation));
    }

    private static void EndReservation(Sandbox sandbox, ReservationStore store, Reservation reservation)
    {
        store.Remove(reservation);
        if (store.IsEmpty)
            new HostSide(sandbox.Host, store).RemoveShared();
    }

    // The files are lost, with a tmpfs that somebody emptied: what the container has is told by the result as well. The host's routes are not.
    private static Reservation? ByResult(PluginRequest request)
    {
        if (request.NetnsPath.Length == 0 || request.Config.PrevResult is not { } result
            || ChainedInterface.Addresses(result, request.IfName).FirstOrDefault(ip => MeshAddress.IsOfSubnet(ip.Address.Address)) is not { } ip)
            return null;
        var config = YggoverlayConfig.Read(request.Config.Root);
        return new Reservation
        {
            ContainerId = request.ContainerId,
            IfName = request.IfName,
            Network = request.Config.Name,
            Name = "",
            Address = ip.Address.Address,
            Subnet = new IpPrefix(ip.Address.Address, MeshAddress.PrefixLength).Network,
            Netns = request.NetnsPath,
            Identity = FileIdentity.Of(request.NetnsPath) ?? default,
            Gateway = "",
            Mode = config.Mode ?? WiringMode.Bridge,
            Table = config.Table,
            Priority = config.Priority,
            Ingress = config.Ingress,
        };
    }

    // Only where the namespace is still the one of the ADD: a path is reused, and the next container's things are not ours.
    private static void RemoveFromContainer(string path, Reservation reservation)
    {
        if (!reservation.IsIn(path))
            return;
        using var netns = Sandbox.TryOpenNamespace(path);
        if (netns is null)
            return;
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        ContainerSide.Remove(route, route.FindLink(reservation.IfName), reservation);
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
