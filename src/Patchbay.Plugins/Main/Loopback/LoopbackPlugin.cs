using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Loopback;

/// <summary>loopback: sets a container's <c>lo</c> up. docs/loopback.md.</summary>
internal sealed class LoopbackPlugin : CniPlugin
{
    // Whatever CNI_IFNAME says: there is one loopback interface and its name is fixed.
    private const string InterfaceName = "lo";

    public override string Name => "loopback";

    // ip -n CONTAINER link set lo up
    public override CniResult Add(PluginRequest request)
    {
        var previous = Previous(request);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var route = RouteSocket.Open(netns);
        var link = SetUp(route, up: true);
        var ips = new List<CniIp>();
        foreach (var address in route.ListAddresses(link.Index))
        {
            if (!IPAddress.IsLoopback(address.Address))
                throw new CniException(CniError.Internal, $"loopback interface found with non-loopback address \"{address}\"");
            if (!ips.Exists(ip => ip.Address.Address.AddressFamily == address.Address.AddressFamily))
                ips.Add(new CniIp { Address = new IpPrefix(address.Address, address.PrefixLength), Interface = 0 });
        }

        return previous ?? new CniResult
        {
            Interfaces = [new() { Name = InterfaceName, Mac = "00:00:00:00:00:00", Sandbox = request.NetnsPath }],
            Ips = ips,
        };
    }

    public override void Delete(PluginRequest request)
    {
        using var netns = Sandbox.TryOpenNamespace(request.NetnsPath);
        if (netns is null)
            return;
        using var route = RouteSocket.Open(netns);
        SetUp(route, up: false);
    }

    public override void Check(PluginRequest request)
    {
        Previous(request);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var route = RouteSocket.Open(netns);
        if (route.FindLink(InterfaceName) is not { IsUp: true })
            throw InterfaceCheck.Failed("loopback interface is down");
    }

    // What it passes on must be true of this container: of lo, and of the interface that the call is about, which is another one in a chain.
    private static CniResult? Previous(PluginRequest request)
    {
        if (request.Config.PrevResult is not { } previous)
            return null;
        ChainedInterface.RequireSandbox(request, previous, InterfaceName);
        ChainedInterface.RequireSandbox(request, previous, request.IfName);
        return previous;
    }

    private static Link SetUp(RouteSocket route, bool up)
    {
        Link? link = null;
        var batch = new NetlinkBatch();
        batch.SetLink(0, new LinkSettings { Name = InterfaceName, Up = up });
        batch.GetLink(InterfaceName, found => link = found);
        route.Execute(batch);
        return link!;
    }
}
