using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>vlan: ids and protocols. What it shares with others is in <see cref="ChildLinkTests"/>.</summary>
public class VlanTests
{
    [Theory]
    [InlineData("""{ "vlanId": null }""", 0, "802.1Q")]
    [InlineData("""{ "vlanId": 0 }""", 0, "802.1Q")]
    [InlineData("""{ "vlanId": 1, "protocol": "" }""", 1, "802.1Q")]
    [InlineData("""{ "vlanId": 4094, "protocol": "802.1q" }""", 4094, "802.1Q")]
    [InlineData("""{ "vlanId": 100, "protocol": "802.1ad" }""", 100, "802.1ad")]
    public void Id_and_protocol_are_as_configured(string keys, int id, string protocol)
    {
        using Lan lan = new("vlan");
        string config = lan.Config(keys);

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        JsonElement data = lan.Data();
        Assert.Equal((id, protocol), (data.GetProperty("id").GetInt32(), data.Text("protocol")));
        Assert.Equal(lan.Host.Link("up0").Text("address"), lan.Container.Link("eth0").Text("address"));
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config("""{ "vlanId": 7 }"""), added)).Failed(999, $"is VLAN {id}", "says 7");
        string other = protocol == "802.1ad" ? "802.1q" : "802.1ad";
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config($$"""{ "vlanId": {{id}}, "protocol": "{{other}}" }"""), added)).Failed(999, "VLAN");
    }

    [Fact]
    public void Tags_of_two_protocols_are_two_interfaces_and_can_be_stacked()
    {
        using Lan lan = new("vlan");
        lan.Plugin.Add(lan.Container, lan.Config("""{ "name": "outer", "vlanId": 5, "protocol": "802.1ad" }""", ranges: """[[{ "subnet": "10.23.0.0/24" }]]"""), ifName: "outer").Check();
        lan.Plugin.Add(lan.Container, lan.Config()).Check();
        lan.Plugin.Add(lan.Container, lan.Config("""{ "name": "inner", "master": "outer", "linkInContainer": true, "vlanId": 9 }""", ranges: """[[{ "subnet": "10.24.0.0/24" }]]"""), ifName: "inner").Check();
        lan.Neighbour.Run("ip", "link", "add", "link", "lan0", "name", "outer", "up", "type", "vlan", "protocol", "802.1ad", "id", "5").Check();
        lan.Neighbour.Run("ip", "link", "add", "link", "outer", "name", "inner", "up", "type", "vlan", "id", "9").Check();
        lan.Neighbour.Run("ip", "addr", "add", "10.24.0.1/24", "dev", "inner").Check();

        lan.Container.Ping("10.22.0.1");
        lan.Container.Ping("10.24.0.1");
        Assert.Equal("outer", lan.Container.Link("inner").Text("link"));
    }

    [Fact]
    public void Vlan_that_is_given_to_another_container_is_named()
    {
        using Lan lan = new("vlan");
        TestNamespace second = lan.Host.AddContainer();
        PluginResult added = lan.Plugin.Add(lan.Container, lan.Config()).Check();
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(second, lan.Config()).Failed(999, "\"up0\"", "the master has VLAN 5 already");

        before.AssertSame(Snapshot.Take(lan.Host));
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config(), added)).Check();
    }

    [Fact]
    public void Master_that_is_down_is_named()
    {
        using Lan lan = new("vlan");
        lan.Host.Run("ip", "link", "set", "up0", "down").Check();
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, lan.Config()).Failed(999, "master \"up0\" is down", "ip link set up0 up");
        lan.Plugin.Invoke("STATUS", lan.Config(version: "1.1.0")).Failed(50, "master \"up0\" is down");

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Theory]
    [InlineData("""{ "master": null }""", 7, "\"master\" field is required. It specifies the host interface name to create the VLAN for")]
    [InlineData("""{ "master": "" }""", 7, "\"master\" field is required")]
    [InlineData("""{ "vlanId": -1 }""", 7, "invalid VLAN ID -1 (must be between 0 and 4094 inclusive)")]
    [InlineData("""{ "vlanId": 4095 }""", 7, "invalid VLAN ID 4095")]
    [InlineData("""{ "vlanId": "5" }""", 999, "\"vlanId\" must be a whole number")]
    [InlineData("""{ "vlanId": 5.5 }""", 999, "\"vlanId\" must be a whole number")]
    [InlineData("""{ "protocol": "802.1w" }""", 7, "unknown VLAN protocol \"802.1w\"")]
    [InlineData("""{ "protocol": 33024 }""", 999, "\"protocol\" must be a string")]
    public void Wrong_keys_are_named(string keys, int code, string text)
    {
        using Lan lan = new("vlan", refusing: true);
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, lan.Config(keys)).Failed(code, text);
        lan.Plugin.Check(lan.Container, lan.Config(keys)).Failed(code, text);
        lan.Plugin.Invoke("STATUS", lan.Config(keys, version: "1.1.0")).Failed(code, text);

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Fact]
    public void Configuration_without_ipam_is_refused()
    {
        using Lan lan = new("vlan", refusing: true);
        lan.Plugin.Add(lan.Container, lan.Config("""{ "ipam": null }""")).Failed(7, "\"ipam\" with a \"type\" is required");
    }
}
