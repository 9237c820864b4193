using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;
using Device = Patchbay.Netlink.Rtnetlink.Vrf;

namespace Patchbay.Plugins.Meta.Vrf;

/// <summary>vrf: puts a container's interface into a VRF, with a routing table of its own. docs/vrf.md.</summary>
internal sealed class VrfPlugin : CniPlugin
{
    private const string NoResult = "missing prevResult from earlier plugin";

    public override string Name => "vrf";

    /// <summary>From 0.3.1 on, as the reference.</summary>
    public override IReadOnlyList<SpecVersion> SupportedVersions => [.. SpecVersion.All.Where(version => version >= SpecVersion.V031)];

    public override CniResult Add(PluginRequest request)
    {
        var config = VrfConfig.Read(request.Config.Root, request.IfName);
        var previous = ChainedInterface.Require(request, NoResult);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        NamespaceLock.Take(netns);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        var link = ChainedInterface.Find(route, request.IfName);
        var undo = new Rollback();
        try
        {
            var (vrf, table) = FindOrCreate(route, config, undo);
            if (link.Master != vrf)
            {
                if (link.Master != 0)
                    throw new CniException(CniError.Internal, $"interface {link.Name} has already a master set: {route.FindLink(link.Master)?.Name ?? $"{link.Master}"}");
                VrfMove.Join(netns, route, link, vrf, table, undo);
            }
        }
        catch (Exception error)
        {
            var failure = undo.Undo(error);
            throw new CniException(failure.Code, $"cmdAdd failed: {failure.Message}", failure.Details, failure);
        }

        return previous;
    }

    public override void Delete(PluginRequest request)
    {
        using var netns = Sandbox.TryOpenNamespace(request.NetnsPath);
        if (netns is null || request.Config.Root.String("vrfname") is not { Length: > 0 } name)
            return;
        NamespaceLock.Take(netns);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        if (route.FindLink(name) is not { Kind: Device.KindName } vrf)
            return;
        var ports = route.ListLinks().Where(each => each.Master == vrf.Index).ToList();
        var batch = new NetlinkBatch();
        if (ports.Exists(each => each.Name != request.IfName))
        {
            if (ports.Find(each => each.Name == request.IfName) is { } own)
                batch.SetLink(own.Index, new LinkSettings { Master = 0 }, Tolerated.Missing);
        }
        else
        {
            batch.DeleteLink(vrf.Index, Tolerated.Missing); // which lets go of its last port
        }

        route.Execute(batch);
    }

    public override void Check(PluginRequest request)
    {
        var config = VrfConfig.Read(request.Config.Root, request.IfName);
        var previous = ChainedInterface.Require(request, NoResult);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        var link = ChainedInterface.Find(route, request.IfName);
        var vrf = route.FindLink(config.Name) ?? throw InterfaceCheck.Failed($"VRF {config.Name} does not exist");
        var table = TableOf(vrf, config);
        if (!vrf.IsUp)
            throw InterfaceCheck.Failed($"VRF {vrf.Name} is down");
        if (link.Master != vrf.Index)
            throw InterfaceCheck.Failed($"interface {link.Name} is not in VRF {vrf.Name}");
        foreach (var ip in ChainedInterface.Addresses(previous, request.IfName))
        {
            var network = ip.Address.Network;
            if (!route.ListRoutes(RouteSocket.FamilyOf(ip.Address.Address), table).Any(each => each.Destination is { } destination && destination.Equals(network)))
                throw InterfaceCheck.Failed($"table {table} of VRF {vrf.Name} has no route to {network} of address {ip.Address}");
        }
    }

    public override void Status(PluginRequest request)
    {
        VrfConfig.Read(request.Config.Root, request.IfName);
        VrfSupport.Require();
    }

    private static (int Index, uint Table) FindOrCreate(RouteSocket route, VrfConfig config, Rollback undo)
    {
        if (route.FindLink(config.Name) is { } present)
        {
            var own = TableOf(present, config);
            if (!present.IsUp)
            {
                undo.Push(() => Set(route, present.Index, up: false));
                Set(route, present.Index, up: true);
            }

            return (present.Index, own);
        }

        // ip link add VRFNAME up type vrf table TABLE
        var table = config.Table != 0 ? config.Table : RoutingTables.Take(RoutingTables.InUse(route), first: 1);
        var index = 0;
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = config.Name, Up = true, Kind = new Device(table) });
        batch.GetLink(config.Name, link => index = link.Index, Tolerated.Missing);
        route.Execute(batch);
        undo.Push(() => Sandbox.DeleteLink(route, config.Name));
        return (index, table);
    }

    private static uint TableOf(Link link, VrfConfig config)
    {
        if (link.Kind != Device.KindName)
            throw new CniException(CniError.Internal, $"Netlink {link.Name} is not a VRF");
        var table = Device.Decode(link).Table;
        if (config.Table != 0 && config.Table != table)
            throw new CniException(CniError.Internal, $"VRF {link.Name} already exist with different routing table {table}");
        return table;
    }

    private static void Set(RouteSocket route, int link, bool up)
    {
        var batch = new NetlinkBatch();
        batch.SetLink(link, new LinkSettings { Up = up });
        route.Execute(batch);
    }
}
