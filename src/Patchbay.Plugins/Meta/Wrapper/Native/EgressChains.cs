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

    private static NftDataType Address => NftDataType.Ipv4Address;

    // nft's numbers of these types: TYPE_ICMP_TYPE and TYPE_ICMP_CODE of its datatype.h
    private static NftDataType IcmpType { get; } = new(14, 1);

    private static NftDataType IcmpCode { get; } = new(32, 1);

    /// <summary>What holds for a container whatever its security groups are, and what happens to what none of them lets through.</summary>
    internal static SharedChain MakeNetOut(RuleConfig config, string? workload, string handle)
    {
        var denied = config.Denied(workload).ToList();
        var limit = config.Limit;
        var logs = config.LogGroups || limit is { Log: true } or { DryRun: true };
        var content = string.Create(CultureInfo.InvariantCulture, $"{limit}|{string.Join(',', denied)}|{config.LogGroups}|{(logs ? $"{handle}|{config.DeniedLogsPerSecond}" : "")}");
        return SharedChain.Of(NetOut, content, (writer, chain) =>
        {
            writer.Chain(chain.Name);
            writer.Rule(chain.Name, ChainWriter.New().Transport(EgressRule.Tcp).State(NftConnectionState.Invalid).Drop());
            if (limit is not null)
                AddLimit(writer, chain, limit, handle, config.DeniedLogsPerSecond);
            if (denied.Count > 0)
                writer.Rule(chain.Name, ChainWriter.New().DestinationIn(writer.Anonymous(Address, ChainWriter.Ranges(denied), interval: true), ipv4: true).Add(ChainWriter.PortUnreachable));
            writer.Rule(chain.Name, ChainWriter.New().LoadAddress(source: true, ipv4: true).VerdictFrom(new NftSetReference(CfTable.SecurityGroups.Name)));
            if (config.LogGroups)
                writer.Rule(chain.Name, ChainWriter.New().Add(ChainWriter.Rate(config.DeniedLogsPerSecond)).Add(ChainWriter.Log("DENY_", handle)));
            writer.Rule(chain.Name, ChainWriter.New().Add(ChainWriter.PortUnreachable));
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
        var ports = new List<NftSetElement>();
        foreach (var protocol in (ReadOnlySpan<byte>)[EgressRule.Tcp, EgressRule.Udp])
        {
            foreach (var box in Boxes(protocol, 0))
            {
                ports.Add(new NftSetElement(NftKey.Concatenate(First(box), [protocol], NftKey.Port(box.FirstPort)))
                {
                    LastKey = NftKey.Concatenate(Last(box), [protocol], NftKey.Port(box.LastPort)),
                    Data = new NftData(verdict(box)),
                });
            }
        }

        var icmp = Boxes(EgressRule.Icmp, 0).SelectMany(box => OfTypes(box, verdict)).ToList();
        var any = EgressBox.Of(rules.FindAll(rule => rule.Protocol == 0)).ConvertAll(box => new NftSetElement(First(box)) { LastKey = Last(box), Data = new NftData(verdict(box)) });
        if (ports.Count > 0)
        {
            var map = writer.Anonymous(NftDataType.Concatenation(Address, NftDataType.InetProtocol, NftDataType.InetService), ports, interval: true, verdicts: true);
            writer.Rule(chain.Name, ChainWriter.New().LoadAddress(source: false, ipv4: true).Add(new NftMeta(NftMetaKey.TransportProtocol, NftRegister.W1)).LoadDestinationPort(NftRegister.W2).VerdictFrom(map));
        }

        if (icmp.Count > 0)
        {
            var map = writer.Anonymous(NftDataType.Concatenation(Address, IcmpType, IcmpCode), icmp, interval: true, verdicts: true);
            writer.Rule(chain.Name, ChainWriter.New().Transport(EgressRule.Icmp).LoadAddress(source: false, ipv4: true)
                .Add(new NftPayload(NftPayloadBase.Transport, 0, 1, NftRegister.W1)).Add(new NftPayload(NftPayloadBase.Transport, 1, 1, NftRegister.W2)).VerdictFrom(map));
        }

        if (any.Count > 0)
            writer.Rule(chain.Name, ChainWriter.New().LoadAddress(source: false, ipv4: true).VerdictFrom(writer.Anonymous(Address, any, interval: true, verdicts: true)));

        List<EgressBox> Boxes(byte protocol, byte all) => rules.Exists(rule => rule.Protocol == protocol)
            ? EgressBox.Of(rules.Where(rule => rule.Protocol == protocol || (mixed && rule.Protocol == all)).Select(rule => rule.Protocol == all ? rule with { LastPort = ushort.MaxValue } : rule))
            : [];
    }

    private static void AddLog(ChainWriter writer, string chain, NftVerdict accepted, string handle, int udpLogsPerSecond)
    {
        writer.Chain(chain);
        writer.Rule(chain, ChainWriter.New().Add(new NftMeta(NftMetaKey.TransportProtocol)).Add(new NftCompare(NftOperator.NotEqual, new[] { EgressRule.Udp }))
            .State(NftConnectionState.Invalid | NftConnectionState.New | NftConnectionState.Untracked).Add(ChainWriter.Log("OK_", handle)));
        writer.Rule(chain, ChainWriter.New().Transport(EgressRule.Udp).Add(ChainWriter.Rate(udpLogsPerSecond)).Add(ChainWriter.Log("OK_", handle)));
        writer.Rule(chain, ChainWriter.New().Verdict(accepted));
    }

    // hashlimit of iptables by destination and port; here moreover by container, since containers share the chain.
    private static void AddLimit(ChainWriter writer, SharedChain chain, ConnectionLimit limit, string handle, int logsPerSecond)
    {
        writer.Transaction.Add(new NftSet(CfTable.Family, writer.Table, chain.RatesName, NftDataType.Concatenation(Address, Address, NftDataType.InetService))
        {
            Dynamic = true,
            Size = MostRates,
            Timeout = TimeSpan.FromSeconds(limit.ExpirySeconds),
            HasTimeouts = true,
        });
        writer.Chain(chain.LimitedName);
        if (limit.Log || limit.DryRun)
            writer.Rule(chain.LimitedName, ChainWriter.New().Add(ChainWriter.Rate(logsPerSecond)).Add(ChainWriter.Log("DENY_ORL_", handle)));
        if (!limit.DryRun)
            writer.Rule(chain.LimitedName, ChainWriter.New().Add(ChainWriter.PortUnreachable));
        writer.Rule(chain.Name, ChainWriter.New().Transport(EgressRule.Tcp).State(NftConnectionState.New)
            .LoadAddress(source: true, ipv4: true).LoadAddress(source: false, ipv4: true, NftRegister.W1).LoadDestinationPort(NftRegister.W2)
            .Add(new NftDynamicSet(new NftSetReference(chain.RatesName), NftDynamicOperation.Update) { Each = new NftLimit((ulong)limit.PerSecond, Burst: (uint)limit.Burst, Inverted: true) })
            .Jump(chain.LimitedName));
    }

    // Types and codes of one range as ranges of both: part of the first type, whole types, part of the last.
    private static IEnumerable<NftSetElement> OfTypes(EgressBox box, Func<EgressBox, NftVerdict> verdict)
    {
        for (int from = box.FirstPort; from <= box.LastPort;)
        {
            int type = from >> 8, code = from & 0xff, lastType = box.LastPort >> 8, lastCode = 0xff, until;
            if (code != 0 || type == lastType)
                (until, lastCode) = (type, type == lastType ? box.LastPort & 0xff : 0xff);
            else
                until = (box.LastPort & 0xff) == 0xff ? lastType : lastType - 1;
            yield return new NftSetElement(NftKey.Concatenate(First(box), [(byte)type], [(byte)code]))
            {
                LastKey = NftKey.Concatenate(Last(box), [(byte)until], [(byte)lastCode]),
                Data = new NftData(verdict(box)),
            };
            from = (until << 8) + lastCode + 1;
        }
    }

    private static byte[] First(EgressBox box) => NftKey.Of(EgressRule.ToAddress(box.First));

    private static byte[] Last(EgressBox box) => NftKey.Of(EgressRule.ToAddress(box.Last));
}
