using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Netlink;

/// <summary>What is needed to work in one network namespace without being in it: its rtnetlink socket and its settings.</summary>
public sealed class NetworkStack : IDisposable
{
    private NetworkStack(RouteSocket route, SysctlDirectory sysctl)
    {
        Route = route;
        Sysctl = sysctl;
    }

    /// <summary>Links, addresses, routes.</summary>
    public RouteSocket Route { get; }

    /// <summary>Settings below /proc/sys/net.</summary>
    public SysctlDirectory Sysctl { get; }

    /// <summary>Opens the calling thread's namespace.</summary>
    /// <returns>The stack.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static NetworkStack Open()
    {
        var route = RouteSocket.Open();
        try
        {
            return new NetworkStack(route, SysctlDirectory.Open());
        }
        catch
        {
            route.Dispose();
            throw;
        }
    }

    /// <summary>Opens another namespace; one thread enters it once.</summary>
    /// <param name="networkNamespace">Which.</param>
    /// <returns>The stack.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static NetworkStack Open(NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return networkNamespace.Run(Open);
    }

    /// <summary>Opens another namespace from the calling thread, see <see cref="NetworkNamespace.RunHere{T}"/>.</summary>
    /// <param name="networkNamespace">Which.</param>
    /// <param name="home">The calling thread's.</param>
    /// <returns>The stack.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static NetworkStack OpenFrom(NetworkNamespace home, NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return networkNamespace.RunHere(home, Open);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Route.Dispose();
        Sysctl.Dispose();
    }
}
