using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.Meta.Firewall;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>
/// Closes the way round the rules: a delegate may give a container IPv6 addresses, for which neither policies nor security groups exist. The host itself may
/// talk to them, others may not.
/// </summary>
internal static class NoIPv6
{
    private const NftFamily Family = NftFamily.Ip6;
    private const byte IcmpV6 = 58;

    private static NftSet Addresses { get; } = new(Family, CfTable.Name, "containers", NftDataType.Ipv6Address);

    internal static void Add(NftablesSocket nft, ContainerNetwork container)
    {
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(Family, CfTable.Name) { Comment = "Containers of Cloud Foundry: no IPv6" });
        transaction.Add(Addresses);
        Base(CfTable.Forward, NftHookPoint.Forward);
        Base(CfTable.Input, NftHookPoint.Input);
        var present = nft.ListRules(Family, CfTable.Name);
        foreach (var rule in Rules())
        {
            if (!present.Any(each => each.Chain == rule.Chain && each.DoesSameAs(rule)))
                transaction.Add(rule);
        }

        foreach (var address in container.IPv6)
        {
            // The element of whoever had the address before has another comment, which cannot be changed.
            if (nft.SetsExist((Family, CfTable.Name, Addresses.Name)) is [true])
                transaction.DeleteElements(Addresses, [new NftSetElement(NftKey.Of(address))], Tolerated.Missing);
            transaction.AddElements(Addresses, [new NftSetElement(NftKey.Of(address)) { Comment = container.Owner.NftComment }]);
        }

        nft.Commit(transaction);

        void Base(string name, NftHookPoint point) => transaction.Add(new NftChain(Family, CfTable.Name, name) { Hook = new NftHook("filter", point, 0) });
    }

    internal static void Remove(NftablesSocket nft, Func<string, bool> isMeant)
    {
        if (nft.SetsExist((Family, CfTable.Name, Addresses.Name)) is not [true])
            return;
        var transaction = new NftablesTransaction();
        foreach (var element in nft.ListElements(Addresses))
        {
            if (isMeant(AddressRegister.MarkOf(element.Comment)))
                transaction.DeleteElements(Addresses, [new NftSetElement(element.Key)], Tolerated.Missing);
        }

        nft.Commit(transaction);
    }

    private static NftRule[] Rules() =>
    [
        Rule(CfTable.Forward, New().SourceIn(new NftSetReference(Addresses.Name), ipv4: false).Reject()),
        Rule(CfTable.Forward, New().DestinationIn(new NftSetReference(Addresses.Name), ipv4: false).Reject()),
        Rule(CfTable.Input, New().State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        // Without neighbour discovery (RFC 4861) the host could not talk to them either.
        Rule(CfTable.Input, New().SourceIn(new NftSetReference(Addresses.Name), ipv4: false).Add(new NftMeta(NftMetaKey.TransportProtocol)).Add(new NftCompare(NftOperator.NotEqual, new[] { IcmpV6 })).Reject()),
    ];

    private static NftRuleBuilder New() => new(Family);

    private static NftRule Rule(string chain, NftRuleBuilder rule) => new(Family, CfTable.Name, chain, rule.Build());
}
