using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;

namespace Patchbay.Plugins.Main;

/// <summary>The end of an attachment that consists of a veth pair, addresses from an IPAM, and perhaps masquerading: what bridge and ptp share.</summary>
internal static class MasqueradedLink
{
    /// <summary>DEL: everything goes, whatever is missing already, and all failures are reported together.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="afterLink">What else must go, but not before the link; a socket that it returns is closed last.</param>
    internal static void Delete(PluginRequest request, Func<IDisposable>? afterLink = null)
    {
        var cleanup = new Cleanup();
        bool first = IpamDelegate.ReleasesThroughLink(request);
        if (first)
            cleanup.Step(() => IpamDelegate.Delete(request));
        // The link takes the kernel 10 to 20 ms, in which it also frees the rules for masquerading. The address is given back only when
        // nobody can use it any more.
        var deleteLink = static () => { };
        cleanup.Step(() => deleteLink = Sandbox.BeginDeleteLink(request.NetnsPath, request.IfName));
        using var masquerade = Masquerade.StartRemoval(request);
        cleanup.Step(() => deleteLink());
        if (!first)
            cleanup.Step(() => IpamDelegate.Delete(request));
        if (afterLink is not null)
            cleanup.Step(() => masquerade.CloseLast(afterLink()));
        cleanup.Step(masquerade.Complete);
        cleanup.ThrowIfFailed();
    }

    /// <summary>GC: masquerading and addresses of attachments that are not valid any more go.</summary>
    /// <param name="request">The network and its valid attachments; none told means that nothing but the IPAM is asked to look.</param>
    /// <param name="also">What else must go.</param>
    internal static void Collect(PluginRequest request, Action<IReadOnlyList<Cni.Model.CniAttachment>>? also = null)
    {
        var cleanup = new Cleanup();
        if (request.Config.ValidAttachments is { } valid)
        {
            cleanup.Step(() => Masquerade.Collect(request.Config.Name, valid));
            cleanup.Step(() => also?.Invoke(valid));
        }

        cleanup.Step(() => IpamDelegate.GarbageCollect(request));
        cleanup.ThrowIfFailed();
    }
}
