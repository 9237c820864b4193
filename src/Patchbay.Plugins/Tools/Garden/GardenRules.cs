using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Iptables;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>The rules that the networker itself makes for a container, in configurations of 2016: where it may send beyond the overlay, and which ports of the host lead to it.</summary>
/// <param name="config">Where and how.</param>
/// <param name="handle">The container.</param>
internal sealed class GardenRules(NetworkerConfig config, string handle)
{
    private const string Filter = "filter";
    private const string Nat = "nat";

    private readonly MasqueradeName _owner = new("garden", handle, "eth0");

    private string NetOut { get; } = ChainName.Of(WrapperRules.NetOut, handle);

    private string NetIn { get; } = ChainName.Of(WrapperRules.NetIn, handle);

    private IpPrefix Overlay => config.Overlay!.Value;

    /// <summary>From now on the container reaches the overlay and nothing beyond.</summary>
    internal void Begin(IPAddress container)
    {
        if (!config.UsesIptables)
        {
            NftablesSession.Run(nft => GardenTable.Begin(nft, _owner, container, Overlay));
            return;
        }

        RemoveIptables(); // what a crash may have left would be there twice
        var script = new IptablesScript();
        script.Chain(Filter, NetOut);
        script.Rule(Filter, $"-I FORWARD 1 -j {NetOut}");
        script.Rule(Filter, $"-A {NetOut} -s {container}/32 ! -d {Overlay} -m state --state RELATED,ESTABLISHED -j RETURN");
        script.Rule(Filter, $"-A {NetOut} -s {container}/32 ! -d {Overlay} -j REJECT --reject-with icmp-port-unreachable");
        script.Chain(Nat, NetIn);
        script.Rule(Nat, $"-A PREROUTING -j {NetIn}");
        IptablesChains.Apply(config.Lock, script);
    }

    /// <summary>Lets the container send to more; each rule goes before those that are there.</summary>
    internal void Allow(IPAddress container, IReadOnlyList<EgressRule> rules)
    {
        if (rules.Count == 0)
            return;
        if (!config.UsesIptables)
        {
            NftablesSession.Run(nft => GardenTable.Allow(nft, _owner, container, Overlay, rules));
            return;
        }

        var script = new IptablesScript();
        foreach (var rule in rules)
            script.Rule(Filter, $"-I {NetOut} 1{WrapperRules.Group(NetOut, rule, "-j RETURN", $" -s {container}/32").AsSpan($"-A {NetOut}".Length)}");
        IptablesChains.Apply(config.Lock, script);
    }

    /// <summary>A port of the host leads to the container.</summary>
    internal void Map(IPAddress host, IPAddress container, NetIn port)
    {
        if (!config.UsesIptables)
        {
            NftablesSession.Run(nft => GardenTable.Map(nft, _owner, host, container, port));
            return;
        }

        var script = new IptablesScript();
        script.Rule(Nat, $"-A {NetIn} -d {host}/32 -p tcp -m tcp --dport {port.HostPort} -j DNAT --to-destination {container}:{port.ContainerPort}");
        IptablesChains.Apply(config.Lock, script);
    }

    /// <summary>Removes all of it, from nf_tables and from iptables, whichever it was made with.</summary>
    internal void Remove()
    {
        var cleanup = new Cleanup();
        cleanup.Step(() => NftablesSession.Run(nft =>
        {
            if (!config.UsesIptables || nft.IsAvailable())
                GardenTable.Remove(nft, _owner);
        }));
        cleanup.Step(RemoveIptables);
        cleanup.ThrowIfFailed();
    }

    private void RemoveIptables()
    {
        var chains = new Dictionary<string, string[]> { [Filter] = [NetOut], [Nat] = [NetIn] };
        if (config.UsesIptables || NftablesSession.Run(nft => IptablesChains.MayExist(nft, chains)))
            IptablesChains.Remove(config.Lock, chains, static (_, _) => false);
    }
}
