using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>What an attachment needs of a firewall.</summary>
/// <param name="Name">Whose it is.</param>
/// <param name="Addresses">The addresses to open the path for.</param>
/// <param name="Config">How.</param>
internal sealed record FirewallTarget(MasqueradeName Name, IReadOnlyList<IPAddress> Addresses, FirewallConfig Config)
{
    /// <summary>The bridge that the policy is about; null for policy open.</summary>
    internal PolicyBridge? Bridge { get; init; }

    /// <summary>The addresses of one family.</summary>
    internal IEnumerable<IPAddress> AddressesOf(bool ipv4)
    {
        foreach (var address in Addresses)
        {
            if (IsIPv4(address) == ipv4)
                yield return address;
        }
    }

    internal static bool IsIPv4(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;

    /// <summary>The addresses of a result that belong to the attachment: those of its interface, and those that name none.</summary>
    /// <param name="result">The result of the plugins before.</param>
    /// <param name="request">The attachment.</param>
    /// <exception cref="CniException">Code 7: an address names an interface that the result has not; not told to DEL, which has no use for it.</exception>
    internal static List<IPAddress> AddressesIn(CniResult result, PluginRequest request)
    {
        var addresses = new List<IPAddress>();
        foreach (var ip in result.Ips)
        {
            if (ip.Interface is { } index)
            {
                var exists = index >= 0 && index < result.Interfaces.Count;
                if (!exists && request.Command != CniCommand.Delete)
                    throw new CniException(CniError.InvalidNetworkConfig, $"prevResult: address {ip.Address} names interface {index}, and there are {result.Interfaces.Count}");
                if (exists && !ChainedInterface.IsOwn(request, result.Interfaces[index]))
                    continue;
            }

            if (!addresses.Contains(ip.Address.Address))
                addresses.Add(ip.Address.Address);
        }

        return addresses;
    }
}
