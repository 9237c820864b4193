using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>A network namespace under a name that <c>ip netns</c> knows: a mount in /run/netns.</summary>
/// <remarks>
/// A name, and not /proc/PID/ns/net: that is another process's namespace once the process is gone and its number is given out again,
/// and the path is remembered in the cache and by daemons.
/// </remarks>
internal static class NamedNamespace
{
    private const string Directory = "/run/netns";

    internal static string PathOf(string name) => $"{Directory}/{name}";

    /// <summary>All names that there are.</summary>
    internal static IReadOnlyList<string> Names() =>
        System.IO.Directory.Exists(Directory) ? [.. System.IO.Directory.EnumerateFiles(Directory).Select(static path => Path.GetFileName(path))] : [];

    /// <summary>Gives a name to a new namespace, whose <c>lo</c> is set up.</summary>
    internal static void Create(string name)
    {
        using NetworkNamespace created = NetworkNamespace.Create();
        using (RouteSocket route = RouteSocket.Open(created))
        {
            // ip link set lo up
            NetlinkBatch batch = new();
            batch.SetLink(0, new LinkSettings { Name = "lo", Up = true });
            route.Execute(batch);
        }

        Name(name, created);
    }

    /// <summary>Gives a name to the namespace of a process.</summary>
    internal static void OfProcess(string name, int pid)
    {
        using NetworkNamespace theirs = NetworkNamespace.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));
        Name(name, theirs);
    }

    /// <summary>Removes the name; the namespace goes with the last process in it.</summary>
    internal static void Remove(string name)
    {
        string path = PathOf(name);
        if (!File.Exists(path))
            return;
        if (Libc.umount2(path, Libc.MNT_DETACH) < 0 && Marshal.GetLastPInvokeError() is not (Libc.EINVAL or Libc.ENOENT) and var error)
            throw Failed($"unmount {path}", error);
        File.Delete(path);
    }

    private static void Name(string name, NetworkNamespace it)
    {
        System.IO.Directory.CreateDirectory(Directory);
        Share();
        string path = PathOf(name);
        int file = Libc.openat(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC, 0);
        if (file < 0)
            throw Failed($"create {path}", Marshal.GetLastPInvokeError());
        new SafeFileHandle(file, ownsHandle: true).Dispose();
        Mount(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{it.Handle.DangerousGetHandle()}"), path, Libc.MS_BIND);
    }

    // As ip-netns(8) does: a shared mount, so that the name appears, and disappears, in other mount namespaces too.
    private static unsafe void Share()
    {
        int fd = Libc.openat(Libc.AT_FDCWD, Directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0)
            throw Failed($"open {Directory}", Marshal.GetLastPInvokeError());
        using SafeFileHandle directory = new(fd, ownsHandle: true);
        _ = Libc.flock(directory, Libc.LOCK_EX); // ip takes it too: two at once would mount it twice
        if (Libc.mount("", Directory, "none", Libc.MS_SHARED | Libc.MS_REC, null) == 0)
            return;
        Mount(Directory, Directory, Libc.MS_BIND | Libc.MS_REC);
        Mount("", Directory, Libc.MS_SHARED | Libc.MS_REC);
    }

    private static unsafe void Mount(string source, string target, nuint flags)
    {
        if (Libc.mount(source, target, "none", flags, null) < 0)
            throw Failed($"mount {target}", Marshal.GetLastPInvokeError());
    }

    private static CniException Failed(string operation, int error) => new(CniError.IoFailure, $"cannot {operation}: {Marshal.GetPInvokeErrorMessage(error)}");
}
