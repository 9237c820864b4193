using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The rules of one interface of a container in one family, as commands of iptables-restore(8).</summary>
internal sealed class IptablesRules
{
    private const int PortsOfMultiport = 15; // XT_MULTI_PORTS

    private readonly bool _ipv4;
    private readonly PortmapConfig _config;
    private readonly string _chain;

    internal IptablesRules(bool ipv4, PortOwner owner, PortmapConfig config, IpPrefix address, string chain)
    {
        (_ipv4, _config, _chain) = (ipv4, config, chain);
        Mappings = [.. config.Mappings.Where(mapping => mapping.AppliesTo(ipv4))];
        var mark = Mark(config.MarkBit);
        MarkRule = $"-A {IptablesHostPorts.SetMark} -m comment --comment \"CNI portfwd masquerade mark\" -j MARK --set-xmark {mark}";
        MasqueradeRule = $"-A {IptablesHostPorts.Masq} -m mark --mark {mark} -j MASQUERADE";
        Entries = [.. EntriesOf(owner)];
        Own = [.. OwnOf(address)];
        OwnerRule = ChainOwner.Rule(chain, owner.IfName);
    }

    internal IReadOnlyList<PortMapping> Mappings { get; }

    internal string MarkRule { get; }

    internal string MasqueradeRule { get; }

    internal const string MasqueradeJump = $"-I POSTROUTING 1 -m comment --comment \"CNI portfwd requiring masquerade\" -j {IptablesHostPorts.Masq}";

    /// <summary>Jumps from the chain of all containers to that of this one, a protocol and at most 15 ports each.</summary>
    internal IReadOnlyList<string> Entries { get; }

    /// <summary>The rules of the container's chain.</summary>
    internal IReadOnlyList<string> Own { get; }

    /// <summary>The last rule of that chain, which tells the interface.</summary>
    internal string OwnerRule { get; }

    /// <summary>Whether marks and their masquerading are ours to make.</summary>
    internal bool Masquerades => _config.Snat && _config.ExternalSetMarkChain is null;

    internal static string DnatJump(string from) => $"-A {from} -m addrtype --dst-type LOCAL -j {IptablesHostPorts.Dnat}";

    /// <summary>Writes the commands for what is missing.</summary>
    internal void Write(StringBuilder commands, IptablesState present)
    {
        // "-N" fails where ":CHAIN" would empty what another ADD has just made.
        var chains = new StringBuilder();
        var rules = new StringBuilder();
        if (Masquerades)
        {
            Chain(IptablesHostPorts.SetMark, present.HasSetMark);
            Rule(MarkRule, present.HasRule(MarkRule, present.HasSetMark));
            Chain(IptablesHostPorts.Masq, present.HasMasq);
            Rule(MasqueradeRule, present.HasRule(MasqueradeRule, present.HasMasq));
            Rule(MasqueradeJump, present.HasMasqueradeJump);
        }

        Chain(IptablesHostPorts.Dnat, present.HasDnat);
        Rule(DnatJump("PREROUTING"), present.HasPreroutingJump);
        Rule(DnatJump("OUTPUT"), present.HasOutputJump);
        var own = present.OwnLines(_chain);
        Chain(_chain, own is not null);
        var has = IptablesState.Canonical(own ?? []);
        foreach (var rule in Own)
            Rule(rule, IptablesState.Contains(has, rule));
        Rule(OwnerRule, IptablesState.Contains(has, OwnerRule));
        foreach (var rule in Entries)
            Rule(rule, IptablesState.Contains(has, rule));
        commands.Append(chains).Append(rules);

        void Chain(string name, bool exists)
        {
            if (!exists)
                chains.Append(CultureInfo.InvariantCulture, $"-N {name}\n");
        }

        void Rule(string rule, bool exists)
        {
            if (!exists)
                rules.Append(rule).Append('\n');
        }
    }

    private static string Mark(int bit) => string.Create(CultureInfo.InvariantCulture, $"0x{1u << bit:x}/0x{1u << bit:x}");

    private IEnumerable<string> EntriesOf(PortOwner owner)
    {
        var comment = owner.ChainComment.Replace("\"", "\\\"", StringComparison.Ordinal);
        var conditions = string.Concat(_config.Conditions(_ipv4).Select(word => " " + Quoted(word)));
        // All ports of the configuration, even those of the other family alone, as with the reference.
        foreach (var protocol in _config.Mappings.GroupBy(mapping => mapping.Protocol.Word()).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            foreach (var ports in protocol.Select(mapping => mapping.HostPort).Distinct().Chunk(PortsOfMultiport))
                yield return $"-A {IptablesHostPorts.Dnat} -m comment --comment \"{comment}\" -m multiport -p {protocol.Key} --destination-ports {string.Join(',', ports)}{conditions} -j {_chain}";
        }
    }

    private IEnumerable<string> OwnOf(IpPrefix address)
    {
        var mark = _config.ExternalSetMarkChain ?? IptablesHostPorts.SetMark;
        foreach (var mapping in Mappings)
        {
            var match = $"-A {_chain} -p {mapping.Protocol.Word()} --dport {mapping.HostPort.ToString(CultureInfo.InvariantCulture)}"
                + (mapping.HostIp is { } ip ? $" -d {IpText.Format(ip)}" : "");
            if (_config.Snat && _config.MasqueradeAll)
            {
                yield return $"{match} -s {(_ipv4 ? "0.0.0.0/0" : "::/0")} -j {mark}";
            }
            else if (_config.Snat)
            {
                yield return $"{match} -s {address.Network} -j {mark}";
                if (_ipv4)
                    yield return $"{match} -s 127.0.0.1 -j {mark}";
            }

            var target = IpText.Format(address.Address);
            yield return $"{match} -j DNAT --to-destination {(_ipv4 ? target : $"[{target}]")}:{mapping.ContainerPort.ToString(CultureInfo.InvariantCulture)}";
        }
    }

    // One word of a line of iptables-restore, which takes quotes and backslashes and ends at a line end (iptables/xshared.c, add_param_to_argv).
    private static string Quoted(string word)
    {
        foreach (var c in word)
        {
            if (char.IsControl(c))
                throw new CniException(CniError.InvalidNetworkConfig, $"condition {System.Text.Json.JsonEncodedText.Encode(word)} has a character that is none of a rule");
        }

        return $"\"{word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }
}
