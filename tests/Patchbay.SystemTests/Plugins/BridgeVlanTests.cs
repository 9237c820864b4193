using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>VLANs of a container's port, and the gateway of a VLAN.</summary>
public class BridgeVlanTests
{
    // "100 pvid untagged" for each VLAN of a port, ranges spelled out.
    private static string[] Vlans(TestHost host, string port) =>
    [
        .. host.BridgeJson($"vlan show dev {port}").EnumerateArray().SelectMany(each => each.GetProperty("vlans").EnumerateArray()).SelectMany(vlan =>
        {
            int first = vlan.GetProperty("vlan").GetInt32();
            int last = vlan.TryGetProperty("vlanEnd", out JsonElement end) ? end.GetInt32() : first;
            string[] flags = vlan.TryGetProperty("flags", out JsonElement f) ? [.. f.EnumerateArray().Select(flag => flag.GetString()!)] : [];
            return Enumerable.Range(first, last - first + 1).Select(id =>
                $"{id}{(flags.Contains("PVID") ? " pvid" : "")}{(flags.Contains("Egress Untagged") ? " untagged" : "")}");
        }),
    ];

    [Theory]
    [InlineData("""{ "vlan": 100 }""", "100 pvid untagged")]
    [InlineData("""{ "vlan": 100, "preserveDefaultVlan": true }""", "1 untagged|100 pvid untagged")]
    [InlineData("""{ "vlanTrunk": [{ "id": 101 }, { "minID": 200, "maxID": 202 }] }""", "1 pvid untagged|101|200|201|202")]
    [InlineData("""{ "vlan": 100, "vlanTrunk": [{ "id": 201, "minID": 200, "maxID": 202 }] }""", "100 pvid untagged|200|201|202")]
    public void Port_is_in_the_vlans_of_the_configuration(string keys, string expected)
    {
        Needs.BridgeVlanFiltering();
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, keys);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult added = bridge.Add(container, config).Check();

        Assert.Equal(1, host.Link("cni0").GetProperty("linkinfo").GetProperty("info_data").GetProperty("vlan_filtering").GetInt32());
        Assert.Equal(expected.Split('|'), Vlans(host, added.HostEnd()));
        bridge.Check(container, Conf.WithResult(config, added)).Check();
        string vlan = expected.Split('|')[^1].Split(' ')[0];
        host.Run("bridge", "vlan", "del", "dev", added.HostEnd(), "vid", vlan).Check();
        bridge.Check(container, Conf.WithResult(config, added)).Failed(999, added.HostEnd(), $"VLAN {vlan}");
        bridge.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Gateway_of_a_vlan_is_on_an_interface_of_its_own()
    {
        Needs.BridgeVlanFiltering();
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace one = host.AddContainer(), two = host.AddContainer(), other = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, """{ "vlan": 100, "isDefaultGateway": true }""");

        PluginResult added = bridge.Add(one, config).Check();
        bridge.Add(two, config).Check();
        bridge.Add(other, Conf.Bridge(host, """{ "vlan": 200 }""")).Check();

        Assert.Empty(host.Addresses("cni0"));
        Assert.Equal(["10.22.0.1/24", "fd22::1/64"], host.Addresses("cni0.100"));
        Assert.Equal("veth", host.Link("cni0.100").GetProperty("linkinfo").Text("info_kind"));
        Assert.Equal("cni0.100", added.Json.GetProperty("interfaces")[3].Text("name"));
        Assert.Equal(host.Link("cni0.100").Text("address"), added.Json.GetProperty("interfaces")[3].Text("mac"));
        Assert.False(added.Json.GetProperty("interfaces")[3].TryGetProperty("sandbox", out _));
        foreach (string address in (string[])["10.22.0.1", "fd22::1", "10.22.0.3", "fd22::3"])
            one.Ping(address);
        Assert.NotEqual(0, one.Run("ping", "-c", "1", "-W", "1", "10.22.0.4").ExitCode);
    }

    [Theory]
    [InlineData("""{ "vlan": 4095 }""", "invalid VLAN ID 4095 (must be between 0 and 4094)")]
    [InlineData("""{ "vlan": -1 }""", "invalid VLAN ID -1 (must be between 0 and 4094)")]
    [InlineData("""{ "vlanTrunk": [{ "id": 4095 }] }""", "incorrect trunk id parameter")]
    [InlineData("""{ "vlanTrunk": [{ "id": 0 }] }""", "incorrect trunk id parameter")]
    [InlineData("""{ "vlanTrunk": [{ "minID": 0, "maxID": 5 }] }""", "incorrect trunk minID parameter")]
    [InlineData("""{ "vlanTrunk": [{ "minID": 1, "maxID": 5000 }] }""", "incorrect trunk maxID parameter")]
    [InlineData("""{ "vlanTrunk": [{ "minID": 9, "maxID": 5 }] }""", "minID is greater than maxID in trunk parameter")]
    [InlineData("""{ "vlanTrunk": [{ "minID": 9 }] }""", "minID and maxID should be configured simultaneously, maxID is missing")]
    [InlineData("""{ "vlanTrunk": [{ "maxID": 9 }] }""", "minID and maxID should be configured simultaneously, minID is missing")]
    public void Vlan_that_is_none_is_refused(string keys, string text)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, keys)).Failed(7, text);

        before.AssertSame(Snapshot.Take(host));
    }

    [Fact]
    public void Vlan_on_a_kernel_without_filtering_is_an_error_and_leaves_nothing()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // An existing bridge without filtering stays as it is, and knows no VLANs then.
        host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
        host.Run("ip", "link", "add", "port", "master", "cni0", "type", "veth").Check();
        Assert.SkipWhen(host.Run("bridge", "vlan", "add", "dev", "port", "vid", "7").ExitCode == 0, "this kernel has bridge VLAN filtering");
        Snapshot before = Snapshot.Take(host);

        PluginResult result = new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "vlan": 100 }"""));

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Contains("VLAN", result.ErrorText, StringComparison.OrdinalIgnoreCase);
        before.AssertSame(Snapshot.Take(host));
    }
}
