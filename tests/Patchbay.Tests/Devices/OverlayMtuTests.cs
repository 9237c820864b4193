using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Tests.Devices;

/// <summary>What an overlay lets through, as its driver tells it or leaves it to be reckoned.</summary>
public class OverlayMtuTests
{
    private static readonly MacAddress Mac = MacAddress.FromBytes([2, 0, 0, 0, 0, 1]);

    // IFLA_VXLAN_LINK 3, IFLA_VXLAN_GROUP6 16
    private const string OnDevice = "0800030002000000";
    private const string OverIPv6 = "14001000fd000000000000000000000000000001";
    private const string External = "04000600"; // IFLA_GENEVE_COLLECT_METADATA

    [Theory]
    [InlineData("vxlan", OnDevice, 1450, 1500, 1450)] // the driver has taken 50 off
    [InlineData("vxlan", OnDevice, 8950, 1500, 8950)] // on another device than the way out
    [InlineData("vxlan", "", 1500, 1500, 1450)]
    [InlineData("vxlan", "", 1400, 1500, 1400)]
    [InlineData("vxlan", "", 1500, 9000, 1500)]
    [InlineData("vxlan", "", 1500, 0, 1450)]
    [InlineData("vxlan", "", 8950, 0, 8950)]
    [InlineData("vxlan", OverIPv6, 1500, 1500, 1430)]
    [InlineData("geneve", "", 1450, 1500, 1450)]
    [InlineData("geneve", External, 1500, 1500, 1450)]
    [InlineData("wireguard", "", 1420, 1500, 1420)]
    [InlineData("tun", "", 1400, 1500, 1400)]
    public void Overlay(string kind, string data, int mtu, int wayOut, int expected) => Assert.Equal(
        expected,
        OverlayMtu.Of(new Link { Index = 2, Name = "o", Kind = kind, KindData = Convert.FromHexString(data), Mtu = mtu, Address = kind is "tun" or "wireguard" ? null : Mac }, wayOut));

    [Fact]
    public void Taps_are_no_overlay() => Assert.Equal(0, OverlayMtu.Of(new Link { Index = 2, Name = "vnet0", Kind = "tun", Mtu = 1280, Address = Mac }, 1500));

    [Theory]
    [InlineData(1450, 0, 1500, true, 1450)] // smaller than the bridge's: nothing to limit
    [InlineData(9000, 0, 1500, true, 1500)] // its other ports have no more
    [InlineData(9000, 0, 1500, false, 9000)] // without ports, 1500 says nothing
    [InlineData(9000, 0, 1400, false, 1400)] // somebody set it
    [InlineData(1500, 0, 1450, true, 1450)]
    [InlineData(9000, 9000, 1500, true, 9000)] // configured
    [InlineData(0, 0, 1400, true, 0)] // nothing learned
    public void Beside_the_ports_of_a_bridge(int mtu, int configured, int bridge, bool ports, int expected) => Assert.Equal(
        expected,
        HostMtu.Beside(mtu, configured, new Link { Index = 2, Name = "b", Mtu = bridge, Flags = ports ? LinkFlags.LowerUp : LinkFlags.None }));
}
