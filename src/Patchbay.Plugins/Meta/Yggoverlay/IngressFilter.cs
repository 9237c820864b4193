using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>
/// What may come to a container's address by the host: <c>table inet patchbay_yggoverlay</c>, of which the containers are the elements of two sets. An
/// open container is in neither, and a host without others has no table. Containers of one host reach each other whatever their bridges: with
/// br_netfilter what stays on a bridge comes by here too, without it not. The caller holds the host's lock.
/// </summary>
internal static class IngressFilter
{
    internal const string Table = "patchbay_yggoverlay";

    private const NftFamily Family = NftFamily.Inet;
    private const string Chain = "forward";

    private static NftSet Established { get; } = new(Family, Table, "established", NftDataType.Ipv6Address);

    private static NftSet Deny { get; } = new(Family, Table, "deny", NftDataType.Ipv6Address);

    /// <summary>Puts an address that is not open into its set, and out of the other.</summary>
    internal static void Apply(Reservation reservation)
    {
        using var nft = NftablesSocket.Open();
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(Family, Table) { Comment = "Containers on the Yggdrasil mesh, by the CNI plugin yggoverlay" });
        transaction.Add(Established);
        transaction.Add(Deny);
        transaction.Add(new NftChain(Family, Table, Chain) { Hook = new NftHook("filter", NftHookPoint.Forward, Priority: 0) });
        var present = nft.ListRules(Family, Table);
        // All or none of these are there, in their order: they are only ever added together.
        foreach (var rule in Rules().Where(rule => !IsAmong(present, rule)))
            transaction.Add(rule);
        if (!IsAmong(present, Neighbours(reservation.Subnet)))
            transaction.Insert(Neighbours(reservation.Subnet));
        var (into, outOf) = reservation.Ingress == Ingress.Deny ? (Deny, Established) : (Established, Deny);
        NftSetElement[] element = [new(NftKey.Of(reservation.Address))];
        transaction.DeleteElements(outOf, element, Tolerated.Missing);
        transaction.AddElements(into, element);
        nft.Commit(transaction);
    }

    /// <summary>Forgets an address, and the table with the last of them.</summary>
    internal static void Remove(IPAddress address)
    {
        using var nft = NftablesSocket.Open();
        if (!Exists(nft))
            return;
        byte[] key = NftKey.Of(address);
        var left = nft.ListElements(Established).Concat(nft.ListElements(Deny)).Any(element => !element.Key.Span.SequenceEqual(key));
        var transaction = new NftablesTransaction();
        if (left)
        {
            transaction.DeleteElements(Established, [new NftSetElement(key)], Tolerated.Missing);
            transaction.DeleteElements(Deny, [new NftSetElement(key)], Tolerated.Missing);
        }
        else
        {
            transaction.DeleteTable(Family, Table, Tolerated.Missing);
        }

        nft.Commit(transaction);
    }

    /// <summary>What is not as an ADD leaves it; null for nothing.</summary>
    internal static string? Drift(Reservation reservation)
    {
        if (reservation.Ingress == Ingress.Open)
            return null;
        using var nft = NftablesSocket.Open();
        if (!Exists(nft))
            return $"table inet {Table}, which keeps the mesh from the container, is missing";
        var rules = nft.ListRules(Family, Table);
        if (!Rules().Append(Neighbours(reservation.Subnet)).All(wanted => IsAmong(rules, wanted)))
            return $"a rule of table inet {Table}, which keeps the mesh from the container, is missing";
        var set = reservation.Ingress == Ingress.Deny ? Deny : Established;
        byte[] key = NftKey.Of(reservation.Address);
        return nft.ListElements(set).Any(element => element.Key.Span.SequenceEqual(key)) ? null
            : $"address {reservation.Address} is missing in set \"{set.Name}\" of table inet {Table}, which keeps the mesh from the container";
    }

    /// <summary>Asks the kernel whether it could do it.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify()
    {
        using var nft = NftablesSocket.Open();
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(Family, Table));
        transaction.Add(Established);
        transaction.Add(Deny);
        transaction.Add(new NftChain(Family, Table, Chain) { Hook = new NftHook("filter", NftHookPoint.Forward, Priority: 0) });
        foreach (var rule in Rules())
            transaction.Add(rule);
        nft.Verify(transaction);
    }

    private static bool Exists(NftablesSocket nft) => nft.FindChains((Family, Table, Chain))[0] is not null;

    private static bool IsAmong(IReadOnlyList<NftRule> rules, NftRule wanted) => rules.Any(each => each.Chain == wanted.Chain && each.DoesSameAs(wanted));

    // Nodes drop what comes from elsewhere with a source in their own subnet.
    private static NftRule Neighbours(IPNetwork subnet) => Rule("containers of this host", rule => rule.Source(subnet.BaseAddress, subnet.PrefixLength).Accept());

    private static NftRule[] Rules() =>
    [
        Rule("replies", rule => rule.DestinationIn(new NftSetReference(Established.Name), ipv4: false).State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule("what nobody asked for", rule => rule.DestinationIn(new NftSetReference(Established.Name), ipv4: false).Drop()),
        Rule("everything", rule => rule.DestinationIn(new NftSetReference(Deny.Name), ipv4: false).Drop()),
    ];

    private static NftRule Rule(string comment, Func<NftRuleBuilder, NftRuleBuilder> compose) =>
        new(Family, Table, Chain, compose(new NftRuleBuilder(Family)).Build()) { Comment = $"yggoverlay: {comment}" };
}
