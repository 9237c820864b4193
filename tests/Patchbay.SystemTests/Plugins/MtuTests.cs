using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Interfaces take the MTU that the host can send on, unless one is configured.</summary>
public class MtuTests
{
    private const string Way = "addr add 192.0.2.1/24 dev up0; route add default via 192.0.2.2";

    private const string Way6 = "addr add fd99::1/64 dev up0 nodad; -6 route add default via fd99::2";

    private const string Second = "link add up1 mtu 1350 up type veth peer name far1; link set far1 up; addr add 198.51.100.1/24 dev up1";

    private const string Vxlan = "link add vx0 up type vxlan id 1 dstport 4789 remote 192.0.2.2";

    // the host's MTU, what ip(8) sets up on it, more keys, what the container gets
    public static TheoryData<int, string, string, int> Hosts { get; } = new()
    {
        { 1400, "", "{}", 1500 }, // no way out: nothing to learn
        { 1400, Way, "{}", 1400 },
        { 9000, Way, "{}", 9000 },
        { 1400, Way6, "{}", 1400 },
        { 1500, Way, "{}", 1500 },
        { 1500, Way + " mtu 1430", "{}", 1430 },
        { 1400, "addr add 192.0.2.1/24 dev up0; route add 0.0.0.0/1 via 192.0.2.2; route add 128.0.0.0/1 via 192.0.2.2", "{}", 1400 }, // as VPNs do
        { 1400, "addr add 192.0.2.1/24 dev up0; route add default via 192.0.2.2 table 77; rule add not fwmark 9 table 77", "{}", 1400 },
        { 1400, $"{Second}; addr add 192.0.2.1/24 dev up0; route add default nexthop via 192.0.2.2 nexthop via 198.51.100.2", "{}", 1350 },
        { 1500, $"{Way}; {Way6} mtu 1320", "{}", 1320 }, // the smaller of the families
        { 1400, "addr add 192.0.2.1/24 dev up0; route add blackhole default", "{}", 1500 },
        { 1400, "route add default dev lo", "{}", 1500 },
        { 1200, Way, "{}", 1280 }, // IPv6 needs as much
        { 1500, Way, """{ "mtuOverhead": 50 }""", 1450 },
        { 1500, "", """{ "mtuOverhead": 50 }""", 1450 },
        { 1400, Way, """{ "mtuOverhead": 100 }""", 1300 },
        { 1500, Way, """{ "mtuOverhead": 0 }""", 1500 },
        { 1400, Way, """{ "mtu": 1477 }""", 1477 },
        { 1400, Way, """{ "mtu": 1500, "mtuOverhead": 50 }""", 1500 },
        { 1400, Way, """{ "mtu": 0 }""", 1400 },
    };

    // the same, with overlays
    public static TheoryData<int, string, string, int> Overlays { get; } = new()
    {
        { 1500, $"{Way}; {Vxlan} dev up0", "{}", 1450 },
        { 1500, $"{Way}; {Vxlan}", "{}", 1450 }, // without a device its driver takes nothing off
        { 1500, "link add vx0 up type vxlan dstport 4789 external", "{}", 1450 },
        { 1500, $"{Way}; {Vxlan} dev up0; link set vx0 mtu 1410", "{}", 1410 },
        { 1500, $"{Way}; {Vxlan} dev up0; link set vx0 down", "{}", 1500 }, // not in use
        { 9000, $"{Way}; {Vxlan} dev up0", "{}", 8950 },
        { 1500, $"{Way}; {Vxlan} dev up0", """{ "mtuOverhead": 20 }""", 1430 },
        { 1500, $"{Way}; {Vxlan} dev up0", """{ "mtu": 1500 }""", 1500 },
        { 1500, $"{Way}; tuntap add dev tun0 mode tun; link set tun0 mtu 1340 up", "{}", 1340 },
        { 1500, $"{Way}; tuntap add dev tap0 mode tap; link set tap0 mtu 1340 up", "{}", 1500 }, // a virtual machine's
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Bridge(int mtu, string setup, string keys, int expected) => Gets("bridge", mtu, setup, keys, expected);

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Bridge_with_an_overlay(int mtu, string setup, string keys, int expected)
    {
        Needs.Vxlan();
        Needs.Tun();
        Gets("bridge", mtu, setup, keys, expected);
    }

    [Theory]
    [InlineData("ptp")]
    [InlineData("tap")]
    public void Other_plugins_without_a_device_below(string type)
    {
        Needs.Vxlan();
        Gets(type, 1500, $"{Way}; {Vxlan} dev up0", "{}", 1450);
        Gets(type, 1400, Way, "{}", 1400);
        Gets(type, 1400, "", """{ "mtuOverhead": 50 }""", 1450);
        Gets(type, 1400, Way, """{ "mtu": 1477 }""", 1477);
    }

    [Theory]
    [InlineData("gre", "link add o0 up type gre remote 192.0.2.2 local 192.0.2.1", 1476)]
    [InlineData("geneve", "link add o0 up type geneve id 1 remote 192.0.2.2", 1450)]
    [InlineData("wireguard", "link add o0 up type wireguard", 1420)]
    [InlineData("ipip", "link add o0 up type ipip remote 192.0.2.2 local 192.0.2.1", 1480)]
    [InlineData("sit", "link add o0 up type sit remote 192.0.2.2 local 192.0.2.1", 1480)]
    public void Overlays_of_other_kinds(string kind, string overlay, int expected)
    {
        Needs.Kernel($"{kind} interfaces", space => space.Run(["ip", .. overlay.Split(' ')]).ExitCode == 0);
        Gets("bridge", 1500, $"{Way}; {overlay}", "{}", expected);
    }

    [Theory]
    [InlineData("bridge", """{ "mtuOverhead": -1 }""", 999, "mtuOverhead", "-1")]
    [InlineData("ptp", """{ "mtuOverhead": "50" }""", 999, "mtuOverhead", "50")]
    [InlineData("tap", """{ "mtuOverhead": 1.5 }""", 999, "mtuOverhead", "1.5")]
    [InlineData("bridge", """{ "mtuOverhead": 1450 }""", 7, "mtuOverhead", "1450")]
    [InlineData("ptp", """{ "mtuOverhead": 65467 }""", 7, "mtuOverhead", "65467")]
    [InlineData("tap", """{ "mtuOverhead": 65468 }""", 999, "mtuOverhead", "65468")]
    public void Overhead_that_leaves_nothing_is_refused(string type, string keys, int code, params string[] texts)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, type).Add(container, Conf.Make(host, type, keys)).Failed(code, texts);

        before.AssertSame(Snapshot.Take(host));
    }

    [Fact]
    public void The_result_tells_what_was_chosen_and_the_bridge_has_it_too()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = Host(1400, Way);
        TestNamespace container = host.AddContainer(), second = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, version: "1.1.0");

        PluginResult added = bridge.Add(container, config).Check();

        Assert.All(added.Json.GetProperty("interfaces").EnumerateArray(), link => Assert.Equal(1400, link.GetProperty("mtu").GetInt32()));
        Assert.Equal((1400, 1400), (host.Mtu("cni0"), host.Mtu(added.HostEnd())));
        bridge.Check(container, Conf.WithResult(config, added)).Check();

        // Without ports the bridge is back at 1500, and the next container gets the host's all the same.
        bridge.Delete(container, config).Check();
        Assert.Equal(1500, host.Mtu("cni0"));
        added = bridge.Add(second, config).Check();
        Assert.All(added.Json.GetProperty("interfaces").EnumerateArray(), link => Assert.Equal(1400, link.GetProperty("mtu").GetInt32()));
    }

    [Theory]
    [InlineData(1400, 9000, 1400)] // a container with more could not send to the others on it
    [InlineData(9000, 1400, 1400)] // a container with more could not send beyond the host
    public void The_MTU_that_a_bridge_was_given_stays_and_is_kept_below(int bridgeMtu, int hostMtu, int expected)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = Host(hostMtu, Way);
        TestNamespace container = host.AddContainer();
        host.Ip("link add cni0 up type bridge", $"link set cni0 mtu {bridgeMtu}");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Check();

        Assert.Equal((expected, bridgeMtu), (container.Mtu("eth0"), host.Mtu("cni0")));
    }

    [Fact]
    public void A_bridge_with_an_uplink_of_its_own_limits_its_containers()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = Host(9000, Way);
        TestNamespace container = host.AddContainer(), network = host.AddContainer();
        host.Ip("link add cni0 up type bridge");
        host.To(network, "port0", "port1", mtu: 1430);
        host.Ip("link set port0 master cni0");

        PluginResult added = new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Check();

        Assert.Equal((1430, 1430, 1430), (container.Mtu("eth0"), host.Mtu(added.HostEnd()), host.Mtu("cni0")));
    }

    private static void Gets(string type, int mtu, string setup, string keys, int expected)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = Host(mtu, setup);
        TestNamespace container = host.AddContainer();
        string config = Conf.Make(host, type, keys, version: "1.1.0");

        PluginResult added = new Plugin(host, type).Add(container, config).Check();

        Assert.Equal(expected, container.Mtu("eth0"));
        JsonElement eth0 = added.Json.GetProperty("interfaces").EnumerateArray().Single(link => link.Text("name") == "eth0");
        Assert.Equal(expected, eth0.GetProperty("mtu").GetInt32());
        if (type != "tap")
            Assert.Equal(expected, host.Mtu(added.HostEnd()));
        new Plugin(host, type).Delete(container, config).Check();
    }

    private static TestHost Host(int mtu, string setup)
    {
        TestHost host = TestHost.Create();
        host.To(host.AddContainer(), mtu: mtu);
        host.Ip(setup.Split("; ", StringSplitOptions.RemoveEmptyEntries));
        return host;
    }
}
