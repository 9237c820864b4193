using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ipMasq and macspoofchk, by packets and by the rules that iptables and nft show.</summary>
public partial class MasqueradeTests
{
    private const string Default = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";

    [Theory]
    [InlineData("bridge", "iptables")]
    [InlineData("bridge", "nftables")]
    [InlineData("ptp", "iptables")]
    [InlineData("ptp", "nftables")]
    public void Packets_leave_with_the_hosts_address(string type, string backend)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Outside.Connect(host);
        Plugin plugin = new(host, type);
        Warm(plugin, host, container, backend);
        string config = Config(host, type, backend);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        // The outside has no route back to the container: an answer tells that the host stood in for it.
        PluginResult added = plugin.Add(container, config).Check();
        container.Ping(Outside.IPv4);
        container.Ping(Outside.IPv6);

        plugin.Check(container, Conf.WithResult(config, added)).Check();
        string[] flush = backend == "iptables" ? ["iptables", "-t", "nat", "-F", "POSTROUTING"] : ["nft", "flush", "chain", "inet", "cni_plugins_masquerade", "masq_checks"];
        host.Run(flush).Check();
        plugin.Check(container, Conf.WithResult(config, added)).Failed(999, "masquerading", container.Name);
        plugin.Delete(container, Conf.WithResult(config, added)).Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("bridge", "iptables")]
    [InlineData("bridge", "nftables")]
    [InlineData("ptp", "iptables")]
    [InlineData("ptp", "nftables")]
    public void Delete_without_namespace_removes_the_rules(string type, string backend)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin plugin = new(host, type);
        Warm(plugin, host, container, backend);
        string[] links = ["cni0", .. Links(host)];
        Snapshot before = Snapshot.Take(host, except: links);
        PluginResult added = plugin.Add(container, Config(host, type, backend)).Check();

        plugin.Invoke("DEL", Config(host, type, backend), container.Name, "", "eth0").Check();

        container.Run("ip", "link", "del", "eth0").Check();
        before.AssertSame(Snapshot.Take(host, except: [.. links, added.HostEnd()]));
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Gc_removes_what_belongs_to_no_attachment(string backend)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace kept = host.AddContainer(), lost = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        Warm(bridge, host, kept, backend);
        string config = Config(host, "bridge", backend, "1.1.0");
        PluginResult added = bridge.Add(kept, config).Check();
        Snapshot before = Snapshot.Take(host, except: "cni0");
        bridge.Add(lost, config).Check();
        lost.Run("ip", "link", "del", "eth0").Check();

        bridge.Invoke("GC", config).Check();
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => before.AssertSame(Snapshot.Take(host, except: "cni0")));
        string valid = $$"""[{ "containerID": "{{kept.Name}}", "ifname": "eth0" }]""";
        bridge.Invoke("GC", config.Insert(1, $"\"cni.dev/valid-attachments\": {valid}, ")).Check();

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
        bridge.Check(kept, Conf.WithResult(config, added)).Check();
    }

    [Theory]
    [InlineData("ipchains")]
    [InlineData("NFTABLES")]
    [InlineData("")]
    public void Unknown_backend_is_refused(string backend)
    {
        Plugin.NeedsOurs("bridge", "ptp", "host-local");
        foreach (string type in (string[])["bridge", "ptp"])
        {
            using TestHost host = TestHost.Create();
            TestNamespace container = host.AddContainer();
            host.Run("sysctl", "-qw", "net.ipv4.ip_forward=1").Check();
            Snapshot before = Snapshot.Take(host, except: "cni0");
            new Plugin(host, type).Add(container, Config(host, type, backend)).Failed(7, $"unknown ipmasq backend \"{backend}\"");
            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
    }

    [Fact]
    public void Source_address_check_drops_other_addresses_and_is_laid_out_as_by_the_reference()
    {
        NeedsNftBridge();
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost here = TestHost.Create(), there = TestHost.Create();
        TestNamespace ours = here.AddContainer(), theirs = there.AddContainer();
        const string Keys = """{ "isGateway": true, "macspoofchk": true, "args": { "cni": { "mac": "0a:00:00:00:00:01" } } }""";
        Plugin bridge = new(here, "bridge");
        PluginResult added = bridge.Add(ours, Conf.Bridge(here, Keys, ranges: Conf.IPv4), containerId: "ctr").Check();
        ReferencePlugins.Plugin(there, "bridge").Add(theirs, Conf.Bridge(there, Keys, ranges: Conf.IPv4), containerId: "ctr").Check();

        Assert.Equal(BridgeTable(there), BridgeTable(here));
        ours.Ping("10.22.0.1");
        ours.Run("ip", "link", "set", "eth0", "address", "0a:00:00:00:00:02").Check();
        Assert.NotEqual(0, ours.Run("ping", "-c", "1", "-W", "1", "10.22.0.1").ExitCode);
        ours.Run("ip", "link", "set", "eth0", "address", "0a:00:00:00:00:01").Check();
        ours.Ping("10.22.0.1");

        // Each removes what the other made, and leaves the same.
        bridge.Delete(ours, Conf.Bridge(here, Keys), containerId: "ctr").Check();
        new Plugin(there, "bridge").Delete(theirs, Conf.Bridge(there, Keys), containerId: "ctr").Check();
        Assert.Equal(BridgeTable(there), BridgeTable(here));
        Assert.DoesNotContain("cni-br-iface", BridgeTable(here), StringComparison.Ordinal);
        Assert.NotEmpty(added.HostEnd());
    }

    [Fact]
    public void Failed_add_removes_its_rules()
    {
        NeedsNftBridge();
        Plugin.NeedsOurs("bridge", "host-local");
        foreach (string backend in (string[])["iptables", "nftables"])
        {
            using TestHost host = TestHost.Create();
            TestNamespace container = host.AddContainer();
            Plugin bridge = new(host, "bridge");
            string keys = $$"""{ "isGateway": true, "ipMasq": true, "ipMasqBackend": "{{backend}}", "macspoofchk": true }""";
            bridge.Add(container, Conf.Bridge(host, keys)).Check();
            bridge.Delete(container, Conf.Bridge(host, keys)).Check();
            Snapshot before = Snapshot.Take(host, except: "cni0");

            bridge.Add(container, Conf.Bridge(host, keys, routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""")).Failed(999, "192.0.2.0/24");

            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
    }

    private static void NeedsNftBridge() =>
        Needs.Kernel("nf_tables for bridges (CONFIG_NF_TABLES_BRIDGE)", space => space.Run("nft", "add", "table", "bridge", "probe").ExitCode == 0);

    private static string Config(TestHost host, string type, string backend, string version = "1.0.0") =>
        Conf.Make(host, type, $$"""{ "isGateway": true, "ipMasq": true, "ipMasqBackend": "{{backend}}" }""", version, routes: Default);

    // Tables and base chains stay, as with the reference: so that they are there already, one ADD and DEL goes before.
    private static void Warm(Plugin plugin, TestHost host, TestNamespace container, string backend)
    {
        string type = plugin.Type;
        plugin.Add(container, Config(host, type, backend), "warm").Check();
        plugin.Delete(container, Config(host, type, backend), "warm").Check();
    }

    private static IEnumerable<string> Links(TestHost host) => host.IpJson("link show").EnumerateArray().Select(link => link.Text("ifname")).Where(name => name != "lo");

    // Handles are left out by nft; the port's name is random.
    private static string BridgeTable(TestHost host) =>
        PortName().Replace(host.Run("nft", "list", "table", "bridge", "nat").Check().StandardOutput, "veth");

    [GeneratedRegex("veth[0-9a-f]{8}")]
    private static partial Regex PortName();
}
