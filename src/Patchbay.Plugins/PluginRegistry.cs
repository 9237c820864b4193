using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins;

/// <summary>The plugins of this executable.</summary>
internal static class PluginRegistry
{
    /// <summary>One line a plugin: <c>("bridge", static () => new Bridge()),</c>. Only the one that is asked for is ever made.</summary>
    private static (string Name, Func<CniPlugin> Make)[] All =>
    [
        ("loopback", static () => new Main.Loopback.LoopbackPlugin()),
        ("bridge", static () => new Main.Bridge.BridgePlugin()),
        ("ptp", static () => new Main.Ptp.PtpPlugin()),
        ("dummy", static () => new Main.Dummy.DummyPlugin()),
        ("tap", static () => new Main.Tap.TapPlugin()),
        ("host-device", static () => new Main.HostDevice.HostDevicePlugin()),
        ("macvlan", static () => new Main.Macvlan.MacvlanPlugin()),
        ("ipvlan", static () => new Main.Ipvlan.IpvlanPlugin()),
        ("vlan", static () => new Main.Vlan.VlanPlugin()),
        ("host-local", static () => new Ipam.HostLocal.HostLocalPlugin()),
        ("bandwidth", static () => new Meta.Bandwidth.BandwidthPlugin()),
        ("flannel", static () => new Meta.Flannel.FlannelPlugin()),
        ("firewall", static () => new Meta.Firewall.FirewallPlugin()),
        ("static", static () => new Ipam.Static.StaticPlugin()),
        ("dhcp", static () => new Ipam.Dhcp.DhcpPlugin()),
        ("tuning", static () => new Meta.Tuning.TuningPlugin()),
        ("sbr", static () => new Meta.Sbr.SbrPlugin()),
        ("yggoverlay", static () => new Meta.Yggoverlay.YggoverlayPlugin()),
        ("vrf", static () => new Meta.Vrf.VrfPlugin()),
        ("portmap", static () => new Meta.Portmap.PortmapPlugin()),
        (Meta.Wrapper.WrapperPlugin.FullName, static () => new Meta.Wrapper.WrapperPlugin(Meta.Wrapper.WrapperPlugin.FullName)),
        (Meta.Wrapper.WrapperPlugin.ShortName, static () => new Meta.Wrapper.WrapperPlugin(Meta.Wrapper.WrapperPlugin.ShortName)),
    ];

    /// <summary>Every name that this file answers to as a plugin.</summary>
    internal static IEnumerable<string> Names => All.Select(entry => entry.Name);

    /// <summary>Makes a plugin.</summary>
    /// <param name="name">The name that configurations give as <c>type</c>.</param>
    /// <returns>The plugin, or null when there is none of that name.</returns>
    internal static CniPlugin? Find(string name)
    {
        foreach ((string own, Func<CniPlugin> make) in All)
            if (own == name)
                return make();
        return null;
    }
}
