using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Vrf;

/// <summary>Whether the kernel has VRFs, found out by making one where nobody sees it.</summary>
internal static partial class VrfSupport
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <summary>Makes a VRF in a namespace that ends with the thread that made it.</summary>
    /// <exception cref="CniException">Code 50: the kernel has none.</exception>
    internal static void Require()
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (unshare(CLONE_NEWNET) < 0)
                    throw new NetlinkException("make a network namespace", (Errno)Marshal.GetLastPInvokeError());
                using var route = RouteSocket.Open();
                var batch = new NetlinkBatch();
                batch.AddLink(new LinkSettings { Name = "vrf", Kind = new Netlink.Rtnetlink.Vrf(1) });
                route.Execute(batch);
            }
            catch (NetlinkException error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new CniException(CniError.PluginNotAvailable, $"vrf: the kernel makes no VRF (CONFIG_NET_VRF): {failure.Message}", inner: failure);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);
}
