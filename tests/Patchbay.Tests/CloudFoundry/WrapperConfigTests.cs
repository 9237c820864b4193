using System.Text;
using System.Text.Json.Nodes;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>The wrapper's keys, of both eras.</summary>
public class WrapperConfigTests
{
    private const string Newest = """
        { "name": "n", "type": "cni-wrapper-plugin", "cniVersion": "1.0.0", "datastore": "/d/store.json", "delegate": { "type": "ptp" }, "instance_address": "192.0.2.10", "underlay_ips": ["192.0.2.10"],
          "ingress_tag": "ffff0000", "vtep_name": "silk-vtep", "iptables_denied_logs_per_sec": 1, "iptables_accepted_udp_logs_per_sec": 1, "policy_agent_force_poll_address": "127.0.0.1:8722" }
        """;

    [Fact]
    public void A_configuration_of_2016_makes_no_rules()
    {
        WrapperConfig config = Read("""
            { "name": "cni-wrapper", "type": "wrapper", "cniVersion": "0.2.0", "datastore": "/path/to/datastore", "delegate": { "name": "cni-flannel", "type": "flannel", "delegate": { "bridge": "cni-flannel0" } },
              "network": { "properties": { "app_id": "a" } } }
            """);
        Assert.Null(config.Rules);
        Assert.Equal("flannel", config.DelegateType);
    }

    [Theory]
    [InlineData("datastore", null, "missing datastore path")]
    [InlineData("datastore", "\"relative\"", "absolute path")]
    [InlineData("delegate", null, "delegate config is missing type")]
    [InlineData("delegate", "{ \"type\": 5 }", "delegate config is missing type")]
    [InlineData("instance_address", null, "missing instance address")]
    [InlineData("instance_address", "\"fd00::1\"", "must be an IPv4 address")]
    [InlineData("underlay_ips", "[]", "missing underlay ips")]
    [InlineData("ingress_tag", "\"\"", "missing ingress tag")]
    [InlineData("ingress_tag", "\"xyz\"", "hexadecimal")]
    [InlineData("vtep_name", null, "missing vtep device name")]
    [InlineData("vtep_name", "\"a\\\"b\"", "character '\"'")]
    [InlineData("iptables_denied_logs_per_sec", "0", "invalid denied logs per sec")]
    [InlineData("iptables_accepted_udp_logs_per_sec", null, "invalid accepted udp logs per sec")]
    [InlineData("policy_agent_force_poll_address", null, "missing policy agent force poll address")]
    [InlineData("policy_agent_force_poll_address", "\"example.com:80\"", "must be an address and a port")]
    [InlineData("backend", "\"iptables\"", "missing iptables lock file path")]
    [InlineData("backend", "\"ebtables\"", "unrecognized backend")]
    [InlineData("dns_servers", "[\"banana\"]", "invalid DNS server \"banana\", must be valid IP address")]
    [InlineData("deny_networks", "{ \"always\": [\"banana\"] }", "deny_networks.always[0]")]
    [InlineData("host_tcp_services", "[\"169.254.0.2\"]", "host_tcp_services[0]")]
    [InlineData("host_tcp_services", "[\"[fd00::2]:9001\"]", "must be an IPv4 address")]
    [InlineData("host_tcp_services_ipv6", "[\"169.254.0.2:9001\"]", "must be an IPv6 address")]
    [InlineData("outbound_connections", "{ \"limit\": true, \"burst\": 5 }", "missing outbound connection rate_per_sec")]
    [InlineData("datastore_file_owner", "\"nobody-has-this-name\"", "/etc/passwd does not have")]
    public void What_is_missing_or_wrong_is_told_by_name(string key, string? value, string text)
    {
        JsonObject config = JsonNode.Parse(Newest)!.AsObject();
        config[key] = value is null ? null : JsonNode.Parse(value);
        Assert.Contains(text, Assert.Throws<CniException>(() => Read(config.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host_udp_services_ipv6", "[\"[fd00::2]:53\"]", "\"host_udp_services_ipv6\" needs backend \"nftables\"")]
    [InlineData("deny_networks", "{ \"always\": [\"fd00::/8\"] }", "must be a network of IPv4")]
    public void Iptables_knows_no_IPv6(string key, string value, string text)
    {
        JsonObject config = JsonNode.Parse(Newest)!.AsObject();
        config[key] = JsonNode.Parse(value);
        Assert.NotNull(Read(config.ToJsonString()).Rules);
        config["backend"] = "iptables";
        config["iptables_lock_file"] = "/lock";
        Assert.Contains(text, Assert.Throws<CniException>(() => Read(config.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_networks_to_deny_is_not_overlooked()
    {
        Assert.Contains(
            "missing instance address",
            Assert.Throws<CniException>(() => Read("""{ "name": "n", "type": "wrapper", "datastore": "/d/s", "delegate": { "type": "ptp" }, "deny_networks": { "always": ["10.0.0.0/8"] } }""")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "metadata": { "a": "1" }, "network": { "properties": { "a": "2" } } }""", "1")]
    [InlineData("""{ "network": { "properties": { "a": "2" } } }""", "2")]
    [InlineData("""{ "runtimeConfig": { "metadata": { "a": "3" } } }""", "3")]
    [InlineData("{}", null)]
    public void Metadata_of_every_era(string keys, string? expected)
    {
        JsonObject config = JsonNode.Parse(keys)!.AsObject();
        config["name"] = "n";
        Assert.Equal(expected, WrapperConfig.Metadata(NetworkConfig.Parse(Encoding.UTF8.GetBytes(config.ToJsonString())))?.String("a"));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok")]
    [InlineData("HTTP/1.0 405 Method Not Allowed\r\n\r\n", 405, "")]
    public void Answers_of_an_agent(string answer, int status, string body) => Assert.Equal((status, body), PolicyAgentClient.Parse(answer));

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\n")]
    [InlineData("HTTP/1.1 banana split\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH 200 \r\n\r\n")]
    public void No_answers(string answer) => Assert.Null(PolicyAgentClient.Parse(answer));

    private static WrapperConfig Read(string json) => WrapperConfig.Read(NetworkConfig.Parse(Encoding.UTF8.GetBytes(json)));
}
