using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>What goes wrong around an agent, and what it makes of it.</summary>
public sealed class OverlayFaultTests : IDisposable
{
    private const string Containers = """{ "h": { "handle": "h", "ip": "10.255.1.2", "metadata": { "policy_group_id": "a" } } }""";
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Theory]
    [InlineData("link add silk-vtep type bridge", "its kind is bridge, not vxlan")]
    [InlineData("link add silk-vtep type vxlan id 1 local 192.0.2.1 dstport 4789 nolearning", "its group policy is False, not True")]
    [InlineData("link add silk-vtep type vxlan id 2 local 192.0.2.1 dstport 4789 nolearning gbp", "its VNI is 2, not 1")]
    [InlineData("link add silk-vtep type vxlan id 1 local 192.0.2.9 dstport 4789 nolearning gbp", "its local address is 192.0.2.9, not 192.0.2.1")]
    [InlineData("link add silk-vtep type vxlan id 1 local 192.0.2.1 dstport 8472 nolearning gbp", "its port is 8472, not 4789")]
    [InlineData("link add silk-vtep type vxlan id 1 local 192.0.2.1 dstport 4789 gbp", "its learning is True, not False")]
    [InlineData("link add silk-vtep address 0a:00:00:00:00:01 type vxlan id 1 local 192.0.2.1 dstport 4789 nolearning gbp", "its Ethernet address is 0a:00:00:00:00:01")]
    [InlineData("link add silk-vtep address ee:ee:0a:ff:01:07 type vxlan id 1 local 192.0.2.1 dstport 4789 nolearning gbp", "which is no first address of a /24")]
    [InlineData("link add other up type vxlan id 7 dstport 4789 dev up0", "cannot be beside other, a VXLAN device on port 4789")]
    [InlineData("link add other type vxlan id 1 local 192.0.2.1 dstport 4789 dev up0 nolearning gbp", "cannot be beside other, a VXLAN device on port 4789")]
    public void A_device_of_somebody_else_is_refused_and_left_alone(string device, string told)
    {
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        _hosts.One.Ip(device);
        string before = Links();

        CommandResult ended = _hosts.RunAgent(1, _hosts.AgentConfiguration(1, controller: false));

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(told, ended.StandardError, StringComparison.Ordinal);
        Assert.Contains("ip link del", ended.StandardError, StringComparison.Ordinal);
        Assert.Equal(before, Links());
        CommandResult teardown = _hosts.Teardown(1, _hosts.AgentConfiguration(1, controller: false));
        Assert.Equal(before, Links());
        Assert.Equal(device.Contains("other", StringComparison.Ordinal) ? 0 : 1, teardown.ExitCode);
    }

    [Fact]
    public void The_device_that_silk_daemon_makes_is_taken_over()
    {
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        _hosts.One.Ip(
            $"link add {OverlayHosts.Vtep} address ee:ee:0a:ff:01:00 type vxlan id 1 local 192.0.2.1 dev up0 dstport 4789 nolearning gbp", $"addr add 10.255.1.0/16 scope link dev {OverlayHosts.Vtep}",
            $"link set {OverlayHosts.Vtep} up");
        int index = _hosts.Index(1);

        _hosts.StartAgent(1);
        _hosts.StartAgent(2);

        Wait.Until("the other host", () => _hosts.Pings(1, "10.255.2.0"));
        Assert.Equal(index, _hosts.Index(1));
    }

    [Fact]
    public void Without_the_controller_hosts_go_on_and_with_an_empty_database_it_learns_the_leases_again()
    {
        PolicyServerProcess controller = _hosts.StartController();
        PolicyServerProcess one = _hosts.StartAgent(1, controller: true);
        _hosts.StartAgent(2, controller: true);
        string[] leases = _hosts.Leases();
        Wait.Until("the other host", () => _hosts.Pings(1, OverlayHosts.Base(_hosts.Subnet(2))));
        Process ping = _hosts.StartPing(1, OverlayHosts.Base(_hosts.Subnet(2)));
        using var monitor = new ChangeMonitor(_hosts.One);

        controller.Kill();
        one.WaitForLog("the lease could not be renewed, what is there goes on");
        one.Stop();
        one = _hosts.StartAgent(1, controller: true); // and starts without it
        one.WaitForLog("the lease could not be renewed, what is there goes on");
        foreach (string file in Directory.GetFiles(_hosts.One.Directory, "leases.db*"))
            File.Delete(file);
        _hosts.StartController();
        one.WaitForLog("the lease is renewed again");
        Wait.Until("the leases to be known again", () => _hosts.Leases().SequenceEqual(leases));

        Assert.Equal("", monitor.Changes());
        Assert.Equal(0, OverlayHosts.Lost(ping));
    }

    [Fact]
    public void After_the_tolerated_time_without_the_controller_the_agent_ends_and_all_stays()
    {
        PolicyServerProcess controller = _hosts.StartController();
        JsonObject configuration = _hosts.AgentConfiguration(1, controller: true);
        _hosts.StartAgent(1, controller: true).Stop();
        controller.Kill();
        configuration["partition_tolerance_seconds"] = 1;
        string before = Links();

        CommandResult ended = _hosts.RunAgent(1, configuration);

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("(partition_tolerance_seconds)", ended.StandardError, StringComparison.Ordinal);
        Assert.Equal(before, Links());
    }

    [Fact]
    public void A_lease_that_another_host_has_is_given_up_without_containers_and_ends_the_agent_with_them()
    {
        PolicyServerProcess controller = _hosts.StartController();
        PolicyServerProcess agent = _hosts.StartAgent(1, controller: true);
        string subnet = _hosts.Subnet(1);
        File.WriteAllText(_hosts.Datastore(1), Containers);
        agent.Stop();
        Rob(subnet, "192.0.2.99");

        CommandResult ended = _hosts.RunAgent(1, _hosts.AgentConfiguration(1, controller: true));

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains($"lease {subnet} is lost: the controller says: renew-subnet-lease: {subnet} belongs to 192.0.2.99. It is not given up, since this host has 1 containers", ended.StandardError, StringComparison.Ordinal);
        Assert.Contains(OverlayHosts.Base(subnet), _hosts.One.Run("ip", "addr", "show", "dev", OverlayHosts.Vtep).StandardOutput, StringComparison.Ordinal);

        File.Delete(_hosts.Datastore(1));
        _hosts.StartAgent(1, controller: true);
        Wait.Until("another lease", () => _hosts.Subnet(1) is { Length: > 0 } now && now != subnet);
        Assert.Contains($"FLANNEL_SUBNET={OverlayHosts.Base(_hosts.Subnet(1))[..^1]}1/24", File.ReadAllText(_hosts.SubnetFile(1)), StringComparison.Ordinal);
        Assert.DoesNotContain(OverlayHosts.Base(subnet), _hosts.One.Run("ip", "addr", "show", "dev", OverlayHosts.Vtep).StandardOutput, StringComparison.Ordinal);

        // The same while it runs.
        string second = _hosts.Subnet(1);
        Rob(second, "192.0.2.98");
        Wait.Until("a third lease", () => _hosts.Subnet(1) is { Length: > 0 } now && now != second);
        Assert.False(controller.Log.Contains("failed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{ "h": { "handle": "h", "ip": "10.255""")]
    [InlineData(null)]
    public void Where_it_is_not_known_whether_there_are_containers_there_are_some(string? datastore)
    {
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24");
        JsonObject configuration = _hosts.AgentConfiguration(1, controller: false);
        _hosts.StartAgent(1).Stop();
        if (datastore is null)
            configuration.Remove("datastore");
        else
            File.WriteAllText(_hosts.Datastore(1), datastore);
        _hosts.WriteLeases("192.0.2.1 10.255.9.0/24");

        CommandResult ended = _hosts.RunAgent(1, configuration);

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("lease 10.255.1.0/24 is lost: lease mismatch", ended.StandardError, StringComparison.Ordinal);
        Assert.True(_hosts.One.HasLink(OverlayHosts.Vtep));
    }

    [Fact]
    public void What_is_not_there_yet_is_waited_for()
    {
        _hosts.One.Ip("addr del 192.0.2.1/24 dev up0");
        PolicyServerProcess agent = _hosts.StartAgent(1, _hosts.AgentConfiguration(1, controller: false));
        agent.WaitForLog("there is no lease yet");
        Assert.Contains("there is no lease yet", _hosts.Local(1, "/").Is(503).Body, StringComparison.Ordinal);

        File.WriteAllText(_hosts.LeaseFile, """{ "leases": [ { "underlay_ip": """);
        agent.WaitForLog("leases.json");
        _hosts.WriteLeases("192.0.2.2 10.255.2.0/24");
        agent.WaitForLog("has no lease for 192.0.2.1");
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        agent.WaitForLog("underlay_ip 192.0.2.1 is on no interface of this host");
        _hosts.One.Ip("addr add 192.0.2.1/24 dev up0");
        Wait.Until("the lease", () => _hosts.NetworkInfo(1) is not null);
    }

    [Fact]
    public void Leases_that_clash_are_not_followed_and_cut_no_other()
    {
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        PolicyServerProcess agent = _hosts.StartAgent(1);
        _hosts.StartAgent(2);
        Wait.Until("the other host", () => _hosts.Pings(1, "10.255.2.0"));
        Process ping = _hosts.StartPing(1, "10.255.2.0");

        _hosts.WriteLeases(
            "192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24", "192.0.2.66 10.255.2.0/24", "192.0.2.67 10.255.2.128/25", "192.0.2.68 10.254.3.0/24", "192.0.2.69 0.0.0.0/0",
            "192.0.2.70 10.255.1.64/26", "192.0.2.71 10.255.7.0/24", "192.0.2.72 10.255.7.0/24", "192.0.2.73 10.255.8.0/24");
        Wait.Until("the one that can be followed", () => _hosts.Routes(1).Contains("10.255.8.0/24"));

        Assert.Equal(["10.255.2.0/24", "10.255.8.0/24"], _hosts.Routes(1));
        agent.WaitForLog("lease 10.255.2.0/24 of 192.0.2.66 (ee:ee:0a:ff:02:00) is not followed");
        agent.WaitForLog("lease 10.255.1.64/26 of 192.0.2.70 (ee:ee:0a:ff:01:40) is not followed");
        Assert.Equal(0, OverlayHosts.Lost(ping));
    }

    // Takes a host's lease and renews it for another.
    private void Rob(string subnet, string robber)
    {
        string mac = $"ee:ee:{string.Join(':', System.Net.IPAddress.Parse(OverlayHosts.Base(subnet)).GetAddressBytes().Select(each => each.ToString("x2", null)))}";
        Wait.Until($"{robber} to be faster than the host", () =>
        {
            _hosts.Ask("PUT", "/leases/release", """{ "underlay_ip": "192.0.2.1" }""").Is(200);
            return _hosts.Ask("PUT", "/leases/renew", $$"""{ "underlay_ip": "{{robber}}", "overlay_subnet": "{{subnet}}", "overlay_hardware_addr": "{{mac}}" }""").Status == 200;
        });
    }

    private string Links() => string.Concat(((string[])["-d link", "-4 addr", "route"]).Select(each => _hosts.One.Run(["ip", .. each.Split(' ')]).Check().StandardOutput));
}
