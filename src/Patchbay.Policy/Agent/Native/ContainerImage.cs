using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>The elements and chains that one container's plan comes to.</summary>
internal sealed class ContainerImage
{
    private readonly List<(NftSet Set, NftSetElement Element)> _elements = [];
    private readonly Dictionary<string, IReadOnlyList<NftRule>> _chains = [];

    private ContainerImage()
    {
    }

    internal IReadOnlyList<(NftSet Set, NftSetElement Element)> Elements => _elements;

    /// <summary>The chains that the elements lead to, which other containers may share.</summary>
    internal IReadOnlyDictionary<string, IReadOnlyList<NftRule>> Chains => _chains;

    internal static ContainerImage Of(ContainerPlan plan, AgentOptions options)
    {
        LocalContainer container = plan.Container;
        var image = Isolated(container, options);
        if (options.LogContainers && container.App.Length > 0)
            image.Put(AgentTable.AcceptedLogs, container.Address, NftVerdict.Jump(SharedChain.AddLogged(image._chains, container.App, options.AcceptedUdpLogsPerSecond)), null);
        if (plan.Tag is { } tag)
            image._elements.Add((AgentTable.SourceTags, new NftSetElement(AgentTable.Key(container.Address)) { Data = new NftData(NftKey.Number(tag)), Comment = AgentTable.Comment(container.Handle) }));
        if (plan.Groups is { Count: > 0 } rules)
        {
            string chain = SharedChain.AddGroups(image._chains, rules, options.LogGroups, container.Handle, options.AcceptedUdpLogsPerSecond);
            image.Put(AgentTable.SecurityGroups, container.Address, NftVerdict.Jump(chain), AgentTable.Comment(container.Handle));
        }

        foreach ((AllowedPorts allowed, AppPair apps) in plan.Allowed)
            image._elements.Add((allowed.First == allowed.Last ? AgentTable.Allowed : AgentTable.AllowedRanges, AgentTable.Element(allowed, apps)));
        return image;
    }

    /// <summary>A container that nobody reaches.</summary>
    internal static ContainerImage Isolated(LocalContainer container, AgentOptions options)
    {
        var image = new ContainerImage();
        string chain = SharedChain.AddDenied(image._chains, options.IngressMark, options.LogContainers ? container.Handle : null, options.DeniedLogsPerSecond);
        image.Put(AgentTable.Isolated, container.Address, NftVerdict.Goto(chain), AgentTable.Comment(container.Handle));
        return image;
    }

    private void Put(NftSet map, Ipv4 address, NftVerdict verdict, string? comment) =>
        _elements.Add((map, new NftSetElement(AgentTable.Key(address)) { Data = new NftData(verdict), Comment = comment }));
}
