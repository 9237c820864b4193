using System.Globalization;
using System.Text;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>The chains for what a container sends beyond its host.</summary>
internal static class EgressChains
{
    internal const string NetOut = "netout";
    internal const string Groups = "asg";

    private const int MostRates = 65535;

    // nft's numbers of these types: TYPE_ICMP_TYPE, TYPE_ICMP_CODE, TYPE_ICMP6_TYPE and TYPE_ICMPV6_CODE of its datatype.h
    private static NftDataType IcmpType(bool ipv4) => new(ipv4 ? 14u : 29u, 1);

    private static NftDataType IcmpCode(bool ipv4) => new(ipv4 ? 32u : 33u, 1);

    /// <summary>What holds for a container whatever its security groups are, and what happens to what none of them lets through.</summary>
    internal static SharedChain MakeNetOut(RuleConfig config, string? workload, string handle, bool ipv4)
    {
        var denied = config.Denied(workload).Where(network => network.IsIPv4 == ipv4).ToList();
        var limit = config.Limit;
        var logs = config.LogGroups || limit is { Log: true } or { DryRun: true };
        var content = string.Create(CultureInfo.InvariantCulture, $"{limit}|{string.Join(',', denied)}|{config.LogGroups}|{(logs ? $"{handle}|{config.DeniedLogsPerSecond}" : "")}");
        return SharedChain.Of(NetOut, content, (writer, chain) =>
        {
            writer.Chain(chain.Name);
            writer.Rule(chain.Name, writer.New().Transport(EgressRule.Tcp).State(NftConnectionState.Invalid).Drop());
            if (limit is not null)
                AddLimit(writer, chain, limit, handle, config.DeniedLogsPerSecond);
            if (denied.Count > 0)
                writer.Rule(chain.Name, writer.New().DestinationIn(writer.Anonymous(writer.Address, ChainWriter.Ranges(denied), interval: true), writer.IPv4).Add(writer.PortUnreachable));
            writer.Rule(chain.Name, writer.New().LoadAddress(source: true, writer.IPv4).VerdictFrom(new NftSetReference(CfTable.V4.SecurityGroups.Name)));
            if (config.LogGroups)
                writer.Rule(chain.Name, writer.New().Add(ChainWriter.Rate(config.DeniedLogsPerSecond)).Add(ChainWriter.Log("DENY_", handle)));
            writer.Rule(chain.Name, writer.New().Add(writer.PortUnreachable));
        });
    }

    /// <summary>What security groups let through: every packet is looked up in three maps at most, however many rules there are.</summary>
    /// <param name="rules">The rules in the order in which packets meet them.</param>
    /// <param name="accepted">What happens to what they let through.</param>
    /// <param name="log">Whether everything is logged, whatever the rules say; null where nothing is.</param>
    /// <param name="handle">The container, for the log.</param>
    /// <param name="udpLogsPerSecond">How many packets of UDP are logged.</param>
    internal static SharedChain MakeGroups(IReadOnlyList<EgressRule> rules, NftVerdict accepted, bool? log, string handle, int udpLogsPerSecond)
    {
        var effective = rules.Select(rule => rule with { Log = log is { } all && (all || rule.Log) }).ToList();
        var logs = effective.Exists(rule => rule.Log);
        var content = new StringBuilder().Append(accepted).Append(logs ? string.Create(CultureInfo.InvariantCulture, $"|{handle}|{udpLogsPerSecond}") : "");
        foreach (var rule in effective)
            content.Append(rule);
        return SharedChain.Of(Groups, content.ToString(), (writer, chain) =>
        {
            writer.Chain(chain.Name);
            if (logs)
                AddLog(writer, chain.LogName, accepted, handle, udpLogsPerSecond);
            AddRules(writer, chain, effective, box => box.Log ? NftVerdict.Goto(chain.LogName) : accepted);
        });
    }

    /// <summary>Adds look-ups for rules to a chain.</summary>
    internal static void AddRules(ChainWriter writer, SharedChain chain, List<EgressRule> rules, Func<EgressBox, NftVerdict> verdict)
    {
        // Rules for all protocols have a map by address of their own; among the others they count only where they may decide what is logged.
        var mixed = rules.Exists(rule => rule.Log != rules[0].Log);
        var behind = writer.Behind(addresses: 1);
        var ports = new List<NftSetElement>();
        foreach (var protocol in (ReadOnlySpan<byte>)[EgressRule.Tcp, EgressRule.Udp])
        {
            foreach (var box in Boxes(protocol, 0))
            {
                ports.Add(new NftSetElement(NftKey.Concatenate(First(writer, box), [protocol], NftKey.Port(box.FirstPort)))
                {
                    LastKey = NftKey.Concatenate(Last(writer, box), [protocol], NftKey.Port(box.LastPort)),
                    Data = new NftData(verdict(box)),
                });
            }
        }

        var icmpProtocol = writer.IPv4 ? EgressRule.Icmp : EgressRule.IcmpV6;
        var icmp = Boxes(icmpProtocol, 0).SelectMany(box => OfTypes(writer, box, verdict)).ToList();
        var any = EgressBox.Of(rules.FindAll(rule => rule.Protocol == 0)).ConvertAll(box => new NftSetElement(First(writer, box)) { LastKey = Last(writer, box), Data = new NftData(verdict(box)) });
        if (ports.Count > 0)
        {
            var map = writer.Anonymous(NftDataType.Concatenation(writer.Address, NftDataType.InetProtocol, NftDataType.InetService), ports, interval: true, verdicts: true);
            writer.Rule(chain.Name, writer.New().LoadAddress(source: false, writer.IPv4).Add(new NftMeta(NftMetaKey.TransportProtocol, behind)).LoadDestinationPort(behind + 1).VerdictFrom(map));
        }

        if (icmp.Count > 0)
        {
            var map = writer.Anonymous(NftDataType.Concatenation(writer.Address, IcmpType(writer.IPv4), IcmpCode(writer.IPv4)), icmp, interval: true, verdicts: true);
            writer.Rule(chain.Name, writer.New().Transport(icmpProtocol).LoadAddress(source: false, writer.IPv4)
                .Add(new NftPayload(NftPayloadBase.Transport, 0, 1, behind)).Add(new NftPayload(NftPayloadBase.Transport, 1, 1, behind + 1)).VerdictFrom(map));
        }

        if (any.Count > 0)
            writer.Rule(chain.Name, writer.New().LoadAddress(source: false, writer.IPv4).VerdictFrom(writer.Anonymous(writer.Address, any, interval: true, verdicts: true)));

        List<EgressBox> Boxes(byte protocol, byte all) => rules.Exists(rule => rule.Protocol == protocol)
            ? EgressBox.Of(rules.Where(rule => rule.Protocol == protocol || (mixed && rule.Protocol == all)).Select(rule => rule.Protocol == all ? rule with { LastPort = ushort.MaxValue } : rule))
            : [];
    }

    private static void AddLog(ChainWriter writer, string chain, NftVerdict accepted, string handle, int udpLogsPerSecond)
    {
        writer.Chain(chain);
        writer.Rule(chain, writer.New().Add(new NftMeta(NftMetaKey.TransportProtocol)).Add(new NftCompare(NftOperator.NotEqual, new[] { EgressRule.Udp }))
            .State(NftConnectionState.Invalid | NftConnectionState.New | NftConnectionState.Untracked).Add(ChainWriter.Log("OK_", handle)));
        writer.Rule(chain, writer.New().Transport(EgressRule.Udp).Add(ChainWriter.Rate(udpLogsPerSecond)).Add(ChainWriter.Log("OK_", handle)));
        writer.Rule(chain, writer.New().Verdict(accepted));
    }

    // hashlimit of iptables by destination and port; here moreover by container, since containers share the chain.
    private static void AddLimit(ChainWriter writer, SharedChain chain, ConnectionLimit limit, string handle, int logsPerSecond)
    {
        writer.Transaction.Add(new NftSet(writer.Family, writer.Table, chain.RatesName, NftDataType.Concatenation(writer.Address, writer.Address, NftDataType.InetService))
        {
            Dynamic = true,
            Size = MostRates,
            Timeout = TimeSpan.FromSeconds(limit.ExpirySeconds),
            HasTimeouts = true,
        });
        writer.Chain(chain.LimitedName);
        if (limit.Log || limit.DryRun)
            writer.Rule(chain.LimitedName, writer.New().Add(ChainWriter.Rate(logsPerSecond)).Add(ChainWriter.Log("DENY_ORL_", handle)));
        if (!limit.DryRun)
            writer.Rule(chain.LimitedName, writer.New().Add(writer.PortUnreachable));
        writer.Rule(chain.Name, writer.New().Transport(EgressRule.Tcp).State(NftConnectionState.New)
            .LoadAddress(source: true, writer.IPv4).LoadAddress(source: false, writer.IPv4, writer.Behind(addresses: 1)).LoadDestinationPort(writer.Behind(addresses: 2))
            .Add(new NftDynamicSet(new NftSetReference(chain.RatesName), NftDynamicOperation.Update) { Each = new NftLimit((ulong)limit.PerSecond, Burst: (uint)limit.Burst, Inverted: true) })
            .Jump(chain.LimitedName));
    }

    // Types and codes of one range as ranges of both: part of the first type, whole types, part of the last.
    private static IEnumerable<NftSetElement> OfTypes(ChainWriter writer, EgressBox box, Func<EgressBox, NftVerdict> verdict)
    {
        for (int from = box.FirstPort; from <= box.LastPort;)
        {
            int type = from >> 8, code = from & 0xff, lastType = box.LastPort >> 8, lastCode = 0xff, until;
            if (code != 0 || type == lastType)
                (until, lastCode) = (type, type == lastType ? box.LastPort & 0xff : 0xff);
            else
                until = (box.LastPort & 0xff) == 0xff ? lastType : lastType - 1;
            yield return new NftSetElement(NftKey.Concatenate(First(writer, box), [(byte)type], [(byte)code]))
            {
                LastKey = NftKey.Concatenate(Last(writer, box), [(byte)until], [(byte)lastCode]),
                Data = new NftData(verdict(box)),
            };
            from = (until << 8) + lastCode + 1;
        }
    }

    private static byte[] First(ChainWriter writer, EgressBox box) => NftKey.Of(EgressRule.ToAddress(box.First, !writer.IPv4));

    private static byte[] Last(ChainWriter writer, EgressBox box) => NftKey.Of(EgressRule.ToAddress(box.Last, !writer.IPv4));
}
