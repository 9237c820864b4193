using System.Globalization;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using NamedNamespace = Patchbay.Plugins.Tools.NetRun.NamedNamespace;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>The file that keeps a container's network namespace: plugins get it as CNI_NETNS, and DEL finds it after the container's processes are gone.</summary>
/// <param name="directory">Where such files are.</param>
/// <param name="handle">The container; a CNI container id, so it is no path.</param>
internal sealed class NamespaceMount(string directory, string handle)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal string Path { get; } = System.IO.Path.Combine(directory, handle);

    /// <summary>The path while there is a namespace behind it; else empty, as a DEL without one wants it.</summary>
    internal string PathIfMounted => IsMounted ? Path : "";

    /// <summary>Opens the namespace of a container.</summary>
    /// <param name="pid">A process in it; 0 when Garden runs without root and hands the namespace over as descriptor 3.</param>
    /// <exception cref="NetworkerException">There is none.</exception>
    internal static NetworkNamespace Open(int pid)
    {
        try
        {
            var opened = NetworkNamespace.Open(pid == 0 ? "/proc/self/fd/3" : string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));
            using var host = NetworkNamespace.OpenCurrent();
            if (!opened.IsSameAs(host))
                return opened;
            opened.Dispose();
        }
        catch (IOException error)
        {
            throw pid == 0 ? new NetworkerException("up missing pid", error) : new NetworkerException($"up: process {pid} has no network namespace: {error.Message}", error);
        }

        // What the plugins would do to the container they would do to the host.
        throw new NetworkerException($"up: {(pid == 0 ? "descriptor 3" : $"process {pid}")} is in the host's network namespace");
    }

    /// <summary>Mounts it.</summary>
    /// <exception cref="NetworkerException">The container has one already.</exception>
    internal void Create(NetworkNamespace container)
    {
        Directory.CreateDirectory(directory, OwnerOnly);
        if (IsMounted)
            throw new NetworkerException($"up: \"{handle}\" is up already ({Path}): run down for it first");
        try
        {
            NamedNamespace.Bind(container, Path); // after a reboot the file is there, and nothing is mounted on it
        }
        catch (CniException error)
        {
            throw new NetworkerException($"up: {error.Message}", error);
        }
    }

    /// <summary>Removes it; a missing one is no error.</summary>
    internal void Remove() => NamedNamespace.Unbind(Path);

    private bool IsMounted
    {
        get
        {
            try
            {
                NetworkNamespace.Open(Path).Dispose();
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }
}
