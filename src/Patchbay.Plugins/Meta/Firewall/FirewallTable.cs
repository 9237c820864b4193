using System.Net;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>What <c>table inet cni_firewall</c> consists of. docs/firewall.md shows it as nft(8) does.</summary>
internal static class FirewallTable
{
    internal const NftFamily Family = NftFamily.Inet;
    internal const string Name = "cni_firewall";
    internal const string Forward = "forward";
    internal const string Policy = "ingress_policy";
    internal const string Overrides = "admin_overrides";
    internal const string Attachments = "policy_attachments";

    /// <summary>Comments of the rules that are ours begin so; others in these chains are left alone.</summary>
    internal const string CommentPrefix = "CNI firewall plugin";

    /// <summary>The containers' addresses. Each element tells in its comment whose it is, whatever backend opens its path.</summary>
    internal static NftSet Addresses(bool ipv4) => new(Family, Name, ipv4 ? "containers4" : "containers6", ipv4 ? NftDataType.Ipv4Address : NftDataType.Ipv6Address);

    /// <summary>The bridges that have a policy.</summary>
    internal static NftSet Bridges { get; } = new(Family, Name, "policy_bridges", NftDataType.InterfaceName);

    /// <summary>What happens to what comes from a bridge and goes back to it.</summary>
    internal static NftSet WithinBridge { get; } =
        new(Family, Name, "within_bridge", NftDataType.Concatenation(NftDataType.InterfaceName, NftDataType.InterfaceName)) { DataType = NftDataType.Verdict };

    /// <summary>The ports of isolated containers, in the table of the same name for bridges.</summary>
    internal static NftSet IsolatedPorts { get; } = new(NftFamily.Bridge, Name, "isolated_ports", NftDataType.InterfaceName);

    /// <summary>The table and the sets of addresses, which every backend has for knowing its own.</summary>
    internal static void AddRegister(NftablesTransaction transaction)
    {
        transaction.Add(new NftTable(Family, Name) { Comment = "Addresses and policies of containers, by the CNI plugin firewall" });
        transaction.Add(Addresses(ipv4: true));
        transaction.Add(Addresses(ipv4: false));
    }

    /// <summary>The chains. The base chain is made once and never changed, so that its policy is the administrator's.</summary>
    internal static void AddChains(NftablesTransaction transaction, bool withBase)
    {
        transaction.Add(Bridges);
        transaction.Add(WithinBridge);
        foreach (var chain in new[] { Policy, Overrides, Attachments })
            transaction.Add(new NftChain(Family, Name, chain));
        if (withBase)
            transaction.Add(new NftChain(Family, Name, Forward) { Hook = new NftHook("filter", NftHookPoint.Forward, Priority: 0) });
    }

    /// <summary>The rules that are the same on every host, in their order.</summary>
    internal static NftRule[] BaseRules() =>
    [
        Rule(Forward, "policies", rule => rule.Jump(Policy)),
        Rule(Forward, "admin overrides", rule => rule.Jump(Overrides)),
        Rule(Forward, "replies", rule => rule.DestinationIn(Set(ipv4: true), ipv4: true).State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule(Forward, "containers", rule => rule.SourceIn(Set(ipv4: true), ipv4: true).Accept()),
        Rule(Forward, "replies", rule => rule.DestinationIn(Set(ipv4: false), ipv4: false).State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule(Forward, "containers", rule => rule.SourceIn(Set(ipv4: false), ipv4: false).Accept()),
        Rule(Policy, "within a bridge", rule => rule.Add(new NftMeta(NftMetaKey.InputName)).Add(new NftMeta(NftMetaKey.OutputName, NftRegister.R2))
            .VerdictFrom(new NftSetReference(WithinBridge.Name))),
        Rule(Policy, "between bridges", rule => rule.Add(new NftMeta(NftMetaKey.InputName)).Add(new NftLookup(new NftSetReference(Bridges.Name)))
            .Add(new NftMeta(NftMetaKey.OutputName)).Add(new NftLookup(new NftSetReference(Bridges.Name))).Drop()),
    ];

    /// <summary>The jump to an administrator's chain.</summary>
    internal static NftRule AdminJump(string chain) => Rule(Overrides, "admin overrides", rule => rule.Jump(chain));

    /// <summary>A rule that nothing ever comes by: it keeps a bridge's policy in place for as long as an attachment wants it.</summary>
    internal static NftRule Attachment(string bridge, bool isolated, string comment) =>
        new(Family, Name, Attachments, (isolated ? new NftRuleBuilder(Family).Input(bridge).Output(bridge).Drop() : new NftRuleBuilder(Family).Input(bridge).Return()).Build()) { Comment = comment };

    /// <summary>The bridge and the policy that <see cref="Attachment"/> wrote down.</summary>
    internal static (string Bridge, bool Isolated)? AttachmentOf(NftRule rule)
    {
        if (rule.Expressions is [NftMeta { Key: NftMetaKey.InputName }, NftCompare name, ..])
            return (InterfaceName(name.Value.Span), rule.Expressions[^1] is NftImmediate { Data.Verdict.Code: NftVerdictCode.Drop });
        return null;
    }

    /// <summary>Element of <see cref="WithinBridge"/>.</summary>
    internal static NftSetElement Within(string bridge, bool isolated) => WithinKey(bridge) with { Data = new NftData(isolated ? NftVerdict.Drop : NftVerdict.Return) };

    /// <summary>The key of <see cref="Within"/>.</summary>
    internal static NftSetElement WithinKey(string bridge) => new(NftKey.Concatenate(NftKey.Interface(bridge), NftKey.Interface(bridge)));

    /// <summary>The name in a key or a comparison, without the zeros that fill it up.</summary>
    internal static string InterfaceName(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return System.Text.Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>An address as an element of the set of its family.</summary>
    internal static NftSetElement Element(IPAddress address, string? comment = null) => new(NftKey.Of(address)) { Comment = comment };

    private static NftSetReference Set(bool ipv4) => new(Addresses(ipv4).Name);

    private static NftRule Rule(string chain, string comment, Func<NftRuleBuilder, NftRuleBuilder> compose) =>
        new(Family, Name, chain, compose(new NftRuleBuilder(Family)).Build()) { Comment = $"{CommentPrefix}: {comment}" };
}
