using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>What one container has in a <see cref="CfTable"/>: elements of maps, and the chains that they lead to.</summary>
internal sealed class ContainerElements
{
    private readonly ContainerNetwork _container;
    private readonly List<SharedChain> _chains = [];
    private readonly List<(NftSet Map, NftSetElement Element)> _elements = [];

    private ContainerElements(ContainerNetwork container) => _container = container;

    internal IReadOnlyList<SharedChain> Chains => _chains;

    internal IReadOnlyList<(NftSet Map, NftSetElement Element)> All => _elements;

    /// <summary>All but the security groups.</summary>
    internal static ContainerElements Of(ContainerNetwork container, CfTable table)
    {
        var made = new ContainerElements(container);
        var config = container.Config;
        var netOut = made.Chain(EgressChains.MakeNetOut(config, container.Workload, container.Handle, table.IPv4));
        var overlay = made.Chain(ContainerChains.MakeOverlay(config, container.Handle, table.IPv4));
        var input = made.Chain(ContainerChains.MakeHost(config, table.IPv4));
        foreach (var each in container.AddressesOf(table))
        {
            var key = NftKey.Of(each);
            foreach (var underlay in container.Underlays)
                made.Add(table.Uplinks, NftKey.Concatenate(key, NftKey.Interface(underlay)), new NftData(NftVerdict.Goto(netOut)));
            made.Add(table.Containers, key, new NftData(NftVerdict.Goto(overlay)));
            made.Add(table.HostAccess, key, new NftData(NftVerdict.Goto(input)));
        }

        if (!table.IPv4)
            return made;
        var address = NftKey.Of(container.Address);
        made.Add(CfTable.Masquerading, address, new NftData(NftVerdict.Goto(made.Chain(ContainerChains.MakeMasquerade(config)))));
        foreach (var port in container.Ports)
        {
            byte[] host = NftKey.Of(config.InstanceAddress), number = NftKey.Port(port.HostPort);
            made.Add(CfTable.PortMappings, NftKey.Concatenate(host, number), new NftData(NftKey.Concatenate(address, NftKey.Port(port.ContainerPort))));
            foreach (var underlay in container.Underlays)
                made.Add(CfTable.IngressTags, NftKey.Concatenate(NftKey.Interface(underlay), host, number), new NftData(NftKey.Number(config.IngressTag)));
        }

        return made;
    }

    /// <summary>The security groups.</summary>
    internal static ContainerElements OfGroups(ContainerNetwork container, CfTable table)
    {
        var made = new ContainerElements(container);
        made.AddGroups(table);
        return made;
    }

    /// <summary>Adds the security groups to the rest.</summary>
    internal void AddGroups(CfTable table)
    {
        var groups = _container.Groups.Where(rule => rule.IPv6 != table.IPv4).ToList();
        if (groups.Count == 0)
            return;
        var chain = Chain(EgressChains.MakeGroups(groups, NftVerdict.Accept, _container.Config.LogGroups, _container.Handle, _container.Config.AcceptedUdpLogsPerSecond));
        foreach (var each in _container.AddressesOf(table))
            Add(table.SecurityGroups, NftKey.Of(each), new NftData(NftVerdict.Jump(chain)));
    }

    private string Chain(SharedChain chain)
    {
        _chains.Add(chain);
        return chain.Name;
    }

    private void Add(NftSet map, byte[] key, NftData data) => _elements.Add((map, new NftSetElement(key) { Data = data, Comment = _container.Owner.NftComment }));
}
