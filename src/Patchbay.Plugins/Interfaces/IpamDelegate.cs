using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Passes a request on to the address management that the configuration names; nothing happens when it names none.</summary>
internal static class IpamDelegate
{
    /// <summary>ADD; what follows and fails gives the addresses back.</summary>
    internal static CniResult Add(PluginRequest request, Rollback undo)
    {
        var ipam = request.Delegate(request.Config.IpamType);
        var result = ipam.Add();
        undo.Push(ipam.Delete);
        return result;
    }

    /// <summary>DEL.</summary>
    internal static void Delete(PluginRequest request)
    {
        if (request.Config.IpamType.Length > 0)
            request.Delegate(request.Config.IpamType).Delete();
    }

    /// <summary>
    /// True when the address management gives an address back by a message that leaves through the container's own interface, so that DEL must ask it before
    /// the link goes. All others are asked after, when nobody can use the address any more.
    /// </summary>
    internal static bool ReleasesThroughLink(PluginRequest request) => request.Config.IpamType == "dhcp";

    /// <summary>DEL, before or after the interface goes, as the address management needs it.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="cleanup">Where failures go.</param>
    /// <param name="removeInterface">Takes the interface out of the container.</param>
    internal static void DeleteAround(PluginRequest request, Cleanup cleanup, Action removeInterface)
    {
        var first = ReleasesThroughLink(request);
        if (first)
            cleanup.Step(() => Delete(request));
        cleanup.Step(removeInterface);
        if (!first)
            cleanup.Step(() => Delete(request));
    }

    /// <summary>CHECK.</summary>
    internal static void Check(PluginRequest request)
    {
        if (request.Config.IpamType.Length > 0)
            request.Delegate(request.Config.IpamType).Check();
    }

    /// <summary>GC.</summary>
    internal static void GarbageCollect(PluginRequest request)
    {
        if (request.Config.IpamType.Length > 0)
            request.Delegate(request.Config.IpamType).GarbageCollect();
    }

    /// <summary>STATUS.</summary>
    internal static void Status(PluginRequest request)
    {
        if (request.Config.IpamType.Length > 0)
            request.Delegate(request.Config.IpamType).Status();
    }

    /// <summary>The result with the configuration's "dns" in place of the IPAM's, if any field of it is given, even an empty list.</summary>
    internal static CniResult WithConfiguredDns(PluginRequest request, CniResult result)
    {
        var given = request.Config.Root.Object("dns") is { } dns
            && (dns.Has("nameservers") || dns.Has("search") || dns.Has("options") || dns.String("domain") is { Length: > 0 });
        return given ? result with { Dns = request.Config.Dns } : result;
    }
}
