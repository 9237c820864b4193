using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>What all containers share in nf_tables: the table of one family, its maps, and the rules that look into them.</summary>
/// <remarks>
/// The table and the chains with names of plain words are those of the reference, which empties and refills the base chains and
/// <c>hostports_all</c> at each of its ADDs and leaves rules of others in <c>hostports</c> and <c>masquerading</c> alone; so there is
/// where ours hang. A packet costs one lookup in each map, however many ports there are.
/// </remarks>
internal sealed class HostPortTable
{
    internal const string Name = "cni_hostport";
    internal const string ReferencePorts = "hostports";
    internal const string ReferenceMasquerading = "masquerading";
    internal const string ReferenceLegacyPorts = "hostip_hostports";
    private const string AllPorts = "hostports_all";
    private const string OwnPorts = "host_services";
    private const string Prerouting = "prerouting";
    private const string Output = "output";
    private const int DestinationNatPriority = -100; // NF_IP_PRI_NAT_DST
    private const int SourceNatPriority = 100;       // NF_IP_PRI_NAT_SRC
    private const NftRegister W5 = NftRegister.W0 + 5;

    private HostPortTable(bool ipv4)
    {
        IsIPv4 = ipv4;
        Family = IptablesOnNft.Family(ipv4);
        var address = ipv4 ? NftDataType.Ipv4Address : NftDataType.Ipv6Address;
        var service = NftDataType.Concatenation(NftDataType.InetProtocol, NftDataType.InetService);
        var ownService = NftDataType.Concatenation(address, NftDataType.InetProtocol, NftDataType.InetService);
        Target = NftDataType.Concatenation(address, NftDataType.InetService);
        Services = new NftSet(Family, Name, "services", service) { DataType = Target };
        HostIpServices = new NftSet(Family, Name, "hostip_services", ownService) { DataType = Target };
        ConditionalServices = new NftSet(Family, Name, "conditional_services", service) { DataType = NftDataType.Verdict };
        ConditionalHostIpServices = new NftSet(Family, Name, "conditional_hostip_services", ownService) { DataType = NftDataType.Verdict };
        Waiting = new NftSet(Family, Name, "waiting_services", ownService);
        Hairpin = new NftSet(Family, Name, "hairpin", NftDataType.Concatenation(address, address));
        FromLoopback = new NftSet(Family, Name, "from_loopback", address);
        FromAnywhere = new NftSet(Family, Name, "from_anywhere", address);
        LoopbackSources = LoopbackTable.Sources(Name);
    }

    internal static HostPortTable Of(bool ipv4) => new(ipv4);

    internal bool IsIPv4 { get; }

    internal NftFamily Family { get; }

    /// <summary>Type of what a port leads to: <c>ipv4_addr . inet_service</c>.</summary>
    internal NftDataType Target { get; }

    /// <summary>Ports at every address of the host.</summary>
    internal NftSet Services { get; }

    /// <summary>Ports at one address of the host.</summary>
    internal NftSet HostIpServices { get; }

    /// <summary>Ports of containers with conditions, by the chain that has them.</summary>
    internal NftSet ConditionalServices { get; }

    internal NftSet ConditionalHostIpServices { get; }

    /// <summary>Ports that more than one interface of a container has (<see cref="NftablesSharedPorts"/>); there only since there was one.</summary>
    internal NftSet Waiting { get; }

    /// <summary>Containers that may talk to themselves by a port of the host: source and destination are both theirs.</summary>
    internal NftSet Hairpin { get; }

    /// <summary>Containers that the host may reach by its loopback addresses.</summary>
    internal NftSet FromLoopback { get; }

    /// <summary>Containers that see everybody as the host (masqAll).</summary>
    internal NftSet FromAnywhere { get; }

    /// <summary>IPv6: the address of the host that stands for ::1, by port. Nothing is in it for IPv4, where masquerading does.</summary>
    internal NftSet LoopbackSources { get; }

    /// <summary>The map of all ports of one interface of a container, by which its DEL finds them: it costs what they are, not what all are.</summary>
    internal NftSet Own(string name) => new(Family, Name, name, HostIpServices.KeyType) { DataType = Target };

    /// <summary>Where packets look for a port, and by what key; given the key of the interface's own map.</summary>
    internal (NftSet Map, ReadOnlyMemory<byte> Key) LookupOf(ReadOnlyMemory<byte> key, bool conditional) =>
        IsEverywhere(key)
            ? (conditional ? ConditionalServices : Services, ServiceOf(key))
            : (conditional ? ConditionalHostIpServices : HostIpServices, key);

    /// <summary>Whether a key of an interface's own map is for all addresses of the host.</summary>
    internal bool IsEverywhere(ReadOnlyMemory<byte> key) => key.Span[..AddressLength].IndexOfAnyExcept((byte)0) < 0;

    /// <summary>Protocol and port of such a key.</summary>
    internal ReadOnlyMemory<byte> ServiceOf(ReadOnlyMemory<byte> key) => key[AddressLength..];

    /// <summary>The address of the host in such a key.</summary>
    internal IPAddress HostIpOf(ReadOnlyMemory<byte> key) => new(key.Span[..AddressLength]);

    private int AddressLength => IsIPv4 ? 4 : 16;

    private IEnumerable<NftSet> Sets => IsIPv4
        ? [Services, HostIpServices, ConditionalServices, ConditionalHostIpServices, Hairpin, FromLoopback, FromAnywhere]
        : [Services, HostIpServices, ConditionalServices, ConditionalHostIpServices, Hairpin, FromAnywhere, LoopbackSources];

    /// <summary>Adds to a transaction what the table lacks.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="present">All rules of the table.</param>
    /// <returns>True when it lacked something.</returns>
    internal bool Prepare(NftablesTransaction transaction, IReadOnlyList<NftRule> present)
    {
        var missing = Missing(present);
        if (missing.Count == 0)
            return false;
        transaction.Add(new NftTable(Family, Name) { Comment = "CNI portmap plugin" });
        foreach (var set in Sets)
            transaction.Add(set);
        foreach (var chain in (ReadOnlySpan<string>)[ReferencePorts, ReferenceLegacyPorts, AllPorts, OwnPorts])
            transaction.Add(new NftChain(Family, Name, chain));
        Base(Prerouting, "nat", NftHookPoint.Prerouting, DestinationNatPriority);
        Base(Output, "nat", NftHookPoint.Output, DestinationNatPriority);
        Base(ReferenceMasquerading, "nat", NftHookPoint.Postrouting, SourceNatPriority);
        foreach (var chain in IsIPv4 ? [] : LoopbackTable.Chains(Name))
            transaction.Add(chain);

        foreach (var rule in missing)
            transaction.Add(rule);
        return true;

        void Base(string name, string type, NftHookPoint point, int priority) =>
            transaction.Add(new NftChain(Family, Name, name) { Hook = new NftHook(type, point, priority) });
    }

    /// <summary>The rules of ours that a table lacks.</summary>
    internal List<NftRule> Missing(IReadOnlyList<NftRule> present)
    {
        var missing = new List<NftRule>();
        foreach (var wanted in SharedRules())
        {
            if (!Has(wanted))
                missing.Add(wanted);
        }

        // With a condition of the reference before the way to everybody's ports, ours need a way of their own.
        foreach (var chain in (ReadOnlySpan<string>)[Prerouting, Output])
        {
            var all = Rule(chain, New().DestinationIsLocal().Jump(AllPorts));
            if (Has(all))
                continue;
            var own = Rule(chain, New().DestinationIsLocal().Jump(OwnPorts));
            if (!present.Any(rule => rule.Chain == chain))
                missing.Add(all);
            else if (!Has(own))
                missing.Add(own);
        }

        return missing;

        bool Has(NftRule wanted)
        {
            foreach (var rule in present)
            {
                if (rule.Chain == wanted.Chain && rule.DoesSameAs(wanted))
                    return true;
            }

            return false;
        }
    }

    /// <summary>A rule of one container's chain: translates, if its conditions hold, to what a map has for the packet.</summary>
    internal NftRule Translation(string chain, NftSetReference map, bool byHostIp, Func<NftRuleBuilder, NftRuleBuilder> conditions) =>
        Rule(chain, Translate(conditions(New()), map, byHostIp));

    private NftRuleBuilder New() => new(Family);

    private NftRule Rule(string chain, NftRuleBuilder rule) => new(Family, Name, chain, rule.Build());

    private IEnumerable<NftRule> SharedRules()
    {
        yield return Rule(AllPorts, New().Jump(ReferenceLegacyPorts));
        yield return Rule(AllPorts, New().Jump(ReferencePorts));
        yield return Rule(ReferencePorts, New().Jump(OwnPorts));
        // A port at one address comes before the same port at all of them.
        yield return Rule(OwnPorts, Translate(New(), new NftSetReference(HostIpServices.Name), byHostIp: true));
        yield return Rule(OwnPorts, Key(New(), byHostIp: true).VerdictFrom(new NftSetReference(ConditionalHostIpServices.Name)));
        yield return Rule(OwnPorts, Translate(New(), new NftSetReference(Services.Name), byHostIp: false));
        yield return Rule(OwnPorts, Key(New(), byHostIp: false).VerdictFrom(new NftSetReference(ConditionalServices.Name)));

        yield return Rule(ReferenceMasquerading, Translated(New()).LoadAddress(source: true, IsIPv4).LoadAddress(source: false, IsIPv4, IsIPv4 ? NftRegister.W1 : NftRegister.R2)
            .Add(new NftLookup(new NftSetReference(Hairpin.Name))).Masquerade());
        if (IsIPv4)
            yield return Rule(ReferenceMasquerading, Translated(New()).Source(IPAddress.Loopback, 8).DestinationIn(new NftSetReference(FromLoopback.Name), IsIPv4).Masquerade());
        yield return Rule(ReferenceMasquerading, Translated(New()).DestinationIn(new NftSetReference(FromAnywhere.Name), IsIPv4).Masquerade());
        if (IsIPv4)
            yield break;

        foreach (var rule in LoopbackTable.Rules(Name))
            yield return rule;
    }

    // dnat ip to ip daddr . meta l4proto . th dport map @…
    private NftRuleBuilder Translate(NftRuleBuilder rule, NftSetReference map, bool byHostIp)
    {
        var port = IsIPv4 ? NftRegister.W1 : NftRegister.R2;
        // The kernel lists the highest of a range even where there is none.
        return Key(rule, byHostIp).Add(new NftLookup(map, Destination: NftRegister.R1)).Add(new NftNat(true, Family)
        {
            Address = NftRegister.R1,
            HighestAddress = NftRegister.R1,
            Port = port,
            HighestPort = port,
            Options = NftNatOptions.MapAddresses | NftNatOptions.PortsSpecified,
        });
    }

    private NftRuleBuilder Key(NftRuleBuilder rule, bool byHostIp) => !byHostIp
        ? Service(rule, NftRegister.R1, NftRegister.W1)
        : IsIPv4 ? Service(rule.LoadAddress(source: false, ipv4: true), NftRegister.W1, NftRegister.W2)
        : Service(rule.LoadAddress(source: false, ipv4: false), NftRegister.R2, W5);

    private static NftRuleBuilder Service(NftRuleBuilder rule, NftRegister protocol, NftRegister port) =>
        rule.Add(new NftMeta(NftMetaKey.TransportProtocol, protocol)).LoadDestinationPort(port);

    // ct status dnat: IPS_DST_NAT, include/uapi/linux/netfilter/nf_conntrack_common.h
    private static NftRuleBuilder Translated(NftRuleBuilder rule) => rule.Add(new NftConnection(NftConnectionKey.Status))
        .Add(new NftBitwise(NftKey.Number(32), new byte[4])).Add(new NftCompare(NftOperator.NotEqual, new byte[4]));
}
