using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Firewall.DBus;
using Patchbay.Plugins.Naming;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>DEL and GC: what any backend has of attachments goes, whatever the configuration says now.</summary>
internal static class FirewallRemoval
{
    /// <summary>Removes what there is of one attachment.</summary>
    /// <param name="target">The attachment; its addresses are those of prevResult, and those that are written down are added.</param>
    /// <param name="zone">firewalld, if a connection is there already.</param>
    internal static void Delete(FirewallTarget target, FirewalldZone? zone = null) => Remove(target, mark => mark == target.Name.Mark, zone);

    /// <summary>Removes what there is of a network's attachments that are not valid any more.</summary>
    internal static void Collect(string network, IReadOnlyList<CniAttachment> valid, FirewallConfig config)
    {
        var ofNetwork = $"{NameHash.Network(network)}-";
        var keep = new HashSet<string>();
        foreach (var attachment in valid)
            keep.Add(new MasqueradeName(network, attachment.ContainerId, attachment.IfName).Mark);
        Remove(
            new FirewallTarget(new MasqueradeName(network, "", ""), [], config),
            mark => mark.StartsWith(ofNetwork, StringComparison.Ordinal) && !keep.Contains(mark),
            zone: null);
    }

    private static void Remove(FirewallTarget target, Func<string, bool> isMeant, FirewalldZone? zone)
    {
        var cleanup = new Cleanup();
        using var pending = new PendingWork();
        var addresses = new List<IPAddress>(target.Addresses);
        cleanup.Step(() =>
        {
            var nft = NftablesSocket.Open();
            try
            {
                var registered = AddressRegister.List(nft);
                // An address that has changed hands since is the business of its new owner.
                addresses.RemoveAll(address => registered.Exists(each => each.Address.Equals(address) && each.Mark.Length > 0 && !isMeant(each.Mark)));
                List<IPAddress> own = [.. registered.Where(each => isMeant(each.Mark)).Select(each => each.Address)];
                addresses.AddRange(own.Where(address => !addresses.Contains(address)));
                RemoveNative(nft, isMeant, own, addresses);
            }
            catch (NetlinkException) when (!nft.IsAvailable())
            {
                // A kernel without nf_tables has no rules in it.
            }
            finally
            {
                nft.DisposeInBackground();
            }
        });
        var all = target with { Addresses = addresses };
        foreach (var ipv4 in FirewallSetup.Families(all))
        {
            if (IptablesFirewall.IsLegacyUsed(ipv4))
                pending.Start(() => IptablesFirewall.RemoveLegacy(all, ipv4));
        }

        cleanup.Step(() => RemoveFromZone(all, zone));
        cleanup.Step(pending.Complete);
        cleanup.ThrowIfFailed();
    }

    private static void RemoveNative(NftablesSocket nft, Func<string, bool> isMeant, List<IPAddress> own, List<IPAddress> addresses)
    {
        // One transaction: after each one that deletes, the kernel makes us wait once.
        if (NftablesFirewall.HasPolicies(nft, isMeant))
        {
            GuardedCommit.Repeat(nft, generation =>
            {
                var transaction = Compose(generation);
                NftablesFirewall.RemovePolicies(nft, transaction, isMeant);
                return transaction;
            });
        }
        else
        {
            nft.Commit(Compose(null));
        }

        NftablesTransaction Compose(uint? generation)
        {
            var transaction = new NftablesTransaction(generation);
            AddressRegister.Remove(transaction, own);
            IsolatedPorts.Remove(nft, transaction, isMeant);
            foreach (var ipv4 in new[] { true, false })
                IptablesOnNftFirewall.Remove(nft, transaction, ipv4, addresses.Where(address => FirewallTarget.IsIPv4(address) == ipv4));
            return transaction;
        }
    }

    private static void RemoveFromZone(FirewallTarget target, FirewalldZone? zone)
    {
        if (target.Addresses.Count == 0 || target.Config.Backend is FirewallBackend.Iptables or FirewallBackend.Nftables)
            return;
        if (zone is not null)
        {
            zone.Remove(target.Addresses);
            return;
        }

        FirewalldZone? opened;
        try
        {
            opened = FirewalldZone.TryOpen(target.Config.Zone);
        }
        catch (BusException) when (target.Config.Backend is null)
        {
            return; // as at ADD: a bus that does not work is as good as none
        }

        // Sources that were added at run time are gone when firewalld is.
        using (opened)
            opened?.Remove(target.Addresses);
    }
}
