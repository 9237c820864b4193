using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Policy isolated on the bridge itself: what two containers on one bridge send each other is switched and never routed.</summary>
/// <remarks>
/// Rules for routed packets see it only where br_netfilter hands it to them. The flag of the port (IFLA_BRPORT_ISOLATED) would do the same,
/// but it is the bridge plugin's, which compares it with its own configuration.
/// </remarks>
internal static class IsolatedPorts
{
    private const NftFamily Family = NftFamily.Bridge;
    private const string Table = FirewallTable.Name;
    private const string Chain = FirewallTable.Forward;

    /// <summary>Isolates a container's port.</summary>
    internal static void Add(NftablesSocket nft, FirewallTarget target)
    {
        if (target.Config.Policy != IngressPolicy.Isolated || target.Bridge?.Port is not { } port)
            return;
        var transaction = new NftablesTransaction();
        if (!IsPrepared(nft))
            Prepare(transaction, nft.FindChains((Family, Table, Chain))[0] is not null);
        // A port of this name that is in the set already is one that is gone, or this one.
        transaction.DeleteElements(FirewallTable.IsolatedPorts, [new NftSetElement(NftKey.Interface(port))], Tolerated.Missing);
        transaction.AddElements(FirewallTable.IsolatedPorts, [new NftSetElement(NftKey.Interface(port)) { Comment = target.Name.NftComment }]);
        nft.Commit(transaction);
    }

    /// <summary>Tells what is missing; null for nothing.</summary>
    internal static string? Missing(NftablesSocket nft, FirewallTarget target)
    {
        if (target.Config.Policy != IngressPolicy.Isolated || target.Bridge?.Port is not { } port)
            return null;
        if (!IsPrepared(nft))
            return $"a rule of table bridge {Table}";
        return List(nft).Any(each => FirewallTable.InterfaceName(each.Key.Span) == port && AddressRegister.MarkOf(each.Comment) == target.Name.Mark)
            ? null
            : $"port \"{port}\" in set \"{FirewallTable.IsolatedPorts.Name}\" of table bridge {Table}";
    }

    /// <summary>Adds to a transaction what forgets the ports of attachments.</summary>
    internal static void Remove(NftablesSocket nft, NftablesTransaction transaction, Func<string, bool> isMeant)
    {
        foreach (var element in List(nft))
        {
            if (isMeant(AddressRegister.MarkOf(element.Comment)))
                transaction.DeleteElements(FirewallTable.IsolatedPorts, [new NftSetElement(element.Key)], Tolerated.Missing);
        }
    }

    /// <summary>Asks the kernel whether it could do it.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft)
    {
        var transaction = new NftablesTransaction();
        Prepare(transaction, exists: false);
        nft.Verify(transaction);
    }

    private static IReadOnlyList<NftSetElement> List(NftablesSocket nft)
    {
        try
        {
            return nft.ListElements(FirewallTable.IsolatedPorts);
        }
        catch (NetlinkException error) when (error.IsNotFound || error.Error is Errno.NotSupported or Errno.AddressFamilyNotSupported)
        {
            return [];
        }
    }

    private static bool IsPrepared(NftablesSocket nft)
    {
        var present = nft.ListRules(Family, Table, Chain);
        return Rules().All(wanted => present.Any(rule => rule.DoesSameAs(wanted)));
    }

    private static void Prepare(NftablesTransaction transaction, bool exists)
    {
        transaction.Add(new NftTable(Family, Table) { Comment = "Isolated containers, by the CNI plugin firewall" });
        transaction.Add(FirewallTable.IsolatedPorts);
        if (!exists)
            transaction.Add(new NftChain(Family, Table, Chain) { Hook = new NftHook("filter", NftHookPoint.Forward, Priority: 0) });
        foreach (var rule in Rules())
            transaction.Insert(rule);
    }

    // Whoever is isolated is so from every other port, also from those of containers without a policy.
    private static NftRule[] Rules() => [DropRule(NftMetaKey.InputName), DropRule(NftMetaKey.OutputName)];

    private static NftRule DropRule(NftMetaKey port)
    {
        var set = new NftSetReference(FirewallTable.IsolatedPorts.Name);
        var rule = new NftRuleBuilder(Family).Add(new NftMeta(port)).Add(new NftLookup(set)).Drop();
        return new NftRule(Family, Table, Chain, rule.Build()) { Comment = $"{FirewallTable.CommentPrefix}: isolated ports" };
    }
}
