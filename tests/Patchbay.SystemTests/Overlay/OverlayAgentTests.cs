using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>Two hosts in one overlay, judged by ip(8), bridge(8) and ping(8).</summary>
public sealed class OverlayAgentTests : IDisposable
{
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public void Device_routes_neighbours_and_files_are_those_of_the_reference()
    {
        Start("192.0.2.1 10.255.30.0/24", "192.0.2.2 10.255.68.0/24");

        JsonElement device = _hosts.One.IpJson($"addr show dev {OverlayHosts.Vtep}")[0];
        Assert.Equal(("ee:ee:0a:ff:1e:00", 1450), (device.GetProperty("address").GetString(), device.GetProperty("mtu").GetInt32()));
        JsonElement vxlan = device.GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal(
            (1, 4789, "192.0.2.1", "up0", false, true),
            (vxlan.GetProperty("id").GetInt32(), vxlan.GetProperty("port").GetInt32(), vxlan.GetProperty("local").GetString(), vxlan.GetProperty("link").GetString(),
                vxlan.GetProperty("learning").GetBoolean(), vxlan.GetProperty("gbp").GetBoolean()));
        JsonElement address = Assert.Single(device.GetProperty("addr_info").EnumerateArray(), each => each.GetProperty("family").GetString() == "inet");
        Assert.Equal(("10.255.30.0", 16, "link"), (address.GetProperty("local").GetString(), address.GetProperty("prefixlen").GetInt32(), address.GetProperty("scope").GetString()));

        Wait.Until("the route", () => _hosts.Routes(1) is ["10.255.68.0/24"]);
        JsonElement route = _hosts.One.IpJson("route show 10.255.68.0/24")[0];
        Assert.Equal(
            ("10.255.68.0", OverlayHosts.Vtep, "10.255.30.0", "onlink"),
            (route.GetProperty("gateway").GetString(), route.GetProperty("dev").GetString(), route.GetProperty("prefsrc").GetString(), route.GetProperty("flags")[0].GetString()));
        JsonElement neighbour = Assert.Single(_hosts.One.IpJson($"neigh show dev {OverlayHosts.Vtep} nud permanent").EnumerateArray());
        Assert.Equal(("10.255.68.0", "ee:ee:0a:ff:44:00"), (neighbour.GetProperty("dst").GetString(), neighbour.GetProperty("lladdr").GetString()));
        JsonElement forwarding = Assert.Single(_hosts.One.BridgeJson($"fdb show dev {OverlayHosts.Vtep}").EnumerateArray());
        Assert.Equal(
            ("ee:ee:0a:ff:44:00", "192.0.2.2", "self", "permanent"),
            (forwarding.GetProperty("mac").GetString(), forwarding.GetProperty("dst").GetString(), forwarding.GetProperty("flags")[0].GetString(), forwarding.GetProperty("state").GetString()));

        Assert.Equal("FLANNEL_NETWORK=10.255.0.0/16\nFLANNEL_SUBNET=10.255.30.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n", File.ReadAllText(_hosts.SubnetFile(1)));
        Assert.Equal("""{"overlay_subnet":"10.255.30.0/24","mtu":1450}""", _hosts.Local(1, "/").Is(200).Body);
        Assert.True(_hosts.Pings(1, "10.255.68.0") && _hosts.Pings(2, "10.255.30.0"));
        _hosts.Local(1, "/health").Is(200);
        Assert.Contains("\npatchbay_overlay_leases 1\n", _hosts.Local(1, "/metrics").Is(200).Body, StringComparison.Ordinal);
    }

    [Fact]
    public void By_a_controller_each_host_gets_a_subnet_of_its_own_and_finds_the_other()
    {
        _hosts.StartController();
        _hosts.StartAgent(1, controller: true);
        _hosts.StartAgent(2, controller: true);

        string one = _hosts.Subnet(1), two = _hosts.Subnet(2);
        Assert.NotEqual(one, two);
        Assert.Equal([$"192.0.2.1 {one}", $"192.0.2.2 {two}"], _hosts.Leases());
        Wait.Until("the routes", () => _hosts.Routes(1) is [var to] && to == two && _hosts.Routes(2) is [var back] && back == one);
        Assert.True(_hosts.Pings(1, OverlayHosts.Base(two)));
    }

    [Fact]
    public void End_crash_and_restart_of_the_agents_cut_nothing_and_change_nothing()
    {
        (PolicyServerProcess one, PolicyServerProcess two) = Start("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        Wait.Until("the other host", () => _hosts.Pings(1, "10.255.2.0"));
        int index = _hosts.Index(1);
        Process ping = _hosts.StartPing(1, "10.255.2.0");
        using var monitor = new ChangeMonitor(_hosts.One);

        Assert.Equal(0, one.Stop());
        Assert.Equal(["10.255.2.0/24"], _hosts.Routes(1));
        one = _hosts.StartAgent(1);
        one.Kill();
        two.Kill();
        one = _hosts.StartAgent(1);
        _hosts.StartAgent(2);
        one.WaitForLog("which is there");
        Wait.Until("some rounds", () => Rounds(1) > 3);

        Assert.Equal(0, OverlayHosts.Lost(ping));
        Assert.Equal(index, _hosts.Index(1));
        Assert.Equal("", monitor.Changes());
    }

    [Fact]
    public void Hosts_that_come_move_and_go_are_followed()
    {
        Start("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        Wait.Until("the route", () => _hosts.Routes(1).Length == 1);

        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24", "192.0.2.3 10.255.3.0/24", "192.0.2.4 10.255.4.0/26");
        Wait.Until("both that came", () => _hosts.Routes(1) is ["10.255.2.0/24", "10.255.3.0/24", "10.255.4.0/26"]);
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24", "192.0.2.5 10.255.3.0/24");
        Wait.Until("one that moved, one that went", () => _hosts.BridgeEntries(1) is ["ee:ee:0a:ff:02:00 192.0.2.2", "ee:ee:0a:ff:03:00 192.0.2.5"]);

        Assert.Equal(["10.255.2.0/24", "10.255.3.0/24"], _hosts.Routes(1));
        Assert.Equal(2, _hosts.One.IpJson($"neigh show dev {OverlayHosts.Vtep} nud permanent").GetArrayLength());
    }

    [Fact]
    public void What_somebody_takes_away_comes_back_and_what_is_not_the_agents_stays()
    {
        Start("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        Wait.Until("the other host", () => _hosts.Pings(1, "10.255.2.0"));
        _hosts.One.Ip($"route add 198.51.100.0/24 via 10.255.2.0 dev {OverlayHosts.Vtep}", $"addr add 203.0.113.1/32 dev {OverlayHosts.Vtep}");

        _hosts.One.Ip("route del 10.255.2.0/24");
        Wait.Until("the route", () => _hosts.Routes(1).Contains("10.255.2.0/24"));
        _hosts.One.Ip($"neigh del 10.255.2.0 dev {OverlayHosts.Vtep}");
        _hosts.One.Run("bridge", "fdb", "del", "ee:ee:0a:ff:02:00", "dev", OverlayHosts.Vtep, "dst", "192.0.2.2", "self").Check();
        Wait.Until("neighbour and forwarding entry", () => _hosts.BridgeEntries(1).Length == 1 && _hosts.Pings(1, "10.255.2.0"));
        Assert.Contains("198.51.100.0/24", _hosts.Routes(1));
        Assert.Contains("203.0.113.1", _hosts.One.Run("ip", "addr", "show", "dev", OverlayHosts.Vtep).StandardOutput, StringComparison.Ordinal);

        _hosts.One.Ip($"link set {OverlayHosts.Vtep} down");
        Wait.Until("the device to be up", () => _hosts.Pings(1, "10.255.2.0"));
        _hosts.One.Ip($"link del {OverlayHosts.Vtep}");
        Wait.Until("the device", () => _hosts.Pings(1, "10.255.2.0"));
    }

    [Fact]
    public void MTU_is_the_underlays_less_the_overhead_and_follows_it()
    {
        _hosts.One.Ip("link set up0 mtu 9000");
        _hosts.Two.Ip("link set up0 mtu 9000");
        Start("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        Wait.Until("the other host", () => _hosts.Pings(1, "10.255.2.0"));
        Assert.Equal(8950, _hosts.One.Mtu(OverlayHosts.Vtep));
        Assert.True(_hosts.One.PingsWhole("10.255.2.0", 8950 - 28));

        _hosts.One.Ip("link set up0 mtu 1400");
        Wait.Until("the new MTU", () => _hosts.NetworkInfo(1)!.Value.GetProperty("mtu").GetInt32() == 1350);
        Assert.Equal(1350, _hosts.One.Mtu(OverlayHosts.Vtep));
        Assert.Contains("FLANNEL_MTU=1350\n", File.ReadAllText(_hosts.SubnetFile(1)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_without_containers_may_have_one_address()
    {
        _hosts.StartController();
        JsonObject configuration = _hosts.AgentConfiguration(1, controller: true);
        configuration["single_ip_only"] = true;
        _hosts.StartAgent(1, configuration);
        _hosts.StartAgent(2, controller: true);
        Wait.Until("the lease", () => _hosts.NetworkInfo(1) is not null);

        string one = _hosts.Subnet(1);
        Assert.StartsWith("10.255.0.", one, StringComparison.Ordinal);
        Assert.EndsWith("/32", one, StringComparison.Ordinal);
        Assert.False(File.Exists(_hosts.SubnetFile(1)));
        Wait.Until("the other host", () => _hosts.Pings(1, OverlayHosts.Base(_hosts.Subnet(2))) && _hosts.Pings(2, OverlayHosts.Base(one)));
    }

    [Fact]
    public void A_host_is_taken_out_once_it_has_no_containers()
    {
        _hosts.StartController();
        PolicyServerProcess agent = _hosts.StartAgent(1, controller: true);
        JsonObject configuration = _hosts.AgentConfiguration(1, controller: true);
        File.WriteAllText(_hosts.Datastore(1), """{ "h": { "handle": "h", "ip": "10.255.1.2", "metadata": { "policy_group_id": "a" } } }""");
        Assert.Contains("the agent still runs", _hosts.Teardown(1, configuration).StandardError, StringComparison.Ordinal);
        agent.Stop();

        CommandResult refused = _hosts.Teardown(1, configuration);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("this host has 1 containers", refused.StandardError, StringComparison.Ordinal);
        Assert.True(_hosts.One.HasLink(OverlayHosts.Vtep));

        File.WriteAllText(_hosts.Datastore(1), "{}");
        _hosts.Teardown(1, configuration, "--wait").Check();
        Assert.False(_hosts.One.HasLink(OverlayHosts.Vtep));
        Assert.False(File.Exists(_hosts.SubnetFile(1)));
        Assert.Empty(_hosts.Leases());
        _hosts.Teardown(1, configuration).Check(); // and again
    }

    private (PolicyServerProcess One, PolicyServerProcess Two) Start(params string[] leases)
    {
        _hosts.WriteLeases(leases);
        return (_hosts.StartAgent(1), _hosts.StartAgent(2));
    }

    private int Rounds(int number)
    {
        string line = _hosts.Local(number, "/metrics").Body.Split('\n').FirstOrDefault(each => each.StartsWith("patchbay_overlay_converge_total{outcome=\"success\"}", StringComparison.Ordinal)) ?? "0 0";
        return int.Parse(line.Split(' ')[^1], null);
    }
}
