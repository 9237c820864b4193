using System.Runtime.ExceptionServices;
using Patchbay.Bench.Interop;

namespace Patchbay.Bench;

/// <summary>A network namespace kept alive by a bind mount, as <c>ip netns add</c> and the engines keep theirs.</summary>
internal sealed unsafe class NetworkNamespace : IDisposable
{
    private NetworkNamespace(string path) => Path = path;

    /// <summary>The mounted file, which a plugin gets as CNI_NETNS.</summary>
    internal string Path { get; }

    internal static NetworkNamespace Create(string path)
    {
        File.WriteAllBytes(path, []);
        OnThread(() =>
        {
            _ = Libc.Check(Libc.unshare(Libc.CLONE_NEWNET), "make a network namespace (root is needed)");
            return Libc.Check(Libc.mount("/proc/thread-self/ns/net", path, null, Libc.MS_BIND, null), $"mount a network namespace at {path}");
        });
        return new NetworkNamespace(path);
    }

    /// <summary>Calls a function on a thread of its own which is inside; what it spawns is inside too.</summary>
    internal T Run<T>(Func<T> function) => OnThread(() =>
    {
        Enter();
        return function();
    });

    /// <summary>Moves the calling thread inside for good: only for threads that end soon.</summary>
    internal void Enter()
    {
        var fd = Libc.Check(Libc.open(Path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0), $"open {Path}");
        try
        {
            _ = Libc.Check(Libc.setns(fd, Libc.CLONE_NEWNET), $"enter {Path}");
        }
        finally
        {
            _ = Libc.close(fd);
        }
    }

    public void Dispose()
    {
        _ = Libc.umount2(Path, Libc.MNT_DETACH);
        File.Delete(Path);
    }

    // setns(2) and unshare(2) change the calling thread only, and a thread of the pool must not come back changed.
    private static T OnThread<T>(Func<T> function)
    {
        var result = default(T)!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = function();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
