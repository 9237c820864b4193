using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins.Dhcp;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Faults of the reference that its release in Debian shows: here it is seen to have them, and ours not to. Others stand with the tests of their plugin.</summary>
public sealed class ReferenceFaultTests : IDisposable
{
    private const string Routed = """[{ "dst": "0.0.0.0/0" }]""";

    private readonly TestHost _host;
    private readonly TestNamespace _container, _other;

    public ReferenceFaultTests()
    {
        Plugin.NeedsOurs("bridge", "ptp", "host-local", "static");
        _host = TestHost.Create();
        (_container, _other) = (_host.AddContainer(), _host.AddContainer());
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Its_own_namespace_is_worked_on()
    {
        const string Config = """{ "cniVersion": "1.0.0", "name": "net", "type": "loopback" }""";
        _host.Run("ip", "link", "set", "lo", "down").Check();

        Ours("loopback").Invoke("ADD", Config, "c", "/proc/self/ns/net", "lo").Failed(8, "should not be the same");
        Assert.DoesNotContain("UP", Flags(_host, "lo"));
        Theirs("loopback").Invoke("ADD", Config, "c", "/proc/self/ns/net", "lo").Check();
        Assert.Contains("UP", Flags(_host, "lo"));
    }

    [Fact]
    public void Bridge_without_addresses_can_never_be_checked()
    {
        string config = Conf.Make(_host, "bridge", """{ "ipam": null }""");
        PluginResult added = Theirs("bridge").Add(_container, config).Check();

        Theirs("bridge").Check(_container, Conf.WithResult(config, added)).Failed(999, "no plugin name provided");
        Ours("bridge").Check(_container, Conf.WithResult(config, added)).Check();
    }

    [Theory]
    [InlineData("bridge", """{ "ipMasq": true, "macspoofchk": true }""")]
    [InlineData("ptp", """{ "ipMasq": true }""")]
    public void Masquerading_and_spoof_checks_outlive_a_container_whose_namespace_is_gone(string type, string keys)
    {
        string config = Conf.Make(_host, type, keys, ranges: Conf.IPv4);
        string Rules() => _host.Run("iptables-save").Check().StandardOutput + _host.Run("nft", "list", "ruleset").Check().StandardOutput;
        PluginResult added = Theirs(type).Add(_container, config).Check();

        Theirs(type).Invoke("DEL", Conf.WithResult(config, added), _container.Name, "", "eth0").Check();
        Assert.Contains(_container.Name, Rules(), StringComparison.Ordinal);
        // A DEL may be repeated; here by somebody who means it.
        Ours(type).Invoke("DEL", Conf.WithResult(config, added), _container.Name, "", "eth0").Check();
        Assert.DoesNotContain(_container.Name, Rules(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void Failed_add_leaves_the_interface(string type)
    {
        string config = Conf.Make(_host, type, ranges: Conf.IPv4, routes: """[{ "dst": "0.0.0.0/0", "gw": "192.0.2.9" }]""");

        Theirs(type).Add(_container, config).Failed(999, "192.0.2.9");
        Assert.True(_container.HasLink("eth0"));
        Ours(type).Add(_other, config).Failed(999, "192.0.2.9");
        Assert.False(_other.HasLink("eth0"));
    }

    [Fact]
    public void Missing_gateway_is_told_as_a_number_out_of_range()
    {
        const string Config = """{ "cniVersion": "1.0.0", "name": "net", "type": "ptp", "ipam": { "type": "static", "addresses": [{ "address": "10.3.0.2/24" }] } }""";

        Theirs("ptp").Add(_container, Config).Failed(999, "numerical result out of range");
        Assert.True(_container.HasLink("eth0"));
        Ours("ptp").Add(_other, Config).Failed(7, "10.3.0.2/24", "has no gateway");
        Assert.False(_other.HasLink("eth0"));
    }

    [Fact]
    public void Static_check_overlooks_an_address_that_the_result_has_not()
    {
        const string Config = """
            { "cniVersion": "1.0.0", "name": "net", "type": "static", "ipam": { "type": "static", "addresses": [{ "address": "10.3.0.2/24", "gateway": "10.3.0.1" }] },
              "prevResult": { "cniVersion": "1.0.0", "ips": [{ "address": "10.9.0.2/24" }] } }
            """;

        Theirs("static").Check(_container, Config).Check();
        Ours("static").Check(_container, Config).Failed(999, "10.3.0.2/24");
    }

    [Fact]
    public void Check_knows_the_main_table_only_so_that_it_fails_behind_sbr()
    {
        string config = Conf.Bridge(_host, ranges: Conf.IPv4, routes: Routed);
        PluginResult bridged = Theirs("bridge").Add(_container, config).Check();
        PluginResult routed = Theirs("sbr").Add(_container, Sbr(bridged)).Check();

        Theirs("bridge").Check(_container, Conf.WithResult(config, routed)).Failed(999, "Failed to find Gateway");
        Ours("bridge").Check(_container, Conf.WithResult(config, routed)).Check();
    }

    [Fact]
    public void Sbr_delete_fails_without_namespace_or_interface_and_leaves_a_file_and_its_rules()
    {
        string config = Conf.Bridge(_host, ranges: Conf.IPv4, routes: Routed), missing = Path.Combine(_host.Directory, "netns");
        string sbr = Sbr(Theirs("bridge").Add(_container, config).Check());
        Theirs("sbr").Add(_container, sbr).Check();

        Theirs("sbr").Invoke("DEL", sbr, _container.Name, missing, "eth0").CheckError(999);
        Assert.True(File.Exists(missing));
        File.Delete(missing);
        Ours("sbr").Invoke("DEL", sbr, _container.Name, missing, "eth0").Check();
        Assert.False(File.Exists(missing));
        Theirs("sbr").Invoke("DEL", sbr, _container.Name, "", "eth0").CheckError(999);
        Ours("sbr").Invoke("DEL", sbr, _container.Name, "", "eth0").Check();

        _container.Run("ip", "link", "del", "eth0").Check();
        Theirs("sbr").Delete(_container, sbr).Failed(999, "Failed to get link eth0");
        string Rules() => _container.Run("ip", "rule").Check().StandardOutput;
        Assert.Contains("from 10.22.0.2 lookup 100", Rules(), StringComparison.Ordinal);
        Ours("sbr").Delete(_container, sbr).Check();
        Assert.DoesNotContain("10.22.0.2", Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tuning_crashes_on_settings_by_argument_and_keeps_its_backups_in_a_directory_that_cannot_be_searched()
    {
        foreach (TestNamespace each in (TestNamespace[])[_container, _other])
            each.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0").Check();
        string Config(TestNamespace of, string keys)
        {
            JsonObject config = JsonNode.Parse(keys)!.AsObject();
            (config["cniVersion"], config["name"], config["type"], config["dataDir"]) = ("1.0.0", "net", "tuning", $"{_host.Directory}/{of.Name}");
            config["prevResult"] = JsonNode.Parse($$"""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "eth0", "sandbox": "{{of.Path}}" }] }""");
            return config.ToJsonString();
        }

        const string Arguments = """{ "args": { "cni": { "sysctl": { "net.core.somaxconn": "321" } } } }""";
        Assert.Contains("panic", Theirs("tuning").Add(_container, Config(_container, Arguments)).StandardError, StringComparison.Ordinal);
        Ours("tuning").Add(_other, Config(_other, Arguments)).Check();
        Assert.Equal("321", _other.Run("cat", "/proc/sys/net/core/somaxconn").Check().StandardOutput.Trim());

        foreach ((Plugin tuning, TestNamespace of, UnixFileMode mode, int left) in (ReadOnlySpan<(Plugin, TestNamespace, UnixFileMode, int)>)
            [(Theirs("tuning"), _container, (UnixFileMode)0b110_000_000, 1), (Ours("tuning"), _other, (UnixFileMode)0b111_000_000, 0)])
        {
            string directory = $"{_host.Directory}/{of.Name}";
            tuning.Add(of, Config(of, """{ "mtu": 1400 }""")).Check();
            Assert.Equal(mode, File.GetUnixFileMode(directory));
            of.Run("ip", "link", "del", "eth0").Check();
            tuning.Delete(of, Config(of, """{ "mtu": 1400 }""")).Check();
            Assert.Equal(left, Directory.GetFiles(directory).Length);
        }
    }

    [Fact]
    public void Udp_to_a_port_whose_container_is_gone_goes_there_for_ever()
    {
        using var host = new PortmapHost();
        string mappings = $"[{PortmapHost.Mapping(5353, 53, "udp")}]";
        foreach ((Plugin portmap, bool stays) in (ReadOnlySpan<(Plugin, bool)>)[(host.Theirs, true), (host.Ours, false)])
        {
            (TestNamespace container, PluginResult bridged) = host.AddContainer();
            string config = PortmapHost.Config(bridged, mappings, "{}");
            portmap.Add(container, config).Check();
            using (EchoServer.Udp(container, 53))
                Assert.Equal(PortmapHost.ClientV4, EchoServer.AskUdp(host.Client, PortmapHost.HostV4, 5353));
            portmap.Delete(container, config).Check();
            Assert.Equal(stays, host.Host.Run("conntrack", "-L", "-p", "udp").StandardOutput.Contains("dport=5353", StringComparison.Ordinal));
            host.Host.Run("conntrack", "-F").Check();
        }
    }

    [Fact]
    public void Dhcp_daemon_does_not_start_where_a_killed_one_left_its_socket_and_DEL_needs_it()
    {
        using var lan = new DhcpLan();
        Plugin theirs = ReferencePlugins.Plugin(lan.Host, "dhcp");
        lan.Daemon().Kill();
        Assert.True(File.Exists(lan.Socket));

        var daemon = new ProgramLog(lan.Host.Start([Path.Combine(theirs.Directory, "dhcp"), "daemon", "-socketpath", lan.Socket]));
        daemon.WaitFor("address already in use");
        Assert.Equal(1, daemon.WaitForExit());
        theirs.Invoke("DEL", lan.Config(version: "1.0.0"), "c", "", "eth0").Failed(999, "error dialing DHCP daemon");
        new Plugin(lan.Host, "dhcp").Invoke("DEL", lan.Config(version: "1.0.0"), "c", "", "eth0").Check();
        Assert.Equal(0, lan.Daemon().End());
    }

    [Theory]
    [InlineData("vlan")]
    [InlineData("ipvlan")]
    public void Delete_without_the_master_or_a_default_route_fails_and_keeps_the_address(string type)
    {
        if (type == "vlan")
            Needs.Vlan();
        else
            Needs.Ipvlan();
        Plugin.NeedsOurs(type);
        _host.Run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "far").Check();
        _host.Run("ip", "link", "set", "far", "up").Check();
        _host.Run("ip", "addr", "add", "192.0.2.1/24", "dev", "uplink").Check();
        _host.Run("ip", "link", "set", "uplink", "up").Check();
        _host.Run("ip", "route", "add", "default", "via", "192.0.2.2").Check();
        string config = Conf.Make(_host, type, type == "vlan" ? """{ "master": "uplink", "vlanId": 5 }""" : "{}", ranges: Conf.IPv4);
        PluginResult added = Theirs(type).Add(_container, config).Check();
        _host.Run("ip", "link", "del", "uplink").Check();

        // Its ipvlan takes the master from a result, if it has one.
        Theirs(type).Delete(_container, type == "vlan" ? Conf.WithResult(config, added) : config).CheckError(999);
        Assert.Equal(["10.22.0.2"], Reservations());
        Ours(type).Delete(_container, config).Check();
        Assert.Empty(Reservations());
    }

    [Fact]
    public void Vrf_delete_fails_when_the_interface_is_gone()
    {
        Needs.Vrf();
        Plugin.NeedsOurs("vrf");
        PluginResult bridged = Theirs("bridge").Add(_container, Conf.Bridge(_host, ranges: Conf.IPv4)).Check();
        string config = Conf.WithResult("""{ "cniVersion": "1.0.0", "name": "net", "type": "vrf", "vrfname": "blue" }""", bridged);
        Theirs("vrf").Add(_container, config).Check();
        _container.Run("ip", "link", "del", "eth0").Check();

        Theirs("vrf").Delete(_container, config).CheckError(999);
        Assert.True(_container.HasLink("blue"));
        Ours("vrf").Delete(_container, config).Check();
        Assert.False(_container.HasLink("blue"));
    }

    private static string Sbr(PluginResult previous) => Conf.WithResult("""{ "cniVersion": "1.0.0", "name": "net", "type": "sbr" }""", previous);

    private static string[] Flags(TestNamespace space, string link) =>
        [.. space.IpJson($"link show dev {link}")[0].GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!)];

    private string[] Reservations() => [.. Directory.GetFiles(Path.Combine(_host.DataDirectory, "net"), "10.*").Select(file => Path.GetFileName(file))];

    private Plugin Ours(string type) => new(_host, type);

    private Plugin Theirs(string type) => ReferencePlugins.Plugin(_host, type);
}
