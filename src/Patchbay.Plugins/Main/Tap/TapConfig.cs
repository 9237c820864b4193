using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Tap;

/// <summary>The keys of the tap plugin: docs/tap.md.</summary>
internal sealed record TapConfig
{
    // (uid_t) -1 is "no user".
    private const long HighestId = uint.MaxValue - 1L;

    internal bool MultiQueue { get; private init; }

    /// <summary>As configured; 0 for the host's.</summary>
    internal int Mtu { get; private init; }

    internal int MtuOverhead { get; private init; }

    internal MacAddress? Mac { get; private init; }

    internal uint? Owner { get; private init; }

    internal uint? Group { get; private init; }

    /// <summary>The label of the device; null for that of this process.</summary>
    internal string? SelinuxContext { get; private init; }

    /// <summary>A bridge in the container's namespace that the device joins; null for none.</summary>
    internal string? Bridge { get; private init; }

    /// <summary>Reads the keys.</summary>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static TapConfig Read(NetworkConfig config, string? args)
    {
        var root = config.Root;
        var bridge = root.String("bridge") is { Length: > 0 } name ? name : null;
        if (bridge is not null)
            InterfaceName.Require(bridge, "bridge");
        var context = root.String("selinuxContext") is { Length: > 0 } label ? label : null;
        if (context is not null)
            LabelledTap.RequireContext(context);
        return new TapConfig
        {
            MultiQueue = root.Boolean("multiQueue") ?? false,
            Mtu = (int)(root.Integer("mtu", 0, 65535) ?? 0),
            MtuOverhead = HostMtu.ReadOverhead(root),
            Mac = MacSetting.Read(config, args, key: "mac"),
            Owner = (uint?)root.Integer("owner", 0, HighestId),
            Group = (uint?)root.Integer("group", 0, HighestId),
            SelinuxContext = context,
            Bridge = bridge,
        };
    }
}
