using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Main.Masquerading;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Whose the addresses are that a firewall was opened for: elements of sets in nf_tables, with the owner in their comments.</summary>
/// <remarks>
/// The reference plugin's rules in iptables and the sources of a firewalld zone do not tell whose they are. Each backend therefore
/// writes it down here too, so that DEL finds them without a prevResult, and GC at all.
/// </remarks>
internal static class AddressRegister
{
    /// <summary>Writes addresses down. One that belonged to somebody else has changed hands: its last owner counts.</summary>
    /// <returns>True when none of them was written down before, nor was there anywhere else to look.</returns>
    internal static bool Add(NftablesSocket nft, MasqueradeName name, IReadOnlyList<IPAddress> addresses)
    {
        try
        {
            nft.Commit(Additions(new NftablesTransaction(), name, addresses, exclusive: true));
            return true;
        }
        catch (NetlinkException error) when (error.IsNotFound)
        {
            var transaction = new NftablesTransaction();
            FirewallTable.AddRegister(transaction);
            nft.Commit(Additions(transaction, name, addresses, exclusive: false));
        }
        catch (NetlinkException error) when (error.Error == Errno.Exists)
        {
            Replace(nft, name, addresses);
        }

        return false;
    }

    /// <summary>All addresses that are written down, each with its owner's mark.</summary>
    internal static List<(IPAddress Address, string Mark)> List(NftablesSocket nft)
    {
        var all = new List<(IPAddress, string)>();
        foreach (var ipv4 in new[] { true, false })
        {
            try
            {
                foreach (var element in nft.ListElements(FirewallTable.Addresses(ipv4)))
                    all.Add((new IPAddress(element.Key.Span), MarkOf(element.Comment)));
            }
            catch (NetlinkException error) when (error.IsNotFound)
            {
                // No table yet, or one that somebody has cleared.
            }
        }

        return all;
    }

    /// <summary>Adds to a transaction what removes addresses.</summary>
    internal static void Remove(NftablesTransaction transaction, IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
            transaction.DeleteElements(FirewallTable.Addresses(FirewallTarget.IsIPv4(address)), [FirewallTable.Element(address)], Tolerated.Missing);
    }

    /// <summary>The owner's mark in a comment; "" when there is none.</summary>
    internal static string MarkOf(string? comment) =>
        comment is null ? "" : comment.IndexOf(',', StringComparison.Ordinal) is >= 0 and var end ? comment[..end] : comment;

    private static void Replace(NftablesSocket nft, MasqueradeName name, IReadOnlyList<IPAddress> addresses)
    {
        var present = List(nft);
        var transaction = new NftablesTransaction();
        foreach (var address in addresses)
        {
            if (present.Exists(each => each.Address.Equals(address) && each.Mark != name.Mark))
                Remove(transaction, [address]);
        }

        nft.Commit(Additions(transaction, name, addresses, exclusive: false));
    }

    private static NftablesTransaction Additions(NftablesTransaction transaction, MasqueradeName name, IReadOnlyList<IPAddress> addresses, bool exclusive)
    {
        var comment = name.NftComment;
        foreach (var address in addresses)
            transaction.AddElements(FirewallTable.Addresses(FirewallTarget.IsIPv4(address)), [FirewallTable.Element(address, comment)], exclusive);
        return transaction;
    }
}
