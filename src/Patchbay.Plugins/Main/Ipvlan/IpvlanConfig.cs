using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Ipvlan;

/// <summary>The keys of the ipvlan plugin: docs/ipvlan.md.</summary>
internal sealed record IpvlanConfig
{
    internal required ChildLinkConfig Link { get; init; }

    internal IpvlanMode Mode { get; init; }

    internal Netlink.Rtnetlink.Ipvlan Kind => new() { Mode = Mode };

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The configuration.</param>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static IpvlanConfig Read(NetworkConfig config) => new()
    {
        Link = ChildLinkConfig.Read(config.Root),
        Mode = config.Root.String("mode") switch
        {
            null or "" or "l2" => IpvlanMode.L2,
            "l3" => IpvlanMode.L3,
            "l3s" => IpvlanMode.L3S,
            var other => throw new CniException(CniError.InvalidNetworkConfig, $"unknown ipvlan mode: \"{other}\": \"l2\", \"l3\" and \"l3s\" are known"),
        },
    };

    /// <summary>The same on the only interface of the previous plugin's result, if no master is named and there was such a plugin.</summary>
    /// <exception cref="CniException">That result has no interface, or several.</exception>
    internal IpvlanConfig OnTopOf(CniResult? previous)
    {
        if (Link.Master is not null || previous is null)
            return this;
        return previous.Interfaces is [{ Name.Length: > 0 } only]
            ? this with { Link = Link with { Master = only.Name } }
            : throw new CniException(CniError.InvalidNetworkConfig, $"chained master failure. PrevResult lacks a single named interface (it has {previous.Interfaces.Count}): name the \"master\"");
    }
}
