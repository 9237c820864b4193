using Patchbay.Cni.Plugin;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>CHECK of portmap: every port, in both families, where packets meet it.</summary>
internal static class PortmapCheck
{
    internal static void Run(PluginRequest request, PortmapConfig config, ContainerAddresses addresses)
    {
        var owner = new PortOwner(request);
        using var nft = NftablesSocket.Open();
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            if (addresses.Of(ipv4) is not { } address || !config.Applies(ipv4))
                continue;
            var table = HostPortTable.Of(ipv4);
            if (!config.IsBackendChosen || !config.UsesIptables)
            {
                var part = new NftablesPortSet(ipv4, owner, config, address.Address, HostPorts.LoopbackSource(config, addresses));
                if (nft.SetsExist((table.Family, HostPortTable.Name, owner.Name))[0])
                {
                    Native(nft, part, owner);
                    continue;
                }

                if (ReferenceNftRules.Count(nft, ipv4, owner, address.Address) >= part.Mappings.Count)
                    continue;
                if (!config.UsesIptables)
                    throw Missing(part.Mappings[0].Text(ipv4), owner);
            }

            IptablesCheck.Run(nft, ipv4, owner, config, address);
        }
    }

    internal static Cni.Model.CniException Missing(string what, PortOwner owner) =>
        InterfaceCheck.Failed($"{what} of container \"{owner.ContainerId}\" on network \"{owner.Network}\" is missing");

    private static void Native(NftablesSocket nft, NftablesPortSet part, PortOwner owner)
    {
        var table = part.Table;
        if (table.Missing(nft.ListRules(table.Family, HostPortTable.Name)) is [var rule, ..])
            throw InterfaceCheck.Failed($"the rules by which packets meet the ports of the host are damaged: one is missing in chain {rule.Chain} of table {table.Family} {HostPortTable.Name}".Replace("Ip", "ip", StringComparison.Ordinal));
        part.Waits = NftablesSharedPorts.Contested(nft, table, [.. part.Mappings.Select(part.OwnKey)]);
        foreach (var group in part.Expected().GroupBy(each => each.Set.Name))
        {
            var wanted = group.ToList();
            var found = nft.FindElements(wanted[0].Set, wanted.ConvertAll(each => each.Key)).ToDictionary(element => Convert.ToHexString(element.Key.Span), element => element.Data);
            foreach (var (_, mapping, key, data) in wanted)
            {
                if (!found.TryGetValue(Convert.ToHexString(key), out var has))
                    throw Missing(mapping.Text(table.IsIPv4), owner);
                if (part.Waits.Contains(NftablesSharedPorts.Text(part.OwnKey(mapping))))
                    continue; // leads to this interface, or to another one of the container
                if (data.Verdict is null ? !has.Value.Span.SequenceEqual(data.Value.Span) : has.Verdict != data.Verdict)
                    throw InterfaceCheck.Failed($"{mapping.Text(table.IsIPv4)} leads elsewhere than to container \"{owner.ContainerId}\"");
            }
        }

        var rules = part.ConditionalRules(new NftablesTransaction()).Count();
        if (rules > 0 && nft.ListRules(table.Family, HostPortTable.Name, owner.Name).Count != rules)
            throw Missing("the chain of conditions", owner);
        foreach (var (set, elements) in part.Masquerading())
        {
            if (elements.Count != nft.FindElements(set, elements.ConvertAll(element => element.Key.ToArray())).Count)
                throw Missing($"masquerading (set {set.Name})", owner);
        }
    }
}
