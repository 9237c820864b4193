using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Vlan;

/// <summary>The keys of the vlan plugin: docs/vlan.md.</summary>
internal sealed record VlanConfig
{
    private const int HighestVlan = 4094;

    internal required ChildLinkConfig Link { get; init; }

    internal ushort Id { get; init; }

    internal VlanProtocol Protocol { get; init; }

    internal Netlink.Rtnetlink.Vlan Kind => new(Id) { Protocol = Protocol };

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The configuration.</param>
    /// <exception cref="CniException">A key is missing, or has a value that it cannot have; the text names both.</exception>
    internal static VlanConfig Read(NetworkConfig config)
    {
        var root = config.Root;
        var link = ChildLinkConfig.Read(root);
        if (link.Master is null)
            throw Invalid("\"master\" field is required. It specifies the host interface name to create the VLAN for");
        var id = root.Integer("vlanId", int.MinValue, int.MaxValue) ?? 0;
        if (id is < 0 or > HighestVlan)
            throw Invalid($"invalid VLAN ID {id} (must be between 0 and {HighestVlan} inclusive)");
        return new VlanConfig
        {
            Link = link,
            Id = (ushort)id,
            Protocol = root.String("protocol") switch
            {
                null or "" => VlanProtocol.Customer,
                var text when text.Equals("802.1q", StringComparison.OrdinalIgnoreCase) => VlanProtocol.Customer,
                var text when text.Equals("802.1ad", StringComparison.OrdinalIgnoreCase) => VlanProtocol.Service,
                var other => throw Invalid($"unknown VLAN protocol \"{other}\": \"802.1q\" and \"802.1ad\" are known"),
            },
        };
    }

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
