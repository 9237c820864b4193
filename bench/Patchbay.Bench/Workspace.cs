using System.Diagnostics;

namespace Patchbay.Bench;

/// <summary>The directory and the namespaces of one run; disposing it leaves nothing behind.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly List<NetworkNamespace> _namespaces = [];
    private int _counter;

    internal Workspace()
    {
        Directory = Path.Combine(Path.GetTempPath(), $"patchbay-bench-{Environment.ProcessId}");
        System.IO.Directory.CreateDirectory(Directory);
    }

    internal string Directory { get; }

    /// <summary>A path that has not been used yet; nothing is there.</summary>
    internal string NewPath(string name) => Path.Combine(Directory, $"{name}-{_counter++}");

    /// <summary>A namespace for a program to be the host in: rules and bridges of one do not slow down another.</summary>
    internal NetworkNamespace NewHost(string name)
    {
        var host = NewNamespace(name);
        host.Run(() => Spawn.Expect(Command.Of("ip", "link", "set", "lo", "up")));
        return host;
    }

    internal NetworkNamespace NewNamespace(string name)
    {
        var space = NetworkNamespace.Create(NewPath(name));
        _namespaces.Add(space);
        return space;
    }

    /// <summary>Removes all namespaces and waits until the kernel has taken them down, so that this work is in nobody's figures.</summary>
    /// <remarks>
    /// The kernel does it later, in batches in order of removal (net/core/net_namespace.c, cleanup_net). The last one removed here holds
    /// one end of a veth pair: when the other end disappears, all are gone.
    /// </remarks>
    internal void RemoveNamespaces()
    {
        if (_namespaces.Count == 0)
            return;
        using var watch = NetworkNamespace.Create(NewPath("watch"));
        var last = NewNamespace("last");
        last.Run(() => Spawn.Expect(Command.Of("ip", "link", "add", "inner", "type", "veth", "peer", "name", "outer", "netns", watch.Path)));
        foreach (var space in _namespaces)
            space.Dispose();
        _namespaces.Clear();
        var start = Stopwatch.GetTimestamp();
        while (watch.Run(() => HasInterface("outer")) && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60))
            Thread.Sleep(10);
    }

    /// <summary>Whether the calling thread's namespace has an interface.</summary>
    internal static bool HasInterface(string name) =>
        File.ReadAllText("/proc/thread-self/net/dev").Contains($" {name}:", StringComparison.Ordinal);

    public void Dispose()
    {
        foreach (var space in _namespaces)
            space.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
