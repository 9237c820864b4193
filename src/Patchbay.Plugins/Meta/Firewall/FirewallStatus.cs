using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>STATUS: whether an ADD could do its work.</summary>
internal static class FirewallStatus
{
    private static readonly System.Net.IPAddress Anybody = System.Net.IPAddress.Loopback;

    /// <summary>Makes sure that the backend is there.</summary>
    /// <exception cref="CniException">Code 50: it is not. Code 7: the configuration is wrong.</exception>
    internal static void Require(FirewallConfig config)
    {
        try
        {
            using var choice = BackendChoice.Make(config);
            choice.Zone?.Has(Anybody); // an error when there is no such zone
            if (choice.Backend == FirewallBackend.Iptables)
                return;
            using var nft = NftablesSocket.Open();
            NftablesFirewall.Verify(nft);
            if (config.Policy == IngressPolicy.Isolated)
                IsolatedPorts.Verify(nft);
        }
        catch (CniException error) when (error.Code != CniError.InvalidNetworkConfig)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Message, error.Details, error);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"firewall cannot use nf_tables: {error.Message}", inner: error);
        }
    }
}
