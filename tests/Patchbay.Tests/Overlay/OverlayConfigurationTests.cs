using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Overlay.Agent;
using Patchbay.Policy.Overlay.Controller;

namespace Patchbay.Tests.Overlay;

/// <summary>Configurations that cannot be are told by the key.</summary>
public class OverlayConfigurationTests
{
    [Theory]
    [InlineData("underlay_ip", "\"eth0\"")]
    [InlineData("overlay_network", "\"10.255.0.1/16\"")]
    [InlineData("overlay_network", "[]")]
    [InlineData("overlay_network", "[\"10.255.0.0/16\", 7]")]
    [InlineData("subnet_prefix_length", "31")]
    [InlineData("subnet_prefix_length", "16")]
    [InlineData("vtep_name", "\"../x\"")]
    [InlineData("vtep_name", "\"sixteen-letters-\"")]
    [InlineData("vni", "16777216")]
    [InlineData("vtep_port", "65536")]
    [InlineData("mtu", "100")]
    [InlineData("poll_interval", "0")]
    [InlineData("partition_tolerance_seconds", "0")]
    [InlineData("lease_file", "\"leases.json\"")]
    [InlineData("lease_file", "\"\"")]
    [InlineData("subnet_file", "\"subnet.env\"")]
    [InlineData("datastore", "\"store.json\"")]
    public void Of_the_agent(string key, string value)
    {
        JsonObject json = JsonNode.Parse("""{ "underlay_ip": "192.0.2.1", "overlay_network": "10.255.0.0/16", "lease_file": "/etc/leases.json" }""")!.AsObject();
        Deserialized(json).Check();
        json[key] = JsonNode.Parse(value);

        Assert.Contains(key, Assert.Throws<InvalidDataException>(() => Deserialized(json).Check()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Networks_may_be_one_or_a_list()
    {
        Assert.Equal(["10.255.0.0/16"], Deserialized(JsonNode.Parse("""{ "overlay_network": "10.255.0.0/16" }""")!).Networks.Select(each => each.ToString()));
        Assert.Equal(["10.1.0.0/16", "10.2.0.0/16"], Deserialized(JsonNode.Parse("""{ "overlay_network": ["10.1.0.0/16", "10.2.0.0/16"] }""")!).Networks.Select(each => each.ToString()));
    }

    [Theory]
    [InlineData("network", "\"10.255.0.1/16\"")]
    [InlineData("lease_expiration_seconds", "0")]
    [InlineData("listen_port", "0")]
    [InlineData("ca_cert_file", "\"/nowhere/ca.crt\"")]
    public void Of_the_controller(string key, string value)
    {
        string json = $$"""{ "{{key}}": {{value}} }""";

        Assert.Contains(key, Assert.Throws<InvalidDataException>(() => JsonSerializer.Deserialize(json, ConfigurationJson.Default.ControllerConfiguration)!.Check()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_the_reference_that_mean_nothing_here_are_known()
    {
        OverlayConfiguration agent = Deserialized(JsonNode.Parse("""{ "metron_port": 1, "debug_server_port": 2, "custom_underlay_interface_name": "", "vtep": 1 }""")!);
        ControllerConfiguration controller = JsonSerializer.Deserialize("""{ "metron_port": 1, "max_open_connections": 2, "networks": 1 }""", ConfigurationJson.Default.ControllerConfiguration)!;

        Assert.Equal(["vtep"], agent.UnknownKeys);
        Assert.Equal(["networks"], controller.UnknownKeys);
    }

    private static OverlayConfiguration Deserialized(JsonNode json) => json.Deserialize(ConfigurationJson.Default.OverlayConfiguration)!;
}
