using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The container's namespace and the host's, as a plugin that joins them by a link needs them.</summary>
internal sealed class Sandbox : IDisposable
{
    private Sandbox(NetworkNamespace container, NetworkNamespace host, NetworkStack containerStack, NetworkStack hostStack)
    {
        ContainerNamespace = container;
        HostNamespace = host;
        Container = containerStack;
        Host = hostStack;
    }

    /// <summary>The container's namespace.</summary>
    internal NetworkNamespace ContainerNamespace { get; }

    /// <summary>The host's namespace: that of this process.</summary>
    internal NetworkNamespace HostNamespace { get; }

    /// <summary>Links, addresses, routes and settings of the container.</summary>
    internal NetworkStack Container { get; }

    /// <summary>Links, addresses, routes and settings of the host.</summary>
    internal NetworkStack Host { get; }

    /// <summary>Opens both namespaces.</summary>
    /// <param name="netns">CNI_NETNS.</param>
    /// <exception cref="CniException">Code 8: there is no namespace at that path.</exception>
    internal static Sandbox Open(string netns)
    {
        NetworkNamespace? container = null, host = null;
        NetworkStack? hostStack = null;
        try
        {
            container = OpenNamespace(netns);
            host = NetworkNamespace.OpenCurrent();
            hostStack = NetworkStack.Open();
            return new Sandbox(container, host, NetworkStack.OpenFrom(host, container), hostStack);
        }
        catch
        {
            hostStack?.Dispose();
            host?.Dispose();
            container?.Dispose();
            throw;
        }
    }

    /// <summary>Opens the container's namespace.</summary>
    /// <param name="netns">CNI_NETNS.</param>
    /// <exception cref="CniException">Code 8: there is no namespace at that path.</exception>
    internal static NetworkNamespace OpenNamespace(string netns)
    {
        try
        {
            return NetworkNamespace.Open(netns);
        }
        catch (Exception error) when (error is IOException)
        {
            throw new CniException(CniError.InvalidNetns, $"failed to open netns \"{netns}\": {error.Message}", inner: error);
        }
    }

    /// <summary>Opens the container's namespace for a teardown, where its absence is no error: its links are gone with it.</summary>
    /// <param name="netns">CNI_NETNS; may be empty.</param>
    /// <returns>The namespace; null when nothing is at the path, or only the file that a namespace was once mounted on.</returns>
    internal static NetworkNamespace? TryOpenNamespace(string? netns)
    {
        if (string.IsNullOrEmpty(netns))
            return null;
        try
        {
            return NetworkNamespace.Open(netns);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (NetlinkException error) when (error.Error == Errno.Invalid)
        {
            // After a reboot /var/run/netns may still hold plain files: no namespace, so no links either.
            return null;
        }
    }

    /// <summary>Whether the sandbox of a result is the namespace that the call names. Equal paths are, be it there or not.</summary>
    /// <param name="sandbox">The result's; may lead nowhere.</param>
    /// <param name="netns">CNI_NETNS.</param>
    /// <exception cref="CniException">Code 8: the paths differ, and there is no namespace at CNI_NETNS.</exception>
    internal static bool IsSame(string sandbox, string netns)
    {
        if (sandbox == netns)
            return true;
        using var container = OpenNamespace(netns);
        try
        {
            using var named = NetworkNamespace.Open(sandbox);
            return named.IsSameAs(container);
        }
        catch (Exception error) when (error is IOException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Deletes the container's interface, if it and its namespace are there; the host's end of a pair goes with it.</summary>
    /// <param name="netns">CNI_NETNS; may be empty.</param>
    /// <param name="name">The interface.</param>
    /// <returns>Waits for the end: the kernel takes 10 to 20 ms, in which the caller can do other work.</returns>
    internal static Action BeginDeleteLink(string? netns, string name)
    {
        var container = TryOpenNamespace(netns);
        if (container is null)
            return static () => { };
        var visit = container.Begin(() =>
        {
            using var route = RouteSocket.Open();
            DeleteLink(route, name);
            return true;
        });
        return () =>
        {
            using (container)
                visit.Wait();
        };
    }

    /// <summary>Deletes an interface, if it is there.</summary>
    internal static void DeleteLink(RouteSocket route, string name)
    {
        var batch = new NetlinkBatch();
        batch.DeleteLink(name, Tolerated.Missing);
        route.Execute(batch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Host.Dispose();
        Container.Dispose();
        ContainerNamespace.Dispose();
        HostNamespace.Dispose();
    }
}
