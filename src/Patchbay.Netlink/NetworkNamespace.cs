using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>A network namespace, held open by a descriptor; network_namespaces(7).</summary>
/// <remarks>
/// Work in another namespace is done by socket: a netlink socket stays in the namespace where it was opened, and so do the
/// directories of /proc/sys/net. A thread enters the namespace once to open them (<see cref="Run{T}"/>) and ends.
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    // include/uapi/linux/nsfs.h: _IO(0xb7, 3), answers with the CLONE_NEW* flag of the namespace's kind
    private const nuint NS_GET_NSTYPE = 0xb703;

    // include/uapi/linux/magic.h
    private const uint NSFS_MAGIC = 0x6e736673;
    private const uint PROC_SUPER_MAGIC = 0x9fa0;

    private NetworkNamespace(string path, SafeFileHandle handle)
    {
        Path = path;
        Handle = handle;
    }

    /// <summary>The path by which it was opened.</summary>
    public string Path { get; }

    /// <summary>The open descriptor, for attributes that name a namespace by descriptor.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Opens a namespace by path, such as <c>/run/netns/blue</c> or <c>/proc/1234/ns/net</c>.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The namespace.</returns>
    /// <exception cref="FileNotFoundException">Nothing is at that path.</exception>
    /// <exception cref="NetlinkException">The path cannot be opened, or is not a network namespace.</exception>
    public static unsafe NetworkNamespace Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"not a path: \"{path}\"", nameof(path)); // the kernel would open what stands before the zero
        var fd = Libc.openat(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0)
        {
            var error = Libc.LastError;
            throw error is Errno.NotFound or Errno.NotDirectory
                ? new FileNotFoundException($"no network namespace at \"{path}\": {error.Describe()}", path)
                : new NetlinkException($"open network namespace \"{path}\"", error);
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        var statfs = stackalloc byte[256]; // struct statfs, 120 bytes; its first word is f_type
        if (Libc.fstatfs(handle, statfs) == 0 && (uint)*(long*)statfs is not (NSFS_MAGIC or PROC_SUPER_MAGIC) and var magic)
        {
            handle.Dispose();
            throw new NetlinkException($"open network namespace \"{path}\"", $"not a namespace: unknown FS magic on \"{path}\": {magic:x}");
        }

        if (Libc.ioctl(handle, NS_GET_NSTYPE, 0) is var kind && kind != Libc.CLONE_NEWNET)
        {
            handle.Dispose();
            throw new NetlinkException($"open network namespace \"{path}\"", kind < 0 ? "not a namespace" : $"a namespace of another kind (0x{kind:x})");
        }

        return new NetworkNamespace(path, handle);
    }

    /// <summary>Opens the calling thread's namespace.</summary>
    /// <returns>The namespace.</returns>
    /// <exception cref="NetlinkException">/proc is not readable.</exception>
    public static NetworkNamespace OpenCurrent() => Open("/proc/thread-self/ns/net");

    /// <summary>Makes a namespace without a name: it lives as long as its descriptor and what is in it.</summary>
    /// <returns>The namespace; the caller's own is another one still.</returns>
    /// <exception cref="NetlinkException">The kernel refused: CAP_SYS_ADMIN is missing, or there are too many (user.max_net_namespaces).</exception>
    public static NetworkNamespace Create()
    {
        NetworkNamespace? created = null;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    if (Libc.unshare(Libc.CLONE_NEWNET) < 0)
                        throw new NetlinkException("make a network namespace", Libc.LastError);
                    created = OpenCurrent();
                }
                catch (NetlinkException exception)
                {
                    failure = exception;
                }
            },
            maxStackSize: 256 * 1024);
        thread.Start();
        thread.Join();
        return created ?? throw failure!;
    }

    /// <summary>Tells whether two handles are of one namespace: the same device and inode.</summary>
    /// <param name="other">The other handle.</param>
    /// <returns>True when they are the same.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool IsSameAs(NetworkNamespace other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Identity() == other.Identity();
    }

    /// <summary>Runs a function inside the namespace, on a thread of its own that ends with it.</summary>
    /// <typeparam name="T">What it returns.</typeparam>
    /// <param name="action">The function; no other thread is ever moved, so nothing can be left in the wrong namespace.</param>
    /// <returns>Its result.</returns>
    /// <exception cref="NetlinkException">The namespace may not be entered.</exception>
    public T Run<T>(Func<T> action) => Begin(action).Wait();

    /// <summary>Runs a function inside the namespace on the calling thread, which then goes home: a tenth of a millisecond less than a thread.</summary>
    /// <typeparam name="T">What it returns.</typeparam>
    /// <param name="home">The namespace that the calling thread is in.</param>
    /// <param name="action">The function; it must not wait for other threads, nor begin any: they would inherit the namespace.</param>
    /// <returns>Its result.</returns>
    /// <remarks>For the main thread of a program that has little to do, and no asynchronous code. A pool's thread must not be moved.</remarks>
    /// <exception cref="NetlinkException">The namespace may not be entered.</exception>
    public T RunHere<T>(NetworkNamespace home, Func<T> action)
    {
        ArgumentNullException.ThrowIfNull(home);
        ArgumentNullException.ThrowIfNull(action);
        if (Libc.setns(Handle, Libc.CLONE_NEWNET) < 0)
            throw new NetlinkException($"enter network namespace \"{Path}\"", Libc.LastError);
        try
        {
            return action();
        }
        finally
        {
            // What would come next would be done to the wrong host.
            if (Libc.setns(home.Handle, Libc.CLONE_NEWNET) < 0)
                Environment.FailFast($"cannot return to network namespace \"{home.Path}\": {Libc.LastError}");
        }
    }

    /// <summary>Begins <see cref="Run{T}"/>; the caller goes on meanwhile, and must not dispose the namespace before the end.</summary>
    /// <typeparam name="T">What the function returns.</typeparam>
    /// <param name="action">The function.</param>
    /// <returns>The work that goes on.</returns>
    public NamespaceVisit<T> Begin<T>(Func<T> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return new NamespaceVisit<T>(this, action);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private unsafe (uint Major, uint Minor, ulong Inode) Identity()
    {
        const uint InodeMask = 0x100; // STATX_INO
        var statx = stackalloc byte[256]; // struct statx: stx_ino at 32, stx_dev_major and _minor at 136 and 140
        if (Libc.statx(Handle, "", Libc.AT_EMPTY_PATH, InodeMask, statx) < 0)
            throw new NetlinkException($"look at network namespace \"{Path}\"", Libc.LastError);
        return (MemoryMarshal.Read<uint>(new ReadOnlySpan<byte>(statx + 136, 4)), MemoryMarshal.Read<uint>(new ReadOnlySpan<byte>(statx + 140, 4)), *(ulong*)(statx + 32));
    }
}
