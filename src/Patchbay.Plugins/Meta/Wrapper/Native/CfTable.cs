using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>What <c>table ip cf_networking</c> and <c>table ip6 cf_networking</c> consist of. docs/wrapper.md shows them as nft(8) does, and says what in them is the policy agent's.</summary>
internal sealed class CfTable
{
    internal const string Name = "cf_networking";
    internal const string Forward = "forward";
    internal const string Input = "input";
    internal const string Policies = "policies";
    internal const string Tagging = "tag_ingress";
    internal const string Mapping = "map_ports";
    internal const string Masquerade = "masquerade";

    internal const NftRegister W5 = NftRegister.W0 + 5;

    private const string CommentPrefix = "cf: ";
    private const int ManglePriority = -150;         // NF_IP_PRI_MANGLE
    private const int DestinationNatPriority = -100; // NF_IP_PRI_NAT_DST
    private const int SourceNatPriority = 100;       // NF_IP_PRI_NAT_SRC

    private CfTable(NftFamily family)
    {
        Family = family;
        var address = IPv4 ? NftDataType.Ipv4Address : NftDataType.Ipv6Address;
        Uplinks = Verdicts("uplinks", NftDataType.Concatenation(address, NftDataType.InterfaceName));
        SecurityGroups = Verdicts("security_groups", address);
        Containers = Verdicts("containers", address);
        HostAccess = Verdicts("host_access", address);
        Owned = IPv4 ? [Uplinks, SecurityGroups, Containers, HostAccess, Masquerading, PortMappings, IngressTags] : [Uplinks, SecurityGroups, Containers, HostAccess];

        NftSet Verdicts(string name, NftDataType key) => new(family, Name, name, key) { DataType = NftDataType.Verdict };
    }

    /// <summary>The agent's: the tags of applications, by the addresses of their containers on this host.</summary>
    internal static NftSet SourceTags { get; } = new(NftFamily.Ip, Name, "source_tags", NftDataType.Ipv4Address) { DataType = NftDataType.Mark };

    /// <summary>By address: what leaves a container's host.</summary>
    internal static NftSet Masquerading { get; } = new(NftFamily.Ip, Name, "masquerading", NftDataType.Ipv4Address) { DataType = NftDataType.Verdict };

    /// <summary>Ports of the host that lead to a container.</summary>
    internal static NftSet PortMappings { get; } =
        new(NftFamily.Ip, Name, "port_mappings", NftDataType.Concatenation(NftDataType.Ipv4Address, NftDataType.InetService)) { DataType = NftDataType.Concatenation(NftDataType.Ipv4Address, NftDataType.InetService) };

    /// <summary>The mark of what comes in by a mapped port.</summary>
    internal static NftSet IngressTags { get; } =
        new(NftFamily.Ip, Name, "ingress_tags", NftDataType.Concatenation(NftDataType.InterfaceName, NftDataType.Ipv4Address, NftDataType.InetService)) { DataType = NftDataType.Mark };

    internal static CfTable V4 { get; } = new(NftFamily.Ip);

    /// <summary>For containers' IPv6 addresses: security groups and services of the host. There are no policies for those, no mapped ports, no translation.</summary>
    internal static CfTable V6 { get; } = new(NftFamily.Ip6);

    internal NftFamily Family { get; }

    internal bool IPv4 => Family == NftFamily.Ip;

    /// <summary>By address and interface: what leaves a container towards the underlay.</summary>
    internal NftSet Uplinks { get; }

    /// <summary>By address: the security groups of a container.</summary>
    internal NftSet SecurityGroups { get; }

    /// <summary>By address: what goes to a container, and nobody has accepted; of IPv6 also what comes from one and does not leave towards the underlay.</summary>
    internal NftSet Containers { get; }

    /// <summary>By address: what goes from a container to the host itself.</summary>
    internal NftSet HostAccess { get; }

    /// <summary>The maps whose elements are containers' by their comment.</summary>
    internal NftSet[] Owned { get; }

    /// <summary>Kinds of <see cref="SharedChain"/> in these tables.</summary>
    internal static ReadOnlySpan<string> Kinds => new[] { EgressChains.NetOut, EgressChains.Groups, ContainerChains.Overlay, ContainerChains.Host, ContainerChains.Masquerade };

    /// <summary>Adds to a transaction what the table lacks; rules of others in its chains stay.</summary>
    internal void Prepare(NftablesSocket nft, NftablesTransaction transaction)
    {
        var present = nft.ListRules(Family, Name);
        if (Missing(present) is null && (!IPv4 || (nft.FindChains((Family, Name, Policies)) is [not null] && nft.SetsExist((Family, Name, SourceTags.Name)) is [true])))
            return;
        transaction.Add(new NftTable(Family, Name) { Comment = "Containers of Cloud Foundry, by the CNI plugin cni-wrapper-plugin" });
        foreach (var map in Owned)
            transaction.Add(map);
        if (IPv4)
        {
            transaction.Add(SourceTags);
            transaction.Add(new NftChain(Family, Name, Policies));
        }

        var bases = Bases();
        var there = nft.FindChains([.. bases.Select(each => (Family, Name, each.Name))]);
        for (var i = 0; i < bases.Length; i++)
        {
            if (there[i] is null) // its policy is the administrator's once it is there
                transaction.Add(new NftChain(Family, Name, bases[i].Name) { Hook = bases[i].Hook });
        }

        foreach (var rule in present)
        {
            if (rule.Comment?.StartsWith(CommentPrefix, StringComparison.Ordinal) == true)
                transaction.DeleteRule(Family, Name, rule.Chain, rule.Handle);
        }

        var rules = Rules();
        for (var i = rules.Length - 1; i >= 0; i--)
            transaction.Insert(rules[i]);
    }

    /// <summary>The first of the table's own rules that is not there; null when all are.</summary>
    internal NftRule? Missing(IReadOnlyList<NftRule> present)
    {
        foreach (var wanted in Rules())
        {
            if (!present.Any(rule => rule.Chain == wanted.Chain && rule.DoesSameAs(wanted)))
                return wanted;
        }

        return null;
    }

    private (string Name, NftHook Hook)[] Bases()
    {
        (string, NftHook)[] both = [(Forward, new NftHook("filter", NftHookPoint.Forward, 0)), (Input, new NftHook("filter", NftHookPoint.Input, 0))];
        return !IPv4 ? both :
        [
            .. both,
            (Tagging, new NftHook("filter", NftHookPoint.Prerouting, ManglePriority)),
            (Mapping, new NftHook("nat", NftHookPoint.Prerouting, DestinationNatPriority)),
            (Masquerade, new NftHook("nat", NftHookPoint.Postrouting, SourceNatPriority)),
        ];
    }

    // The tag comes before all else, since packets of old connections carry it too; those then pass, and a packet costs what three look-ups do.
    private NftRule[] Rules() => IPv4 ?
    [
        Rule(Tagging, "ingress tags", New().Transport(EgressRule.Tcp).Add(new NftMeta(NftMetaKey.InputName)).LoadAddress(source: false, ipv4: true, NftRegister.R2).LoadDestinationPort(W5)
            .Add(new NftLookup(new NftSetReference(IngressTags.Name), Destination: NftRegister.R1)).Add(new NftMeta(NftMetaKey.Mark, Set: true))),
        Rule(Mapping, "mapped ports", PortTranslation(PortMappings)),
        Rule(Forward, "source tags", New().LoadAddress(source: true, ipv4: true).Add(new NftLookup(new NftSetReference(SourceTags.Name), Destination: NftRegister.R1)).Add(new NftMeta(NftMetaKey.Mark, Set: true))),
        Rule(Forward, "replies", New().State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule(Forward, "policies", New().Jump(Policies)),
        Rule(Forward, "towards the underlay", TowardsUnderlay(NftRegister.W1)),
        Rule(Forward, "to containers", By(Containers, source: false)),
        Rule(Input, "to the host", By(HostAccess, source: true)),
        Rule(Masquerade, "masquerading", By(Masquerading, source: true)),
    ]
    :
    [
        Rule(Forward, "replies", New().State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule(Forward, "towards the underlay", TowardsUnderlay(NftRegister.R2)),
        Rule(Forward, "from containers", By(Containers, source: true)),
        Rule(Forward, "to containers", By(Containers, source: false)),
        Rule(Input, "to the host", By(HostAccess, source: true)),
    ];

    private NftRuleBuilder New() => new(Family);

    private NftRuleBuilder By(NftSet map, bool source) => New().LoadAddress(source, IPv4).VerdictFrom(new NftSetReference(map.Name));

    private NftRuleBuilder TowardsUnderlay(NftRegister behindAddress) =>
        New().LoadAddress(source: true, IPv4).Add(new NftMeta(NftMetaKey.OutputName, behindAddress)).VerdictFrom(new NftSetReference(Uplinks.Name));

    /// <summary>Translates to what a map of ports has for the packet: <c>dnat ip to ip daddr . tcp dport map @…</c>.</summary>
    internal static NftRuleBuilder PortTranslation(NftSet map) =>
        new NftRuleBuilder(NftFamily.Ip).Transport(EgressRule.Tcp).LoadAddress(source: false, ipv4: true).LoadDestinationPort(NftRegister.W1)
            .Add(new NftLookup(new NftSetReference(map.Name), Destination: NftRegister.R1)).Add(new NftNat(true, NftFamily.Ip)
            {
                Address = NftRegister.R1,
                HighestAddress = NftRegister.R1,
                Port = NftRegister.W1,
                HighestPort = NftRegister.W1,
                Options = NftNatOptions.MapAddresses | NftNatOptions.PortsSpecified,
            });

    private NftRule Rule(string chain, string comment, NftRuleBuilder rule) => new(Family, Name, chain, rule.Build()) { Comment = CommentPrefix + comment };
}
