using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>An ADD that fails, at whatever stage, says what is wrong and leaves nothing behind but the bridge.</summary>
public class BridgeFailureTests
{
    [Fact]
    public void Ipam_fails() => AssertFails(
        host => Conf.Bridge(host, ranges: """[[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "fd22::/64", "rangeStart": "fd22::5", "rangeEnd": "fd22::5", "gateway": "fd22::5" }]]"""),
        999, "failed to allocate for range 1", "no IP addresses available");

    [Fact]
    public void Ipam_returns_nothing() => AssertFails(
        host => Conf.Bridge(host, """{ "ipam": { "type": "static", "addresses": [] } }"""),
        999, "IPAM plugin returned missing IP config");

    [Fact]
    public void Address_exists() => AssertFails(
        host => Conf.Bridge(host, """{ "ipam": { "type": "static", "addresses": [{ "address": "10.22.0.5/24" }, { "address": "10.22.0.5/24" }] } }"""),
        999, "10.22.0.5", "eth0", "File exists");

    [Fact]
    public void Route_is_impossible() => AssertFails(
        host => Conf.Bridge(host, routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]"""),
        999, "192.0.2.0/24", "203.0.113.1", "eth0", "nreachable");

    [Fact]
    public void Interface_name_exists_in_the_container() => AssertFails(
        host =>
        {
            host.Containers[0].Run("ip", "link", "add", "eth0", "type", "bridge").Check();
            return Conf.Bridge(host);
        },
        999, "eth0", "already exists");

    [Fact]
    public void Bridge_is_another_kind_of_device() => AssertFails(
        host =>
        {
            host.Run("ip", "link", "add", "cni0", "type", "veth").Check();
            return Conf.Bridge(host);
        },
        999, "\"cni0\" already exists but is not a bridge", "veth");

    [Fact]
    public void Bridge_is_the_loopback_interface() => AssertFails(
        host => Conf.Bridge(host, """{ "bridge": "lo" }"""), 999, "\"lo\" already exists but is not a bridge");

    [Fact]
    public void Gateway_address_conflicts() => AssertFails(
        host =>
        {
            host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
            host.Run("ip", "addr", "add", "10.22.0.9/24", "dev", "cni0").Check();
            return Conf.Bridge(host);
        },
        999, "\"cni0\" already has an IP address different from 10.22.0.1/24", "10.22.0.9/24");

    [Fact]
    public void Mtu_is_too_small_for_ipv6() => AssertFails(
        host => Conf.Bridge(host, """{ "mtu": 1000 }""", ranges: Conf.IPv6), 999, "eth0");

    [Fact]
    public void Mtu_is_no_mtu() => AssertFails(host => Conf.Bridge(host, """{ "mtu": -5 }"""), 999, "mtu", "-5");

    // While the address management runs, the port is there and has not been waited for yet.
    [Theory]
    [InlineData("down", "down")]
    [InlineData("mode dormant", "dormant")]
    public void Port_gets_no_carrier(string change, string state)
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        var ipam = new ScriptPlugin(host, "meddler", $$"""
            if [ "$CNI_COMMAND" = ADD ]; then
                ip link set "$(ip -j link show master cni0 | jq -r .[0].ifname)" {{change}} || exit 1
                echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.22.0.5/24"}]}'
            fi
            """);
        string config = Conf.Bridge(host, """{ "ipam": { "type": "meddler" } }""");
        var path = new Dictionary<string, string?> { ["CNI_PATH"] = $"{Plugin.OursDirectory}:{ipam.Directory}" };
        Snapshot before = Snapshot.Take(host, except: "cni0");

        new Plugin(host, "bridge").Invoke("ADD", config, "ctr", container.Path, "eth0", environment: path).Failed(999, $"bridge port in error state: {state}", "has no carrier");

        Assert.Equal(["ADD meddler", "DEL meddler"], ipam.Calls);
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("a-name-of-17-byte")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a b")]
    public void Bridge_name_is_impossible(string name) => AssertFails(
        host => Conf.Bridge(host, $$"""{ "bridge": "{{name}}" }"""), 7, "bridge", name);

    [Theory]
    [InlineData("""{ "isGateway": "yes" }""", "isGateway")]
    [InlineData("""{ "mtu": "big" }""", "mtu")]
    [InlineData("""{ "vlan": 1.5 }""", "vlan")]
    [InlineData("""{ "vlanTrunk": { "id": 5 } }""", "vlanTrunk")]
    [InlineData("""{ "ipam": "host-local" }""", "ipam")]
    [InlineData("""{ "ipam": { "type": 7 } }""", "type")]
    [InlineData("""{ "dns": { "nameservers": "192.0.2.1" } }""", "nameservers")]
    [InlineData("""{ "runtimeConfig": [] }""", "runtimeConfig")]
    public void Key_has_a_value_of_another_type(string keys, string key)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult result = new Plugin(host, "bridge").Add(container, Conf.Bridge(host, keys));

        Assert.Contains(result.ErrorCode, (int[])[6, 7, 999]);
        result.Failed(result.ErrorCode, key);
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    private static void AssertFails(Func<TestHost, string> arrange, int code, params string[] texts)
    {
        Plugin.NeedsOurs("bridge", "host-local", "static");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string config = arrange(host);
        bool bridgeIsThere = host.HasLink("cni0");
        Snapshot before = Take();

        new Plugin(host, "bridge").Add(container, config).Failed(code, texts);

        before.AssertSame(Take());

        // A bridge that was there counts in full, its addresses too.
        Snapshot Take() => bridgeIsThere ? Snapshot.Take(host) : Snapshot.Take(host, except: "cni0");
    }
}
