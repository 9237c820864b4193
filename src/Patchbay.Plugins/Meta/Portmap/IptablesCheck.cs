using Patchbay.Cni.Model;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>CHECK of the iptables layout, by the words of iptables-save(8), which writes nothing.</summary>
internal static class IptablesCheck
{
    internal static void Run(bool ipv4, PortOwner owner, PortmapConfig config, IpPrefix address)
    {
        var rules = new IptablesRules(ipv4, owner, config, address);
        var lines = new IptablesTool(ipv4).Save(IptablesHostPorts.Table);
        var state = IptablesState.Read(lines);
        var family = ipv4 ? "IPv4" : "IPv6";
        var all = IptablesState.Canonical(lines);
        var own = state.OwnLines(owner.Chain) ?? throw InterfaceCheck.Failed($"chain {owner.Chain} ({family}) of container \"{owner.ContainerId}\" on network \"{owner.Network}\" is missing");
        foreach (var (has, what) in new[]
        {
            (state.HasDnat && state.HasPreroutingJump && state.HasOutputJump, $"the way to chain {IptablesHostPorts.Dnat}"),
            (!rules.Masquerades || (state.HasMasqueradeJump && IptablesState.Contains(all, rules.MasqueradeRule)), $"masquerading in chain {IptablesHostPorts.Masq}"),
            (!rules.Masquerades || IptablesState.Contains(all, rules.MarkRule), $"the mark in chain {IptablesHostPorts.SetMark}"),
        })
        {
            if (!has)
                throw InterfaceCheck.Failed($"{what} ({family}) is missing");
        }

        foreach (var rule in rules.Own)
        {
            if (!IptablesState.Contains(all, rule))
                throw InterfaceCheck.Failed($"the rule \"{rule}\" ({family}) of container \"{owner.ContainerId}\" is missing");
        }

        // iptables writes conditions in words of its own, so of an entry with some only what we wrote is looked for.
        foreach (var rule in rules.Entries)
        {
            var found = config.Conditions(ipv4).Count == 0
                ? IptablesState.Contains(all, rule)
                : own.Any(line => IptablesState.Includes(line, rule));
            if (!found)
                throw InterfaceCheck.Failed($"the entry \"{rule}\" ({family}) of container \"{owner.ContainerId}\" is missing");
        }
    }
}
