using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Lets one plugin at a time choose things of a container, such as routing tables, that are free.</summary>
internal static partial class NamespaceLock
{
    private const int LOCK_EX = 2; // sys/file.h

    /// <summary>
    /// Waits for the lock of a namespace, which is flock(2) on the namespace's own file, as the reference's: it leaves nothing in any file system. It is held
    /// until the namespace is disposed.
    /// </summary>
    /// <exception cref="IOException">The lock cannot be had.</exception>
    internal static void Take(NetworkNamespace netns)
    {
        while (flock(netns.Handle, LOCK_EX) < 0)
        {
            var error = (Errno)Marshal.GetLastPInvokeError();
            if (error != Errno.Interrupted)
                throw new NetlinkException($"lock network namespace \"{netns.Path}\"", error);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle fd, int operation);
}
