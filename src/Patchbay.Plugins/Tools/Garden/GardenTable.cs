using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Firewall;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Native;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary><c>table ip garden_networker</c>: a map by containers' addresses, one by ports of the host, and a chain for each set of rules that containers have. docs/garden.md.</summary>
internal static class GardenTable
{
    internal const string Name = "garden_networker";

    private const NftFamily Family = NftFamily.Ip;
    private const string Forward = "forward";
    private const string Mapping = "map_ports";

    private static NftSet Containers { get; } = new(Family, Name, "containers", NftDataType.Ipv4Address) { DataType = NftDataType.Verdict };

    private static NftSet Ports { get; } = CfTable.PortMappings with { Table = Name };

    /// <summary>Gives a container the chain that rejects all but the overlay.</summary>
    internal static void Begin(NftablesSocket nft, MasqueradeName owner, IPAddress container, IpPrefix overlay) => Repeat(nft, transaction =>
    {
        Put(nft, transaction, owner, container, Chain(overlay, []));
        RemoveUnused(nft, transaction, static _ => false, Chain(overlay, []).Name);
    });

    /// <summary>Gives a container the chain with more rules; which it has now is read from the kernel.</summary>
    internal static void Allow(NftablesSocket nft, MasqueradeName owner, IPAddress container, IpPrefix overlay, IReadOnlyList<EgressRule> rules) => Repeat(nft, transaction =>
    {
        if (Find(nft, container) is not { Data.Verdict.Chain: { } present } element || AddressRegister.MarkOf(element.Comment) != owner.Mark)
            throw new NetworkerException($"container \"{owner.ContainerId}\" with the address {container} is not up");
        var chain = Chain(overlay, [.. rules, .. EgressReader.Read(nft, Name, present)]);
        Put(nft, transaction, owner, container, chain);
        RemoveUnused(nft, transaction, static _ => false, chain.Name, except: container);
    });

    /// <summary>Maps a port.</summary>
    internal static void Map(NftablesSocket nft, MasqueradeName owner, IPAddress host, IPAddress container, NetIn port) => Repeat(nft, transaction =>
    {
        Prepare(nft, transaction);
        var key = NftKey.Concatenate(NftKey.Of(host), NftKey.Port(port.HostPort));
        if (nft.FindElements(Ports, [key]) is [var taken])
            throw new NetworkerException($"port {port.HostPort} of {host} leads to a container already ({taken.Comment})");
        transaction.AddElements(Ports, [new NftSetElement(key) { Data = new NftData(NftKey.Concatenate(NftKey.Of(container), NftKey.Port(port.ContainerPort))), Comment = owner.NftComment }]);
    });

    /// <summary>Removes what a container has.</summary>
    internal static void Remove(NftablesSocket nft, MasqueradeName owner) => Repeat(nft, transaction =>
    {
        if (nft.SetsExist((Family, Name, Containers.Name), (Family, Name, Ports.Name)) is not [true, true])
            return;
        foreach (var map in new[] { Containers, Ports })
        {
            foreach (var element in nft.ListElements(map))
            {
                if (IsOf(element, owner))
                    transaction.DeleteElements(map, [new NftSetElement(element.Key)], Tolerated.Missing);
            }
        }

        RemoveUnused(nft, transaction, element => IsOf(element, owner));
    });

    // What a container sends to the overlay is the policy agent's business; "return" leaves the rest of it to others.
    private static SharedChain Chain(IpPrefix overlay, IReadOnlyList<EgressRule> rules)
    {
        var plain = EgressBox.Disjoint([.. rules.Select(rule => rule with { Log = false })]);
        return SharedChain.Of(EgressChains.NetOut, $"{overlay}{string.Concat(plain)}", (writer, chain) =>
        {
            writer.Chain(chain.Name);
            writer.Rule(chain.Name, writer.New().Destination(overlay.Address, overlay.PrefixLength).Return());
            writer.Rule(chain.Name, writer.New().State(NftConnectionState.Established | NftConnectionState.Related).Return());
            EgressChains.AddRules(writer, chain, plain, static _ => NftVerdict.Return);
            writer.Rule(chain.Name, writer.New().Add(writer.PortUnreachable));
        });
    }

    private static void Put(NftablesSocket nft, NftablesTransaction transaction, MasqueradeName owner, IPAddress container, SharedChain chain)
    {
        Prepare(nft, transaction);
        SharedChain.AddMissing(nft, transaction, Family, Name, [chain]);
        if (Find(nft, container) is not null)
            transaction.DeleteElements(Containers, [new NftSetElement(NftKey.Of(container))], Tolerated.Missing);
        transaction.AddElements(Containers, [new NftSetElement(NftKey.Of(container)) { Data = new NftData(NftVerdict.Goto(chain.Name)), Comment = owner.NftComment }]);
    }

    private static void Prepare(NftablesSocket nft, NftablesTransaction transaction)
    {
        transaction.Add(new NftTable(Family, Name) { Comment = "Containers of Garden, by garden-external-networker" });
        transaction.Add(Containers);
        transaction.Add(Ports);
        Base(Forward, new NftHook("filter", NftHookPoint.Forward, 0));
        Base(Mapping, new NftHook("nat", NftHookPoint.Prerouting, -100)); // NF_IP_PRI_NAT_DST
        var present = nft.ListRules(Family, Name);
        foreach (var rule in Rules())
        {
            if (!present.Any(each => each.Chain == rule.Chain && each.DoesSameAs(rule)))
                transaction.Add(rule);
        }

        void Base(string name, NftHook hook) => transaction.Add(new NftChain(Family, Name, name) { Hook = hook });
    }

    private static NftRule[] Rules() =>
    [
        new(Family, Name, Forward, new NftRuleBuilder(Family).LoadAddress(source: true, ipv4: true).VerdictFrom(new NftSetReference(Containers.Name)).Build()),
        new(Family, Name, Mapping, CfTable.PortTranslation(Ports).Build()),
    ];

    private static void RemoveUnused(NftablesSocket nft, NftablesTransaction transaction, Func<NftSetElement, bool> goes, string? also = null, IPAddress? except = null)
    {
        var wanted = also is null ? new HashSet<string>() : [also];
        if (nft.SetsExist((Family, Name, Containers.Name)) is [true])
        {
            foreach (var element in nft.ListElements(Containers))
            {
                var replaced = except is not null && element.Key.Span.SequenceEqual(NftKey.Of(except));
                if (!goes(element) && !replaced && element.Data.Verdict?.Chain is { } chain)
                    wanted.Add(chain);
            }
        }

        SharedChain.RemoveUnused(nft, transaction, Family, Name, [EgressChains.NetOut], wanted);
    }

    private static NftSetElement? Find(NftablesSocket nft, IPAddress container) => nft.FindElements(Containers, [NftKey.Of(container)]) is [var found] ? found : null;

    private static bool IsOf(NftSetElement element, MasqueradeName owner) => AddressRegister.MarkOf(element.Comment) == owner.Mark;

    private static void Repeat(NftablesSocket nft, Action<NftablesTransaction> compose) => GuardedCommit.Repeat(nft, generation =>
    {
        var transaction = new NftablesTransaction(generation);
        compose(transaction);
        return transaction;
    });
}
