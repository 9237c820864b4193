using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>CHECK of the iptables layout, by the words of iptables-save(8).</summary>
internal static class IptablesCheck
{
    internal static void Run(NftablesSocket nft, bool ipv4, PortOwner owner, PortmapConfig config, IpPrefix address)
    {
        // The program reads the rules of all containers, so it is asked only if what is read without it is not enough: where the rules are in the
        // old tables, or in words that only iptables knows, and where something is missing indeed.
        if (!LegacyTables.IsUsed(ipv4, IptablesHostPorts.Table) && FirstMissing(IptablesOnNftHostPorts.Lines(nft, ipv4, owner), ipv4, owner, config, address) is null)
            return;
        if (FirstMissing(new IptablesTool(ipv4).Save(IptablesHostPorts.Table), ipv4, owner, config, address) is { } missing)
            throw InterfaceCheck.Failed($"{missing} is missing");
    }

    private static string? FirstMissing(string[] lines, bool ipv4, PortOwner owner, PortmapConfig config, IpPrefix address)
    {
        var state = IptablesState.Read(lines);
        var chain = state.ChainFor(owner, address.Address);
        var rules = new IptablesRules(ipv4, owner, config, address, chain);
        var family = ipv4 ? "IPv4" : "IPv6";
        var all = IptablesState.Canonical(lines);
        if (state.OwnLines(chain) is not { } own)
            return $"chain {chain} ({family}) of container \"{owner.ContainerId}\" on network \"{owner.Network}\"";
        foreach (var (has, what) in new[]
        {
            (state.HasDnat && state.HasPreroutingJump && state.HasOutputJump, $"the way to chain {IptablesHostPorts.Dnat}"),
            (!rules.Masquerades || (state.HasMasqueradeJump && IptablesState.Contains(all, rules.MasqueradeRule)), $"masquerading in chain {IptablesHostPorts.Masq}"),
            (!rules.Masquerades || IptablesState.Contains(all, rules.MarkRule), $"the mark in chain {IptablesHostPorts.SetMark}"),
        })
        {
            if (!has)
                return $"{what} ({family})";
        }

        foreach (var rule in rules.Own)
        {
            if (!IptablesState.Contains(all, rule))
                return $"the rule \"{rule}\" ({family}) of container \"{owner.ContainerId}\"";
        }

        // iptables writes conditions in words of its own, so of an entry with some only what we wrote is looked for.
        foreach (var rule in rules.Entries)
        {
            var found = config.Conditions(ipv4).Count == 0
                ? IptablesState.Contains(all, rule)
                : own.Any(line => IptablesState.Includes(line, rule));
            if (!found)
                return $"the entry \"{rule}\" ({family}) of container \"{owner.ContainerId}\"";
        }

        return null;
    }
}
