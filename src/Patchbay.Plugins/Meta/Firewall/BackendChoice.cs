using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Firewall.DBus;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Chooses where to open the path. docs/decisions/0005-firewall-backend.md.</summary>
internal sealed class BackendChoice : IDisposable
{
    private BackendChoice(FirewallBackend backend, FirewalldZone? zone)
    {
        Backend = backend;
        Zone = zone;
    }

    /// <summary>The backend.</summary>
    internal FirewallBackend Backend { get; }

    /// <summary>firewalld, when it is the backend.</summary>
    internal FirewalldZone? Zone { get; }

    /// <summary>The backend that the configuration names, or else firewalld where it runs, iptables where it is installed, and nftables elsewhere.</summary>
    /// <exception cref="CniException">The backend that the configuration names is not there.</exception>
    internal static BackendChoice Make(FirewallConfig config)
    {
        switch (config.Backend)
        {
            case FirewallBackend.Iptables when !IptablesFirewall.IsInstalled:
                throw new CniException(CniError.Internal, "backend \"iptables\" needs iptables-restore and ip6tables-restore: install iptables, or set \"backend\" to \"nftables\"");
            case FirewallBackend.Firewalld:
                return new BackendChoice(FirewallBackend.Firewalld, Open(config));
            case { } named:
                return new BackendChoice(named, null);
        }

        FirewalldZone? zone = null;
        try
        {
            zone = FirewalldZone.TryOpen(config.Zone);
        }
        catch (BusException)
        {
            // A bus that does not work is as good as none: nobody asked for firewalld by name.
        }

        if (zone is not null)
            return new BackendChoice(FirewallBackend.Firewalld, zone);
        return new BackendChoice(IptablesFirewall.IsInstalled ? FirewallBackend.Iptables : FirewallBackend.Nftables, null);
    }

    /// <summary>What to try when this one fails: nftables, where iptables was chosen because it is installed and turns out not to work; else null.</summary>
    internal static BackendChoice? Instead(FirewallConfig config, BackendChoice failed) =>
        config.Backend is null && failed.Backend == FirewallBackend.Iptables ? new BackendChoice(FirewallBackend.Nftables, null) : null;

    /// <inheritdoc/>
    public void Dispose() => Zone?.Dispose();

    private static FirewalldZone Open(FirewallConfig config)
    {
        try
        {
            return FirewalldZone.TryOpen(config.Zone)
                ?? throw new CniException(CniError.Internal, "backend \"firewalld\" needs firewalld, which is not on the system bus: start it, or leave \"backend\" out for the one that fits this host");
        }
        catch (BusException error)
        {
            throw new CniException(CniError.Internal, $"backend \"firewalld\": {error.Message}", inner: error);
        }
    }
}
