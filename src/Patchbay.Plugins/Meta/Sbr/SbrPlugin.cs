using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Sbr;

/// <summary>sbr: what leaves from an interface's address leaves by that interface. docs/sbr.md.</summary>
internal sealed class SbrPlugin : CniPlugin
{
    private const string NoResult = "This plugin must be called as chained plugin";

    public override string Name => "sbr";

    public override CniResult Add(PluginRequest request)
    {
        var config = SbrConfig.Read(request.Config.Root);
        var previous = ChainedInterface.Require(request, NoResult);
        var ips = AddressesOf(request, previous);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        NamespaceLock.Take(netns);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        var link = ChainedInterface.Find(route, request.IfName);
        var present = route.ListAddresses(link.Index);
        foreach (var ip in ips)
        {
            if (!present.Any(each => each.Address.Equals(ip.Address.Address)))
                throw new CniException(CniError.InvalidNetworkConfig, $"prevResult has address {ip.Address}, which is not on interface \"{link.Name}\"");
        }

        var undo = new Rollback();
        try
        {
            // A rule that an earlier attachment of the same address left would come second, and lead nowhere.
            Remove(route, OwnRules.Find(route, Set(ips), link: null, config.Table).Where(rule => rule.Protocol == OwnRules.Mark));
            SourceRouting.Apply(route, link, ips, config, undo);
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }

        return previous;
    }

    public override void Delete(PluginRequest request)
    {
        var table = SbrConfig.ReadTable(request.Config.Root);
        // With the namespace all rules are gone.
        using var netns = Sandbox.TryOpenNamespace(request.NetnsPath);
        if (netns is null)
            return;
        NamespaceLock.Take(netns);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        var link = route.FindLink(request.IfName);
        // The interface may be gone, or have lost its addresses; the runtime may not know the result any more.
        var addresses = Set(KnownAddresses(request));
        if (link is not null)
            addresses.UnionWith(route.ListAddresses(link.Index).Select(each => each.Address));
        Remove(route, OwnRules.Find(route, addresses, link, table));
    }

    public override void Check(PluginRequest request)
    {
        var config = SbrConfig.Read(request.Config.Root);
        var previous = ChainedInterface.Require(request, NoResult);
        var ips = AddressesOf(request, previous);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
        var link = ChainedInterface.Find(route, request.IfName);
        foreach (var ip in ips)
            CheckAddress(route, link, ip, config);
    }

    public override void Status(PluginRequest request)
    {
        SbrConfig.Read(request.Config.Root);
        try
        {
            using var route = RouteSocket.Open();
            route.ListRules(AddressFamily.IPv4);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"sbr: the kernel has no policy routing (CONFIG_IP_MULTIPLE_TABLES): {error.Message}", inner: error);
        }
    }

    private static void CheckAddress(RouteSocket route, Link link, CniIp ip, SbrConfig config)
    {
        var family = RouteSocket.FamilyOf(ip.Address.Address);
        var tables = route.ListRules(family)
            .Where(rule => ip.Address.Address.Equals(OwnRules.SourceOf(rule)) && (config.Table is { } wanted ? rule.Table == wanted : rule.Table >= OwnRules.FirstTable))
            .Select(rule => rule.Table).ToHashSet();
        if (tables.Count == 0)
            throw InterfaceCheck.Failed($"no rule leads packets from {ip.Address.Address} to {(config.Table is { } table ? $"table {table}" : "a table of their own")}");
        if (config.Table is not null)
            return;
        var routes = route.ListRoutes(family, table: 0).Where(each => tables.Contains(each.Table) && OwnRules.IsThrough(each, link)).ToList();
        if (routes.Count == 0)
            throw InterfaceCheck.Failed($"table {tables.First()} for packets from {ip.Address.Address} has no route through \"{link.Name}\"");
        if (SourceRouting.GatewayOf(ip, config) is { } gateway && !routes.Exists(each => each.Destination is null))
            throw InterfaceCheck.Failed($"table {tables.First()} for packets from {ip.Address.Address} has no default route via {gateway}");
    }

    private static IReadOnlyList<CniIp> AddressesOf(PluginRequest request, CniResult previous)
    {
        var ips = ChainedInterface.Addresses(previous, request.IfName);
        return ips.Count > 0 ? ips : throw new CniException(CniError.InvalidNetworkConfig, $"No IP addresses supplied on interface: {request.IfName}");
    }

    private static IReadOnlyList<CniIp> KnownAddresses(PluginRequest request)
    {
        try
        {
            return request.Config.PrevResult is { } previous ? ChainedInterface.Addresses(previous, request.IfName) : [];
        }
        catch (CniException)
        {
            return []; // a result that nobody can read tells of nothing to remove
        }
    }

    private static HashSet<IPAddress> Set(IReadOnlyList<CniIp> ips) => [.. ips.Select(ip => ip.Address.Address)];

    private static void Remove(RouteSocket route, IEnumerable<Rule> rules)
    {
        var batch = new NetlinkBatch();
        foreach (var rule in rules)
            batch.DeleteRule(rule, Tolerated.Missing);
        route.Execute(batch);
    }
}
