using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>What one container has in <see cref="CfTable"/>: elements of maps, and the chains that they lead to.</summary>
internal sealed class ContainerElements
{
    private readonly ContainerNetwork _container;
    private readonly List<SharedChain> _chains = [];
    private readonly List<(NftSet Map, NftSetElement Element)> _elements = [];

    private ContainerElements(ContainerNetwork container) => _container = container;

    internal IReadOnlyList<SharedChain> Chains => _chains;

    internal IReadOnlyList<(NftSet Map, NftSetElement Element)> All => _elements;

    /// <summary>All but the security groups.</summary>
    internal static ContainerElements Of(ContainerNetwork container)
    {
        var made = new ContainerElements(container);
        var config = container.Config;
        var address = NftKey.Of(container.Address);
        var netOut = made.Chain(EgressChains.MakeNetOut(config, container.Workload, container.Handle));
        foreach (var underlay in container.Underlays)
            made.Add(CfTable.Uplinks, NftKey.Concatenate(address, NftKey.Interface(underlay)), new NftData(NftVerdict.Goto(netOut)));
        made.Add(CfTable.Containers, address, new NftData(NftVerdict.Goto(made.Chain(ContainerChains.MakeOverlay(config, container.Handle)))));
        made.Add(CfTable.HostAccess, address, new NftData(NftVerdict.Goto(made.Chain(ContainerChains.MakeHost(config)))));
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
    internal static ContainerElements OfGroups(ContainerNetwork container)
    {
        var made = new ContainerElements(container);
        if (container.Groups.Count == 0)
            return made;
        var chain = EgressChains.MakeGroups(container.Groups, NftVerdict.Accept, container.Config.LogGroups, container.Handle, container.Config.AcceptedUdpLogsPerSecond);
        made.Add(CfTable.SecurityGroups, NftKey.Of(container.Address), new NftData(NftVerdict.Jump(made.Chain(chain))));
        return made;
    }

    private string Chain(SharedChain chain)
    {
        _chains.Add(chain);
        return chain.Name;
    }

    private void Add(NftSet map, byte[] key, NftData data) => _elements.Add((map, new NftSetElement(key) { Data = data, Comment = _container.Owner.NftComment }));
}
