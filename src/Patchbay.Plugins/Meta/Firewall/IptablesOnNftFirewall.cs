using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The same rules where iptables-nft(8) keeps them: read, removed and, for another backend's sake, made without it.</summary>
internal static class IptablesOnNftFirewall
{
    private const string Table = IptablesLayout.Table;
    private const string Forward = IptablesLayout.Forward;
    private const string Containers = IptablesLayout.Containers;

    /// <summary>What stands there, in the form of <see cref="IptablesLayout"/>; rules that are none of the layout's only say that they are there.</summary>
    internal static HashSet<string> Read(NftablesSocket nft, bool ipv4)
    {
        try
        {
            return ReadAll(nft, ipv4);
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            return []; // a kernel without nf_tables
        }
    }

    private static HashSet<string> ReadAll(NftablesSocket nft, bool ipv4)
    {
        var lines = new HashSet<string>();
        var family = IptablesOnNft.Family(ipv4);
        foreach (var chain in nft.ListChains(family, Table))
        {
            lines.Add(chain.Hook is null ? IptablesLayout.Chain(chain.Name) : $":{chain.Name} {(chain.Hook.Drop ? "DROP" : "ACCEPT")}");
        }

        foreach (var chain in new[] { Forward, Containers, IptablesLayout.Stage1, IptablesLayout.Stage2 })
        {
            foreach (var rule in nft.ListRules(family, Table, chain))
                lines.Add($"-A {chain} {Words(rule) ?? "(another rule)"}");
        }

        return lines;
    }

    /// <summary>Adds to a transaction what removes the rules of addresses.</summary>
    internal static void Remove(NftablesSocket nft, NftablesTransaction transaction, bool ipv4, IEnumerable<IPAddress> addresses)
    {
        var own = new HashSet<string>();
        foreach (var address in addresses)
        {
            own.Add(IptablesLayout.SourceRule(address));
            own.Add(IptablesLayout.ReplyRule(address));
        }

        if (own.Count == 0)
            return;
        var family = IptablesOnNft.Family(ipv4);
        foreach (var rule in nft.ListRules(family, Table, Containers))
        {
            if (own.Contains($"-A {Containers} {Words(rule)}"))
                transaction.DeleteRule(family, Table, Containers, rule.Handle, Tolerated.Missing);
        }
    }

    /// <summary>Makes what is missing of the layout but for a policy, in the encoding of iptables-nft(8).</summary>
    internal static void Open(NftablesSocket nft, FirewallTarget target, bool ipv4)
    {
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            Compose(transaction, Read(nft, ipv4), target, ipv4);
            return transaction;
        });
    }

    private static void Compose(NftablesTransaction transaction, HashSet<string> present, FirewallTarget target, bool ipv4)
    {
        var family = IptablesOnNft.Family(ipv4);
        var admin = target.Config.AdminChain;
        foreach (var chain in new[] { Containers, admin })
        {
            if (!present.Contains(IptablesLayout.Chain(chain)))
                transaction.Add(new NftChain(family, Table, chain));
        }

        if (!present.Contains(IptablesLayout.Jump(Forward, Containers)))
            transaction.Insert(Rule(Forward, rule => rule.Add(Comment(IptablesLayout.RulesComment)).Counter().Jump(Containers)));
        if (!present.Contains(IptablesLayout.Jump(Containers, admin)))
            transaction.Insert(Rule(Containers, rule => rule.Add(Comment(IptablesLayout.AdminComment)).Counter().Jump(admin)));
        foreach (var address in target.AddressesOf(ipv4))
        {
            if (!present.Contains(IptablesLayout.ReplyRule(address)))
                transaction.Add(Rule(Containers, rule => rule.Destination(address).Add(Replies()).Counter().Accept()));
            if (!present.Contains(IptablesLayout.SourceRule(address)))
                transaction.Add(Rule(Containers, rule => rule.Source(address).Counter().Accept()));
        }

        NftRule Rule(string chain, Func<NftRuleBuilder, NftRuleBuilder> compose) => new(family, Table, chain, compose(new NftRuleBuilder(family)).Build());
    }

    // The words of a rule, if it is one of the layout's: matches in the order in which iptables(8) writes them, counters and comments left out.
    private static string? Words(NftRule rule)
    {
        var words = new StringBuilder();
        for (var i = 0; i < rule.Expressions.Count; i++)
        {
            var next = i + 1 < rule.Expressions.Count ? rule.Expressions[i + 1] : null;
            switch (rule.Expressions[i])
            {
                case NftCounter:
                    break;
                case NftUnknown match when XtMatch.NameOf(match) == "comment":
                    break;
                case NftUnknown match when match.Data.Span.SequenceEqual(Replies().Data.Span):
                    words.Append(IptablesLayout.ReplyMatch).Append(' ');
                    break;
                case NftPayload { Header: NftPayloadBase.Network } field when next is NftCompare { Operator: NftOperator.Equal } whole && Side(field, rule.Family, whole) is { } side:
                    words.Append(side).Append(' ').Append(new IPAddress(whole.Value.Span)).Append(field.Length == 4 ? "/32 " : "/128 ");
                    i++;
                    break;
                case NftMeta { Key: NftMetaKey.InputName or NftMetaKey.OutputName, Set: false } key when next is NftCompare { Operator: NftOperator.Equal or NftOperator.NotEqual } name:
                    words.Append(name.Operator == NftOperator.Equal ? "" : "! ").Append(key.Key == NftMetaKey.InputName ? "-i " : "-o ");
                    words.Append(FirewallTable.InterfaceName(name.Value.Span)).Append(' ');
                    i++;
                    break;
                case NftImmediate { Data.Verdict: { } verdict } when next is null:
                    return Target(verdict) is { } target ? words.Append("-j ").Append(target).ToString() : null;
                default:
                    return null;
            }
        }

        return null;
    }

    private static string? Target(NftVerdict verdict) => verdict.Code switch
    {
        NftVerdictCode.Accept => "ACCEPT",
        NftVerdictCode.Drop => "DROP",
        NftVerdictCode.Return => "RETURN",
        NftVerdictCode.Jump => verdict.Chain,
        _ => null,
    };

    // RFC 791 section 3.1, RFC 8200 section 3
    private static string? Side(NftPayload field, NftFamily family, NftCompare whole)
    {
        if (field.Length != whole.Value.Length)
            return null;
        return (family, field.Offset, field.Length) switch
        {
            (NftFamily.Ip, 12, 4) or (NftFamily.Ip6, 8, 16) => "-s",
            (NftFamily.Ip, 16, 4) or (NftFamily.Ip6, 24, 16) => "-d",
            _ => null,
        };
    }

    // struct xt_conntrack_mtinfo3 (include/uapi/linux/netfilter/xt_conntrack.h), as revision 3 of the match has it: the state alone.
    private const int ConntrackInfoSize = 168; // 164, aligned as XT_ALIGN() does
    private const int ConntrackFlagsOffset = 146;
    private const int ConntrackStatesOffset = 150;
    private const ushort XT_CONNTRACK_STATE = 1;
    private const ushort RelatedOrEstablished = 4 | 2; // XT_CONNTRACK_STATE_BIT()
    private const uint ConntrackRevision = 3;
    private const int CommentInfoSize = 256; // struct xt_comment_info

    private static NftUnknown Replies()
    {
        var info = new byte[ConntrackInfoSize];
        MemoryMarshal.Write(info.AsSpan(ConntrackFlagsOffset), XT_CONNTRACK_STATE);
        MemoryMarshal.Write(info.AsSpan(ConntrackStatesOffset), RelatedOrEstablished);
        return XtMatch.Make("conntrack", ConntrackRevision, info);
    }

    private static NftUnknown Comment(string text)
    {
        var info = new byte[CommentInfoSize];
        Encoding.UTF8.GetBytes(text, info);
        return XtMatch.Make("comment", 0, info);
    }
}
