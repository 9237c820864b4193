using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Macvlan;

/// <summary>The keys of the macvlan plugin: docs/macvlan.md.</summary>
internal sealed record MacvlanConfig
{
    internal required ChildLinkConfig Link { get; init; }

    internal MacvlanMode Mode { get; init; }

    /// <summary>0 for the kernel's default.</summary>
    internal uint BroadcastQueueLength { get; init; }

    internal MacAddress? Mac { get; init; }

    internal Netlink.Rtnetlink.Macvlan Kind => new() { Mode = Mode, BroadcastQueueLength = BroadcastQueueLength == 0 ? null : BroadcastQueueLength };

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="args">CNI_ARGS.</param>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static MacvlanConfig Read(NetworkConfig config, string? args) => new()
    {
        Link = ChildLinkConfig.Read(config.Root),
        Mode = config.Root.String("mode") switch
        {
            null or "" or "bridge" => MacvlanMode.Bridge,
            "private" => MacvlanMode.Private,
            "vepa" => MacvlanMode.Vepa,
            "passthru" => MacvlanMode.Passthru,
            var other => throw new CniException(CniError.InvalidNetworkConfig, $"unknown macvlan mode: \"{other}\": \"bridge\", \"private\", \"vepa\" and \"passthru\" are known"),
        },
        BroadcastQueueLength = (uint)(config.Root.Integer("bcqueuelen", 0, uint.MaxValue) ?? 0),
        Mac = MacSetting.Read(config, args, "mac"),
    };
}
