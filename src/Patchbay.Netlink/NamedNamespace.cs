using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>Network namespaces under a name that <c>ip netns</c> knows: a mount in /run/netns; ip-netns(8).</summary>
/// <remarks>
/// A name, and not /proc/PID/ns/net: that is another process's namespace once the process is gone and its number is given out again.
/// </remarks>
public static class NamedNamespace
{
    /// <summary>Where the names are.</summary>
    public const string Directory = "/run/netns";

    /// <summary>Where a namespace of a name is, or would be.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The path.</returns>
    /// <exception cref="ArgumentException">It is no file name.</exception>
    public static string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name is "." or ".." || name.AsSpan().ContainsAny('/', '\0') ? throw new ArgumentException($"not a name: \"{name}\"", nameof(name)) : $"{Directory}/{name}";
    }

    /// <summary>Makes the directory of names, shared with other mount namespaces as ip(8) does it. Once, before <see cref="Give"/>.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static unsafe void Prepare()
    {
        System.IO.Directory.CreateDirectory(Directory);
        var fd = Libc.openat(Libc.AT_FDCWD, Directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0)
            throw new NetlinkException($"open {Directory}", Libc.LastError);
        using var directory = new SafeFileHandle(fd, ownsHandle: true);
        _ = Libc.flock(directory, Libc.LOCK_EX); // ip takes it too: two at once would mount it twice
        if (Libc.mount("", Directory, "none", Libc.MS_SHARED | Libc.MS_REC, null) == 0)
            return;
        Mount(Directory, Directory, Libc.MS_BIND | Libc.MS_REC);
        Mount("", Directory, Libc.MS_SHARED | Libc.MS_REC);
    }

    /// <summary>Gives a namespace a name.</summary>
    /// <param name="name">The name; it must be free.</param>
    /// <param name="it">The namespace.</param>
    /// <param name="label">
    /// What the file says while no namespace is mounted on it, which is how a process that is killed in the middle leaves it: <see cref="RemoveLeftover"/>.
    /// </param>
    /// <exception cref="NetlinkException">The name is taken, or the kernel refused.</exception>
    public static void Give(string name, NetworkNamespace it, string? label = null)
    {
        ArgumentNullException.ThrowIfNull(it);
        var path = PathOf(name);
        CreateFile(path, label);
        try
        {
            Mount(it, path);
        }
        catch (NetlinkException)
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Removes the file of a name on which nothing is mounted, if it was made by <see cref="Give"/> with this label.</summary>
    /// <param name="name">The name.</param>
    /// <param name="label">The label.</param>
    /// <returns>Whether there was one.</returns>
    public static bool RemoveLeftover(string name, string label)
    {
        var path = PathOf(name);
        try
        {
            if (File.ReadAllText(path) != label)
                return false;
        }
        catch (IOException)
        {
            return false; // EINVAL: a namespace, which cannot be read; or it is not there
        }

        File.Delete(path);
        return true;
    }

    /// <summary>Removes a name; the namespace goes with the last process and the last descriptor in it. A name that is not there is no failure.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static void Remove(string name) => Unbind(PathOf(name));

    /// <summary>Mounts a namespace on a file of one's own, which keeps it.</summary>
    /// <param name="path">The file; it is made if it is not there, as after a reboot it may be.</param>
    /// <param name="it">The namespace.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static void Bind(string path, NetworkNamespace it)
    {
        ArgumentNullException.ThrowIfNull(it);
        var file = Libc.openat(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_CREAT | Libc.O_CLOEXEC, 0);
        if (file < 0)
            throw new NetlinkException($"create {path}", Libc.LastError);
        new SafeFileHandle(file, ownsHandle: true).Dispose();
        Mount(it, path);
    }

    /// <summary>Removes a file that a namespace is mounted on, mounted or not; the namespace goes with the last process and the last descriptor in it.</summary>
    /// <param name="path">The file; that it is not there is no failure.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static void Unbind(string path)
    {
        if (!File.Exists(path))
            return;
        // EINVAL: a file that nothing is mounted on, which a process that was killed in the middle of Give leaves.
        if (Libc.umount2(path, Libc.MNT_DETACH) < 0 && Libc.LastError is not (Errno.Invalid or Errno.NotFound) and var error)
            throw new NetlinkException($"unmount {path}", error);
        File.Delete(path);
    }

    // With its content from the first moment on: a file without a name gets one when it is written, open(2), O_TMPFILE.
    private static unsafe void CreateFile(string path, string? label)
    {
        if (label is not null && Libc.openat(Libc.AT_FDCWD, Directory, Libc.O_TMPFILE | Libc.O_WRONLY | Libc.O_CLOEXEC, 0) is >= 0 and var unnamed)
        {
            using var handle = new SafeFileHandle(unnamed, ownsHandle: true);
            var bytes = System.Text.Encoding.UTF8.GetBytes(label);
            fixed (byte* content = bytes)
            {
                if (Libc.write(handle, content, (nuint)bytes.Length) != bytes.Length)
                    throw new NetlinkException($"write {path}", Libc.LastError);
            }

            if (Libc.linkat(Libc.AT_FDCWD, string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{unnamed}"), Libc.AT_FDCWD, path, Libc.AT_SYMLINK_FOLLOW) < 0)
                throw new NetlinkException($"create {path}", Libc.LastError);
            return;
        }

        // Not every file system has files without a name.
        var file = Libc.openat(Libc.AT_FDCWD, path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC, 0);
        if (file < 0)
            throw new NetlinkException($"create {path}", Libc.LastError);
        using var named = new SafeFileHandle(file, ownsHandle: true);
        if (label is not null)
            RandomAccess.Write(named, System.Text.Encoding.UTF8.GetBytes(label), 0);
    }

    private static void Mount(NetworkNamespace it, string path) =>
        Mount(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{it.Handle.DangerousGetHandle()}"), path, Libc.MS_BIND);

    private static unsafe void Mount(string source, string target, nuint flags)
    {
        if (Libc.mount(source, target, "none", flags, null) < 0)
            throw new NetlinkException($"mount {target}", Libc.LastError);
    }
}
