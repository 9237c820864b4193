using System.Globalization;
using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper.Native;

namespace Patchbay.Plugins.Meta.Wrapper.Iptables;

/// <summary>The rules of one container in the words of <c>iptables -S</c>, chain for chain and rule for rule the reference's.</summary>
internal sealed class WrapperRules
{
    internal const string NetOut = "netout";
    internal const string NetIn = "netin";
    internal const string Input = "input";
    internal const string Overlay = "overlay";
    internal const string Log = "log";
    internal const string LimitLog = "rl-log";

    private const string Reject = "-j REJECT --reject-with icmp-port-unreachable";

    private readonly ContainerNetwork _container;
    private readonly RuleConfig _config;

    internal WrapperRules(ContainerNetwork container)
    {
        _container = container;
        _config = container.Config;
        Ip = $"{container.Address}/32";
    }

    private string Handle => _container.Handle;

    private string Ip { get; }

    /// <summary>Every chain that a container of a handle may have, by table.</summary>
    internal static IReadOnlyDictionary<string, string[]> ChainsOf(string handle) => new Dictionary<string, string[]>
    {
        ["filter"] =
        [
            ChainName.Of(Input, handle), ChainName.Of(NetOut, handle), ChainName.Of(NetOut, handle, Log), ChainName.Of(NetOut, handle, LimitLog), ChainName.Of(Overlay, handle),
        ],
        ["nat"] = [ChainName.Of(NetIn, handle)],
        ["mangle"] = [ChainName.Of(NetIn, handle)],
    };

    /// <summary>The rule that masquerades what leaves the host.</summary>
    internal string MasqueradeRule => $"-A POSTROUTING -s {Ip}{(_config.NoMasquerade is { } overlay ? $" ! -d {overlay}" : "")} ! -o {_config.Vtep} -j MASQUERADE";

    /// <summary>Chains and rules of each table.</summary>
    /// <param name="groups">Whether security groups are among them, or come later or from the agent.</param>
    internal IptablesScript Script(bool groups)
    {
        var script = new IptablesScript();
        AddHost(script);
        AddNetOut(script, groups);
        AddOverlay(script);
        AddNetIn(script);
        script.Rule("nat", MasqueradeRule);
        return script;
    }

    /// <summary>Security groups alone, to be put into the chain that <see cref="Script"/> made without.</summary>
    internal IptablesScript GroupsScript()
    {
        var script = new IptablesScript();
        var chain = ChainName.Of(NetOut, Handle);
        var at = 3 + (_config.Limit is null ? 0 : 1) + _config.Denied(_container.Workload).Count();
        foreach (var rule in GroupRules())
            script.Rule("filter", string.Create(CultureInfo.InvariantCulture, $"-I {chain} {at++}{rule.AsSpan($"-A {chain}".Length)}"));
        return script;
    }

    private IEnumerable<string> GroupRules() =>
        _container.Groups.Select(rule => Group(ChainName.Of(NetOut, Handle), rule, _config.LogGroups || rule.Log ? $"-g {ChainName.Of(NetOut, Handle, Log)}" : "-j ACCEPT"));

    // What goes from the container to the host itself.
    private void AddHost(IptablesScript script)
    {
        var chain = Chain(script, "filter", ChainName.Of(Input, Handle));
        script.Rule("filter", $"-A INPUT -s {Ip} -j {chain}");
        script.Rule("filter", $"-A {chain} -m state --state RELATED,ESTABLISHED -j ACCEPT");
        foreach (var server in _config.HostDns)
        {
            foreach (var protocol in (ReadOnlySpan<byte>)[EgressRule.Tcp, EgressRule.Udp])
                script.Rule("filter", Service(chain, server, protocol, 53));
        }

        foreach (var service in _config.HostServices)
            script.Rule("filter", Service(chain, service.Address, service.Protocol, service.Port));
        script.Rule("filter", $"-A {chain} {Reject}");
    }

    private void AddNetOut(IptablesScript script, bool groups)
    {
        var chain = Chain(script, "filter", ChainName.Of(NetOut, Handle));
        var log = Chain(script, "filter", ChainName.Of(NetOut, Handle, Log));
        foreach (var underlay in _container.Underlays)
            script.Rule("filter", $"-A FORWARD -s {Ip} -o {underlay} -j {chain}");
        script.Rule("filter", $"-A {chain} -m state --state RELATED,ESTABLISHED -j ACCEPT");
        script.Rule("filter", $"-A {chain} -p tcp -m state --state INVALID -j DROP");
        if (_config.Limit is { } limit)
            AddLimit(script, chain, limit);
        foreach (var network in _config.Denied(_container.Workload))
            script.Rule("filter", $"-A {chain} -d {network} {Reject}");
        if (groups)
        {
            foreach (var rule in GroupRules())
                script.Rule("filter", rule);
        }

        if (_config.LogGroups)
            script.Rule("filter", $"-A {chain} {Limited(_config.DeniedLogsPerSecond)} {LogTo("DENY_")}");
        script.Rule("filter", $"-A {chain} {Reject}");

        script.Rule("filter", $"-A {log} ! -p udp -m conntrack --ctstate INVALID,NEW,UNTRACKED {LogTo("OK_")}");
        script.Rule("filter", $"-A {log} -p udp {Limited(_config.AcceptedUdpLogsPerSecond)} {LogTo("OK_")}");
        script.Rule("filter", $"-A {log} -j ACCEPT");
    }

    private void AddLimit(IptablesScript script, string chain, ConnectionLimit limit)
    {
        var target = Reject;
        if (limit.Log || limit.DryRun)
        {
            var beyond = Chain(script, "filter", ChainName.Of(NetOut, Handle, LimitLog));
            script.Rule("filter", $"-A {beyond} {Limited(_config.DeniedLogsPerSecond)} {LogTo("DENY_ORL_")}");
            if (!limit.DryRun)
                script.Rule("filter", $"-A {beyond} {Reject}");
            target = $"-j {beyond}";
        }

        script.Rule("filter", string.Create(
            CultureInfo.InvariantCulture,
            $"-A {chain} -p tcp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above {limit.PerSecond}/sec --hashlimit-burst {limit.Burst} --hashlimit-mode dstip,dstport --hashlimit-name {Handle} --hashlimit-htable-expire {limit.ExpirySeconds * 1000} {target}"));
    }

    private void AddOverlay(IptablesScript script)
    {
        var chain = Chain(script, "filter", ChainName.Of(Overlay, Handle));
        script.Rule("filter", $"-A FORWARD -j {chain}");
        script.Rule("filter", $"-A {chain} -s {Ip} -o {_config.Vtep} -m mark ! --mark 0x0 -j ACCEPT");
        script.Rule("filter", $"-A {chain} -d {Ip} -m state --state RELATED,ESTABLISHED -j ACCEPT");
        script.Rule("filter", $"-A {chain} -d {Ip} -m mark --mark {Tag} -j ACCEPT");
        if (_config.LogContainers)
            script.Rule("filter", $"-A {chain} -d {Ip} {Limited(_config.DeniedLogsPerSecond)} {LogTo("DENY_C2C_")}");
        script.Rule("filter", $"-A {chain} -d {Ip} {Reject}");
    }

    private void AddNetIn(IptablesScript script)
    {
        var chain = ChainName.Of(NetIn, Handle);
        foreach (var table in (ReadOnlySpan<string>)["nat", "mangle"])
        {
            Chain(script, table, chain);
            script.Rule(table, $"-A PREROUTING -j {chain}");
        }

        foreach (var port in _container.Ports)
        {
            script.Rule("nat", $"-A {chain} -d {_config.InstanceAddress}/32 -p tcp -m tcp --dport {port.HostPort} -j DNAT --to-destination {_container.Address}:{port.ContainerPort}");
            foreach (var underlay in _container.Underlays)
                script.Rule("mangle", $"-A {chain} -d {_config.InstanceAddress}/32 -i {underlay} -p tcp -m tcp --dport {port.HostPort} -j MARK --set-xmark {Tag}/0xffffffff");
        }
    }

    private string Tag => $"0x{_config.IngressTag.ToString("x", CultureInfo.InvariantCulture)}";

    private string LogTo(string word) => $"-j LOG --log-prefix \"{ChainWriter.LogPrefix(word, Handle)}\"";

    // A burst of five is iptables' own, which it does not print.
    private static string Limited(int perSecond) => string.Create(CultureInfo.InvariantCulture, $"-m limit --limit {perSecond}/sec{(perSecond == 5 ? "" : $" --limit-burst {perSecond}")}");

    private static string Service(string chain, IPAddress address, byte protocol, ushort port)
    {
        var word = Word(protocol);
        return string.Create(CultureInfo.InvariantCulture, $"-A {chain} -d {IpText.Format(address)}/32 -p {word} -m {word} --dport {port} -j ACCEPT");
    }

    /// <summary>A rule of a security group.</summary>
    internal static string Group(string chain, EgressRule rule, string target, string source = "")
    {
        var match = $"-A {chain}{source}{(rule.Protocol == 0 ? "" : $" -p {Word(rule.Protocol)}")} -m iprange --dst-range {rule.Range}";
        if (rule.Protocol == 0)
            return $"{match} {target}";
        if (rule.Protocol == EgressRule.Icmp)
            return $"{match} -m icmp --icmp-type {IcmpType(rule)} {target}";
        var ports = rule.FirstPort == rule.LastPort ? $"{rule.FirstPort}" : $"{rule.FirstPort}:{rule.LastPort}";
        return $"{match} -m {Word(rule.Protocol)} --dport {ports} {target}";
    }

    private static string IcmpType(EgressRule rule)
    {
        var type = rule.FirstPort >> 8;
        if (rule.FirstPort == rule.LastPort)
            return string.Create(CultureInfo.InvariantCulture, $"{type}/{rule.FirstPort & 0xff}");
        return rule.LastPort == ushort.MaxValue && type == 0 ? "any" : type.ToString(CultureInfo.InvariantCulture);
    }

    private static string Word(byte protocol) => protocol switch { EgressRule.Tcp => "tcp", EgressRule.Udp => "udp", _ => "icmp" };

    private static string Chain(IptablesScript script, string table, string name)
    {
        script.Chain(table, name);
        return name;
    }
}
