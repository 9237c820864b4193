using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>CHECK: looks, and changes nothing.</summary>
internal static class FirewallCheck
{
    /// <summary>Fails with what is missing of an attachment.</summary>
    internal static void Run(FirewallTarget target)
    {
        using var nft = NftablesSocket.Open();
        using var choice = BackendChoice.Make(target.Config);
        var missing = Missing(nft, target, choice.Backend, choice.Zone);
        // Where no backend was asked for, the one that would be chosen now need not be the one that ADD found.
        if (missing is not null && target.Config.Backend is null)
        {
            foreach (var other in new[] { FirewallBackend.Iptables, FirewallBackend.Nftables })
            {
                if (other != choice.Backend && choice.Backend != FirewallBackend.Firewalld && Missing(nft, target, other, null) is null)
                    return;
            }
        }

        if (missing is not null)
            throw InterfaceCheck.Failed($"the firewall ({choice.Backend.ToString().ToLowerInvariant()}) is not open for container \"{target.Name.ContainerId}\": {missing} is missing");
    }

    private static string? Missing(NftablesSocket nft, FirewallTarget target, FirewallBackend backend, FirewalldZone? zone)
    {
        foreach (var ipv4 in FirewallSetup.Families(target))
        {
            var missing = backend == FirewallBackend.Iptables ? ForeignForward.FirstMissing(IptablesFirewall.Read(target, ipv4), target, ipv4) : null;
            missing ??= ForeignForward.Missing(nft, target, backend, ipv4);
            if (missing is not null)
                return missing;
        }

        return backend switch
        {
            FirewallBackend.Firewalld => InZone(nft, target, zone!),
            FirewallBackend.Nftables => Registered(nft, target) ?? NftablesFirewall.Missing(nft, target, chains: true) ?? IsolatedPorts.Missing(nft, target),
            _ => null,
        };
    }

    private static string? InZone(NftablesSocket nft, FirewallTarget target, FirewalldZone zone)
    {
        foreach (var address in target.Addresses)
        {
            if (!zone.Has(address))
                return $"address {address} in zone \"{target.Config.Zone}\"";
        }

        if (target.Bridge is null)
            return null;
        // The reference plugin has the policies of this backend in iptables, too.
        var inIptables = true;
        foreach (var ipv4 in FirewallSetup.Families(target))
            inIptables &= IptablesLayout.HasPolicy(IptablesFirewall.Read(target, ipv4), target, ipv4);
        return inIptables ? null : NftablesFirewall.Missing(nft, target, chains: false) ?? IsolatedPorts.Missing(nft, target);
    }

    private static string? Registered(NftablesSocket nft, FirewallTarget target)
    {
        var registered = AddressRegister.List(nft);
        foreach (var address in target.Addresses)
        {
            if (!registered.Exists(each => each.Address.Equals(address) && each.Mark == target.Name.Mark))
                return $"address {address} in set \"{FirewallTable.Addresses(FirewallTarget.IsIPv4(address)).Name}\" of table inet {FirewallTable.Name}";
        }

        return null;
    }
}
