using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>ADD.</summary>
internal static class FirewallSetup
{
    /// <summary>Opens the path, and puts the policy in place.</summary>
    internal static void Add(FirewallTarget target, BackendChoice choice)
    {
        try
        {
            AddBy(target, choice);
        }
        catch (Exception failure) when (failure is CniException or NetlinkException or AggregateException && BackendChoice.Instead(target.Config, choice) is not null)
        {
            using var other = BackendChoice.Instead(target.Config, choice)!;
            try
            {
                FirewallRemoval.Delete(target);
                AddBy(target, other);
            }
            catch (Exception second) when (second is CniException or NetlinkException or AggregateException)
            {
                throw new CniException(CniError.Internal, $"neither iptables nor nftables opens the path: {failure.Message}; {second.Message}", inner: failure);
            }
        }
    }

    private static void AddBy(FirewallTarget target, BackendChoice choice)
    {
        using var pending = new PendingWork();
        pending.Do(() => Add(pending, target, choice));
        pending.Complete();
    }

    /// <summary>The families that an attachment has addresses of.</summary>
    internal static IEnumerable<bool> Families(FirewallTarget target)
    {
        foreach (var ipv4 in new[] { true, false })
        {
            if (target.AddressesOf(ipv4).Any())
                yield return ipv4;
        }
    }

    private static void Add(PendingWork pending, FirewallTarget target, BackendChoice choice)
    {
        using var nft = NftablesSocket.Open();
        if (choice.Backend == FirewallBackend.Iptables)
        {
            var isNew = false;
            try
            {
                isNew = AddressRegister.Add(nft, target.Name, target.Addresses);
                IsolatedPorts.Add(nft, target);
            }
            catch (NetlinkException error) when (IsUnknown(error, nft))
            {
                // Old kernels and small ones: iptables works without nf_tables, and then DEL needs the addresses from prevResult.
            }

            // Where another container has come before, a program is not needed.
            if (Families(target).Any(IptablesFirewall.IsLegacyDefault) || !IptablesOnNftFirewall.TryAdd(nft, target, isNew))
            {
                foreach (var ipv4 in Families(target))
                    pending.Start(() => IptablesFirewall.Add(target, ipv4));
            }
        }
        else
        {
            choice.Zone?.Add(target.Addresses);
            AddressRegister.Add(nft, target.Name, target.Addresses);
            if (choice.Backend == FirewallBackend.Nftables || target.Bridge is not null)
                NftablesFirewall.Add(nft, target);
            IsolatedPorts.Add(nft, target);
        }

        foreach (var ipv4 in Families(target))
            ForeignForward.Open(nft, target, choice.Backend, ipv4);
    }

    /// <summary>Tells whether the kernel lacks nf_tables, or its part for bridges or for both families.</summary>
    internal static bool IsUnknown(NetlinkException error, NftablesSocket nft) =>
        error.Error is Errno.NotSupported or Errno.AddressFamilyNotSupported or Errno.ProtocolNotSupported || !nft.IsAvailable();
}
