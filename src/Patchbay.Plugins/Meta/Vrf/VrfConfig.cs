using Patchbay.Cni.Model;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Vrf;

/// <summary>Which VRF an interface is to join.</summary>
/// <param name="Name">The VRF device.</param>
/// <param name="Table">Its routing table; 0 to choose one.</param>
internal sealed record VrfConfig(string Name, uint Table)
{
    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">A value is wrong; the text names it.</exception>
    internal static VrfConfig Read(JsonView root, string ifName)
    {
        var name = root.String("vrfname");
        if (string.IsNullOrEmpty(name))
            throw new CniException(CniError.InvalidNetworkConfig, "configuration is expected to have a valid vrf name");
        InterfaceName.Require(name, "VRF");
        if (name == ifName)
            throw new CniException(CniError.InvalidNetworkConfig, $"\"vrfname\" is \"{name}\", which is the name of the interface itself");
        var table = (uint)(root.Integer("table", 0, uint.MaxValue) ?? 0);
        // Device and ports would take packets away from all others, or find routes that are not theirs.
        return table is < RoutingTables.Default or > Netlink.Rtnetlink.Route.LocalTable
            ? new VrfConfig(name, table)
            : throw new CniException(CniError.InvalidNetworkConfig, $"\"table\" must not be {table}: 253 to 255 are the kernel's own");
    }
}
