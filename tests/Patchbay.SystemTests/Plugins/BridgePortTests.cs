using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The pair that joins a container to the bridge, and the settings of its port.</summary>
public class BridgePortTests
{
    [Theory]
    [InlineData(1400, 1400)]
    [InlineData(9000, 9000)]
    [InlineData(0, 1500)]
    public void Mtu_is_that_of_bridge_and_pair(int mtu, int expected)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        PluginResult added = new Plugin(host, "bridge").Add(container, Conf.Bridge(host, $$"""{ "mtu": {{mtu}} }""")).Check();

        Assert.Equal(expected, host.Mtu("cni0"));
        Assert.Equal(expected, host.Mtu(added.HostEnd()));
        Assert.Equal(expected, container.Mtu("eth0"));
        Assert.All(added.Json.GetProperty("interfaces").EnumerateArray(), each => Assert.Equal(expected, each.GetProperty("mtu").GetInt32()));
    }

    [Theory]
    [InlineData("{}", false, false)]
    [InlineData("""{ "hairpinMode": true }""", true, false)]
    [InlineData("""{ "portIsolation": true }""", false, true)]
    [InlineData("""{ "hairpinMode": true, "portIsolation": true }""", true, true)]
    public void Port_has_the_flags_of_the_configuration(string keys, bool hairpin, bool isolated)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, keys, ranges: Conf.IPv4);

        PluginResult added = bridge.Add(container, config).Check();

        JsonElement port = host.Port(added.HostEnd());
        Assert.Equal("cni0", port.Text("master"));
        Assert.Equal(hairpin, port.GetProperty("hairpin").GetBoolean());
        Assert.Equal(isolated, port.GetProperty("isolated").GetBoolean());
        Assert.Equal("forwarding", port.Text("state"));
        Assert.Equal("0", host.Sysctl($"ipv6/conf/{added.HostEnd()}/accept_ra"));

        bridge.Check(container, Conf.WithResult(config, added)).Check();
        host.Run("bridge", "link", "set", "dev", added.HostEnd(), "hairpin", hairpin ? "off" : "on").Check();
        bridge.Check(container, Conf.WithResult(config, added)).Failed(999, "hairpin", added.HostEnd());
        host.Run("bridge", "link", "set", "dev", added.HostEnd(), "hairpin", hairpin ? "on" : "off", "isolated", isolated ? "off" : "on").Check();
        bridge.Check(container, Conf.WithResult(config, added)).Failed(999, "isolation", added.HostEnd());
    }

    [Fact]
    public void Isolated_containers_reach_the_host_and_not_each_other()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        Plugin bridge = new(host, "bridge");
        TestNamespace one = host.AddContainer(), two = host.AddContainer();
        string config = Conf.Bridge(host, """{ "isGateway": true, "portIsolation": true }""", ranges: Conf.IPv4);
        bridge.Add(one, config).Check();
        bridge.Add(two, config).Check();

        one.Ping("10.22.0.1");
        two.Ping("10.22.0.1");
        Assert.NotEqual(0, one.Run("ping", "-c", "1", "-W", "1", "10.22.0.3").ExitCode);
    }

    [Fact]
    public void Hairpin_and_promiscuous_mode_exclude_each_other()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "hairpinMode": true, "promiscMode": true }"""))
            .Failed(7, "cannot set hairpin mode and promiscuous mode at the same time");

        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [InlineData("0a:00:00:00:00:01", "0a:00:00:00:00:02", "0a:00:00:00:00:03", "0a:00:00:00:00:01")]
    [InlineData(null, "0a:00:00:00:00:02", "0a:00:00:00:00:03", "0a:00:00:00:00:02")]
    [InlineData(null, null, "0a:00:00:00:00:03", "0a:00:00:00:00:03")]
    [InlineData(null, null, "0A-00-00-00-00-04", "0a:00:00:00:00:04")]
    public void Ethernet_address_comes_from_capability_then_args_then_CNI_ARGS(string? capability, string? convention, string? variable, string expected)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string keys = JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["capabilities"] = new { mac = true },
            ["runtimeConfig"] = capability is null ? null : new { mac = capability },
            ["args"] = convention is null ? null : new { cni = new { mac = convention } },
        });

        PluginResult added = new Plugin(host, "bridge")
            .Add(container, Conf.Bridge(host, keys), args: variable is null ? null : $"IgnoreUnknown=1;MAC={variable}").Check();

        Assert.Equal(expected, container.Link("eth0").Text("address"));
        Assert.Equal(expected, added.Json.GetProperty("interfaces")[2].Text("mac"));
    }

    [Theory]
    [InlineData("0a:00:00:00:00")]
    [InlineData("0a:00:00:00:00:zz")]
    [InlineData("01:00:00:00:00:01")]
    [InlineData("eth0")]
    public void Ethernet_address_that_is_none_is_refused(string mac)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, $$$"""{ "runtimeConfig": { "mac": "{{{mac}}}" } }""")).Failed(7, "mac", mac);

        before.AssertSame(Snapshot.Take(host));
    }

    [Fact]
    public void Container_may_have_several_interfaces_of_one_network()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, ranges: Conf.IPv4);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        bridge.Add(container, config, ifName: "eth0").Check();
        bridge.Add(container, config, ifName: "net1").Check();
        Assert.Equal(["10.22.0.3/24"], container.Addresses("net1"));
        bridge.Delete(container, config, ifName: "eth0").Check();

        Assert.False(container.HasLink("eth0"));
        Assert.Equal(["10.22.0.3/24"], container.Addresses("net1"));
        Assert.False(File.Exists(Path.Combine(host.DataDirectory, "net/10.22.0.2")));
        Assert.True(File.Exists(Path.Combine(host.DataDirectory, "net/10.22.0.3")));
        bridge.Delete(container, config, ifName: "net1").Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }
}
