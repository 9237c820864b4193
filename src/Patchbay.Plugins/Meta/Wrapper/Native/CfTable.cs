using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>What <c>table ip cf_networking</c> consists of. docs/wrapper.md shows it as nft(8) does, and says what in it is the policy agent's.</summary>
internal static class CfTable
{
    internal const NftFamily Family = NftFamily.Ip;
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

    private static NftDataType Address => NftDataType.Ipv4Address;

    /// <summary>The agent's: the tags of applications, by the addresses of their containers on this host.</summary>
    internal static NftSet SourceTags { get; } = new(Family, Name, "source_tags", Address) { DataType = NftDataType.Mark };

    /// <summary>By address and interface: what leaves a container towards the underlay.</summary>
    internal static NftSet Uplinks { get; } = new(Family, Name, "uplinks", NftDataType.Concatenation(Address, NftDataType.InterfaceName)) { DataType = NftDataType.Verdict };

    /// <summary>By address: the security groups of a container.</summary>
    internal static NftSet SecurityGroups { get; } = new(Family, Name, "security_groups", Address) { DataType = NftDataType.Verdict };

    /// <summary>By address: what goes to a container, and nobody has accepted.</summary>
    internal static NftSet Containers { get; } = new(Family, Name, "containers", Address) { DataType = NftDataType.Verdict };

    /// <summary>By address: what goes from a container to the host itself.</summary>
    internal static NftSet HostAccess { get; } = new(Family, Name, "host_access", Address) { DataType = NftDataType.Verdict };

    /// <summary>By address: what leaves a container's host.</summary>
    internal static NftSet Masquerading { get; } = new(Family, Name, "masquerading", Address) { DataType = NftDataType.Verdict };

    /// <summary>Ports of the host that lead to a container.</summary>
    internal static NftSet PortMappings { get; } =
        new(Family, Name, "port_mappings", NftDataType.Concatenation(Address, NftDataType.InetService)) { DataType = NftDataType.Concatenation(Address, NftDataType.InetService) };

    /// <summary>The mark of what comes in by a mapped port.</summary>
    internal static NftSet IngressTags { get; } =
        new(Family, Name, "ingress_tags", NftDataType.Concatenation(NftDataType.InterfaceName, Address, NftDataType.InetService)) { DataType = NftDataType.Mark };

    /// <summary>The maps whose elements are containers' by their comment.</summary>
    internal static NftSet[] Owned => [Uplinks, SecurityGroups, Containers, HostAccess, Masquerading, PortMappings, IngressTags];

    /// <summary>Kinds of <see cref="SharedChain"/> in this table.</summary>
    internal static ReadOnlySpan<string> Kinds => new[] { EgressChains.NetOut, EgressChains.Groups, ContainerChains.Overlay, ContainerChains.Host, ContainerChains.Masquerade };

    /// <summary>Adds to a transaction what the table lacks; rules of others in its chains stay.</summary>
    /// <returns>True when it lacked something.</returns>
    internal static void Prepare(NftablesSocket nft, NftablesTransaction transaction)
    {
        var present = nft.ListRules(Family, Name);
        if (Missing(present) is null && nft.FindChains((Family, Name, Policies)) is [not null] && nft.SetsExist((Family, Name, SourceTags.Name)) is [true])
            return;
        transaction.Add(new NftTable(Family, Name) { Comment = "Containers of Cloud Foundry, by the CNI plugin cni-wrapper-plugin" });
        transaction.Add(SourceTags);
        foreach (var map in Owned)
            transaction.Add(map);
        transaction.Add(new NftChain(Family, Name, Policies));
        var bases = nft.FindChains([.. Bases.Select(each => (Family, Name, each.Name))]);
        for (var i = 0; i < Bases.Length; i++)
        {
            if (bases[i] is null) // its policy is the administrator's once it is there
                transaction.Add(new NftChain(Family, Name, Bases[i].Name) { Hook = Bases[i].Hook });
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
    internal static NftRule? Missing(IReadOnlyList<NftRule> present)
    {
        foreach (var wanted in Rules())
        {
            if (!present.Any(rule => rule.Chain == wanted.Chain && rule.DoesSameAs(wanted)))
                return wanted;
        }

        return null;
    }

    private static (string Name, NftHook Hook)[] Bases =>
    [
        (Tagging, new NftHook("filter", NftHookPoint.Prerouting, ManglePriority)),
        (Mapping, new NftHook("nat", NftHookPoint.Prerouting, DestinationNatPriority)),
        (Forward, new NftHook("filter", NftHookPoint.Forward, 0)),
        (Input, new NftHook("filter", NftHookPoint.Input, 0)),
        (Masquerade, new NftHook("nat", NftHookPoint.Postrouting, SourceNatPriority)),
    ];

    // The tag comes before all else, since packets of old connections carry it too; those then pass, and a packet costs what three look-ups do.
    private static NftRule[] Rules() =>
    [
        Rule(Tagging, "ingress tags", new NftRuleBuilder(Family).Transport(EgressRule.Tcp).Add(new NftMeta(NftMetaKey.InputName)).LoadAddress(source: false, ipv4: true, NftRegister.R2).LoadDestinationPort(W5)
            .Add(new NftLookup(new NftSetReference(IngressTags.Name), Destination: NftRegister.R1)).Add(new NftMeta(NftMetaKey.Mark, Set: true))),
        Rule(Mapping, "mapped ports", PortTranslation(PortMappings)),
        Rule(Forward, "source tags", new NftRuleBuilder(Family).LoadAddress(source: true, ipv4: true).Add(new NftLookup(new NftSetReference(SourceTags.Name), Destination: NftRegister.R1)).Add(new NftMeta(NftMetaKey.Mark, Set: true))),
        Rule(Forward, "replies", new NftRuleBuilder(Family).State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule(Forward, "policies", new NftRuleBuilder(Family).Jump(Policies)),
        Rule(Forward, "towards the underlay", new NftRuleBuilder(Family).LoadAddress(source: true, ipv4: true).Add(new NftMeta(NftMetaKey.OutputName, NftRegister.W1)).VerdictFrom(new NftSetReference(Uplinks.Name))),
        Rule(Forward, "to containers", new NftRuleBuilder(Family).LoadAddress(source: false, ipv4: true).VerdictFrom(new NftSetReference(Containers.Name))),
        Rule(Input, "to the host", new NftRuleBuilder(Family).LoadAddress(source: true, ipv4: true).VerdictFrom(new NftSetReference(HostAccess.Name))),
        Rule(Masquerade, "masquerading", new NftRuleBuilder(Family).LoadAddress(source: true, ipv4: true).VerdictFrom(new NftSetReference(Masquerading.Name))),
    ];

    /// <summary>Translates to what a map of ports has for the packet: <c>dnat ip to ip daddr . tcp dport map @…</c>.</summary>
    internal static NftRuleBuilder PortTranslation(NftSet map) =>
        new NftRuleBuilder(Family).Transport(EgressRule.Tcp).LoadAddress(source: false, ipv4: true).LoadDestinationPort(NftRegister.W1)
            .Add(new NftLookup(new NftSetReference(map.Name), Destination: NftRegister.R1)).Add(new NftNat(true, Family)
            {
                Address = NftRegister.R1,
                HighestAddress = NftRegister.R1,
                Port = NftRegister.W1,
                HighestPort = NftRegister.W1,
                Options = NftNatOptions.MapAddresses | NftNatOptions.PortsSpecified,
            });

    private static NftRule Rule(string chain, string comment, NftRuleBuilder rule) => new(Family, Name, chain, rule.Build()) { Comment = CommentPrefix + comment };
}
