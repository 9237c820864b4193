using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Lets ::1 lead to containers whose ports iptables maps, which cannot do that itself: a table of nf_tables beside it.</summary>
/// <remarks>
/// ::1 may not come from a cable, and a bridge with br_netfilter would translate back to it before ip6_rcv_core() looks. So another
/// address of the host takes its place before the connection is tracked, and ::1 takes it back when all that is over. Between the two
/// whoever maps the port does so; with backend nftables the same rules stand in <see cref="HostPortTable"/>.
/// </remarks>
internal static class LoopbackTable
{
    internal const string Out = "loopback_out";
    internal const string In = "loopback_in";
    private const string Name = "cni_hostport_loopback";
    private const int RawPriority = -300;     // NF_IP6_PRI_RAW: before connection tracking
    private const int AfterNatPriority = 200; // after NF_IP6_PRI_NAT_SRC, at which LOCAL_IN translates back
    private const NftFamily Family = NftFamily.Ip6;

    /// <summary>The address of the host that stands for ::1, by protocol and port.</summary>
    internal static NftSet Sources(string table) =>
        new(Family, table, "loopback_sources", NftDataType.Concatenation(NftDataType.InetProtocol, NftDataType.InetService)) { DataType = NftDataType.Ipv6Address };

    /// <summary>The two base chains.</summary>
    internal static IEnumerable<NftChain> Chains(string table) =>
    [
        new(Family, table, Out) { Hook = new NftHook("filter", NftHookPoint.Output, RawPriority) },
        new(Family, table, In) { Hook = new NftHook("filter", NftHookPoint.Input, AfterNatPriority) },
    ];

    /// <summary>The rules in them.</summary>
    internal static IEnumerable<NftRule> Rules(string table)
    {
        const int SourceOffset = 8, DestinationOffset = 24, AddressLength = 16; // RFC 8200, section 3
        yield return new NftRule(Family, table, Out, new NftRuleBuilder(Family).Source(IPAddress.IPv6Loopback).Destination(IPAddress.IPv6Loopback)
            .Add(new NftMeta(NftMetaKey.TransportProtocol, NftRegister.R1)).LoadDestinationPort(NftRegister.W1)
            .Add(new NftLookup(new NftSetReference(Sources(table).Name), Destination: NftRegister.R1))
            .Add(new NftPayloadWrite(NftPayloadBase.Network, SourceOffset, AddressLength) { InPseudoHeader = true }).Build());
        yield return new NftRule(Family, table, In, new NftRuleBuilder(Family).Source(IPAddress.IPv6Loopback).DestinationOutside(IPAddress.IPv6Loopback)
            .Add(new NftConnection(NftConnectionKey.DestinationIp6) { Direction = 0 }).Add(new NftCompare(NftOperator.Equal, IPAddress.IPv6Loopback.GetAddressBytes()))
            .Add(new NftImmediate(new NftData(IPAddress.IPv6Loopback.GetAddressBytes()), NftRegister.R1))
            .Add(new NftPayloadWrite(NftPayloadBase.Network, DestinationOffset, AddressLength) { InPseudoHeader = true }).Build());
    }

    /// <summary>Which mappings ::1 has a part in.</summary>
    internal static IEnumerable<PortMapping> Concerned(IEnumerable<PortMapping> mappings) =>
        mappings.Where(mapping => mapping.AppliesTo(ipv4: false) && (mapping.HostIp is null || mapping.HostIp.Equals(IPAddress.IPv6Loopback)));

    /// <summary>The key of a mapping in <see cref="Sources"/>.</summary>
    internal static byte[] Key(PortMapping mapping) => NftKey.Concatenate([(byte)mapping.Protocol], NftKey.Port(mapping.HostPort));

    /// <summary>Adds the ports of an interface, in the place of those that it has.</summary>
    internal static void Add(NftablesSocket nft, PortOwner owner, IReadOnlyList<PortMapping> mappings, IPAddress source)
    {
        var transaction = new NftablesTransaction();
        var present = nft.ListRules(Family, Name);
        var missing = Rules(Name).Where(wanted => !present.Any(rule => rule.Chain == wanted.Chain && rule.DoesSameAs(wanted))).ToList();
        if (missing.Count > 0)
        {
            transaction.Add(new NftTable(Family, Name) { Comment = "CNI portmap plugin: ::1" });
            transaction.Add(Sources(Name));
            foreach (var chain in Chains(Name))
                transaction.Add(chain);
            foreach (var rule in missing)
                transaction.Add(rule);
        }

        var container = NameHash.Network(owner.ContainerId);
        var elsewhere = new List<ReadOnlyMemory<byte>>();
        foreach (var element in List(nft))
        {
            if (MarkOf(element) == owner.Name)
                Delete(transaction, element.Key);
            else if (element.Comment?.EndsWith($" {container}", StringComparison.Ordinal) == true)
                elsewhere.Add(element.Key);
        }

        foreach (var mapping in Concerned(mappings))
        {
            // Another network of the container has the port already, and that one counts.
            if (elsewhere.Exists(key => key.Span.SequenceEqual(Key(mapping))))
                continue;
            // Of another container it is what a dead one left: the ports of the living have been looked at.
            Delete(transaction, Key(mapping));
            transaction.AddElements(Sources(Name), [new NftSetElement(Key(mapping)) { Data = new NftData(NftKey.Of(source)), Comment = $"{owner.Name} {container}" }]);
        }

        nft.Commit(transaction);
    }

    /// <summary>Removes the ports of all owners that are meant, by their names.</summary>
    internal static void Remove(NftablesSocket nft, Func<string, bool> isMeant)
    {
        var transaction = new NftablesTransaction();
        var any = false;
        foreach (var element in List(nft))
        {
            if (!isMeant(MarkOf(element)))
                continue;
            Delete(transaction, element.Key);
            any = true;
        }

        if (any)
            nft.Commit(transaction);
    }

    private static string MarkOf(NftSetElement element) =>
        element.Comment?.IndexOf(' ', StringComparison.Ordinal) is > 0 and var end ? element.Comment[..end] : "";

    private static void Delete(NftablesTransaction transaction, ReadOnlyMemory<byte> key) =>
        transaction.DeleteElements(Sources(Name), [new NftSetElement(key)], Tolerated.Missing);

    private static IReadOnlyList<NftSetElement> List(NftablesSocket nft)
    {
        try
        {
            return nft.ListElements(Sources(Name));
        }
        catch (NetlinkException error) when (error.IsNotFound)
        {
            return [];
        }
    }
}
