using System.Globalization;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The namespace of a command, under a name that <c>ip netns</c> knows.</summary>
internal static class NamedNamespace
{
    internal static string PathOf(string name) => Netlink.NamedNamespace.PathOf(name);

    /// <summary>All names that there are.</summary>
    internal static IReadOnlyList<string> Names() =>
        Directory.Exists(Netlink.NamedNamespace.Directory) ? [.. Directory.EnumerateFiles(Netlink.NamedNamespace.Directory).Select(static path => Path.GetFileName(path))] : [];

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
    internal static void Remove(string name) => Attempt(() => Netlink.NamedNamespace.Remove(name));

    /// <summary>Mounts a namespace on a file, which keeps it; the file may be there already.</summary>
    internal static void Bind(NetworkNamespace it, string path) => Attempt(() => Netlink.NamedNamespace.Bind(path, it));

    /// <summary>Removes a file that a namespace is mounted on, mounted or not; the namespace goes with the last process in it.</summary>
    internal static void Unbind(string path) => Attempt(() => Netlink.NamedNamespace.Unbind(path));

    private static void Name(string name, NetworkNamespace it) => Attempt(() =>
    {
        Netlink.NamedNamespace.Prepare();
        Netlink.NamedNamespace.Give(name, it);
    });

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.IoFailure, $"cannot {error.Message}");
        }
    }
}
