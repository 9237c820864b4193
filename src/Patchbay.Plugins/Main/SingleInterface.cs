using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main;

/// <summary>What plugins share whose attachment is one interface in the container, with or without addresses from an IPAM, and nothing on the host.</summary>
internal static class SingleInterface
{
    /// <summary>Runs the IPAM, gives the interface what it says, and sets it up; without an IPAM only that.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="netns">The container's namespace.</param>
    /// <param name="stack">The container's stack.</param>
    /// <param name="link">The interface.</param>
    /// <param name="undo">What follows and fails gives the addresses back.</param>
    /// <param name="detectDuplicates">Other hosts may have the IPv6 addresses.</param>
    /// <returns>The result.</returns>
    internal static CniResult Configure(PluginRequest request, NetworkNamespace netns, NetworkStack stack, Link link, Rollback undo, bool detectDuplicates = false)
    {
        var result = new CniResult
        {
            Interfaces = [new() { Name = link.Name, Mac = link.Address?.ToString(), Mtu = link.Mtu, Sandbox = request.NetnsPath }],
        };
        if (request.Config.IpamType.Length == 0)
        {
            var batch = new NetlinkBatch();
            batch.SetLink(link.Index, new LinkSettings { Up = true });
            stack.Route.Execute(batch);
            return result;
        }

        result = WithAddresses(request, result, undo);
        InterfaceConfiguration.Apply(stack, netns, link, result, detectDuplicates);
        return result;
    }

    /// <summary>The result with what the IPAM gives.</summary>
    internal static CniResult WithAddresses(PluginRequest request, CniResult result, Rollback undo)
    {
        var ipam = IpamDelegate.Add(request, undo);
        if (ipam.Ips.Count == 0)
            throw new CniException(CniError.Internal, "IPAM plugin returned missing IP config");
        return ipam with { Interfaces = result.Interfaces, Ips = [.. ipam.Ips.Select(ip => ip with { Interface = 0 })] };
    }

    /// <summary>DEL: the interface goes, then its addresses, whatever is missing already; all failures are reported together.</summary>
    internal static void Delete(PluginRequest request)
    {
        var cleanup = new Cleanup();
        IpamDelegate.DeleteAround(request, cleanup, () => Sandbox.BeginDeleteLink(request.NetnsPath, request.IfName)());
        cleanup.ThrowIfFailed();
    }

    /// <summary>CHECK: asks the IPAM, then compares the interface, its addresses and the routes with the result.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="inspect">Compares what is the plugin's own.</param>
    internal static void Check(PluginRequest request, Action<NetworkStack, Link> inspect)
    {
        IpamDelegate.Check(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed($"{request.Config.Type}: Required prevResult missing");
        var expected = InterfaceCheck.Find(result, request.IfName, request.NetnsPath);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var stack = NetworkStack.Open(netns);
        var link = InterfaceCheck.Present(stack.Route, expected, "container");
        inspect(stack, link);
        if (!link.IsUp)
            throw InterfaceCheck.Failed($"container interface \"{link.Name}\" is down");
        InterfaceCheck.Addresses(stack.Route, link, result);
        InterfaceCheck.Routes(stack.Route, result);
    }

    /// <summary>Refuses a name that the container has already, before anything is done.</summary>
    internal static void RequireFree(RouteSocket container, string name)
    {
        if (container.FindLink(name) is not null)
            throw new CniException(CniError.Internal, $"the container has an interface \"{name}\" already: choose another CNI_IFNAME, or DEL that attachment first");
    }
}
