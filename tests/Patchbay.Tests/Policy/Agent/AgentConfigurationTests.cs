using Patchbay.Policy.Agent;

namespace Patchbay.Tests.Policy.Agent;

public sealed class AgentConfigurationTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pb-agent-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Keys_of_the_reference_are_understood()
    {
        AgentConfiguration read = Read(
            """
            {
              "poll_interval": 7, "cni_datastore_path": "/var/vcap/data/container-metadata/store.json", "policy_server_url": "https://policy-server.service.cf.internal:4003",
              "vni": 1, "metron_address": "127.0.0.1:3457", "ca_cert_file": "/ca.crt", "client_cert_file": "/client.crt", "client_key_file": "/client.key",
              "client_timeout_seconds": 4, "iptables_lock_file": "/var/vcap/data/garden-cni/iptables.lock", "debug_server_host": "127.0.0.1", "debug_server_port": 8720,
              "log_level": "debug", "log_prefix": "cfnetworking", "iptables_c2c_logging": true, "iptables_accepted_udp_logs_per_sec": 7, "enable_overlay_ingress_rules": true,
              "force_policy_poll_cycle_host": "127.0.0.1", "force_policy_poll_cycle_port": 8723, "disable_container_network_policy": true, "overlay_network": "10.255.0.0/16",
              "underlay_ips": ["10.0.0.1"], "iptables_asg_logging": true, "iptables_denied_logs_per_sec": 3, "deny_networks": {"always": []},
              "outbound_connections": {"limit": false}, "loggregator": {}, "enable_asg_syncing": true, "asg_poll_interval": 9,
            }
            """);

        Assert.DoesNotContain(read.Unknown?.Keys ?? Enumerable.Empty<string>(), each => !AgentConfiguration.IsOfOthers(each));
        Assert.Equal((7.0, 4.0, 8720, 8723, 9.0), (read.PollInterval, read.ClientTimeoutSeconds, read.DebugServerPort, read.ForcePolicyPollCyclePort, read.AsgPollInterval));
        Assert.True(read.IptablesC2cLogging && read.IptablesAsgLogging && read.EnableOverlayIngressRules && read.EnableAsgSyncing && read.DisableContainerNetworkPolicy);
        AgentOptions options = AgentOptions.Of(read);
        Assert.Equal((3, 7, 0xffff0000u), (options.DeniedLogsPerSecond, options.AcceptedUdpLogsPerSecond, options.IngressMark));
        Assert.Equal("10.255.0.0/16", options.Unrestricted.ToString());
    }

    [Theory]
    [InlineData("""{"poll_interval": "x"}""", "poll_interval")]
    [InlineData("null", "it is null")]
    [InlineData("{", "agent.json")]
    public void A_file_that_is_none_is_named(string text, string told) =>
        Assert.Contains(told, Assert.Throws<InvalidDataException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("policy_server_url", "\"http://policy-server:4003\"", "policy_server_url is \"http://policy-server:4003\"")]
    [InlineData("ca_cert_file", "\"/nowhere/ca.crt\"", "ca_cert_file: /nowhere/ca.crt is not there")]
    [InlineData("client_key_file", "\"\"", "client_key_file is not set")]
    [InlineData("cni_datastore_path", "\"store.json\"", "must be the absolute path")]
    [InlineData("cni_datastore_path", "\"/nowhere/at/all/store.json\"", "directory /nowhere/at/all is not there")]
    [InlineData("poll_interval", "0", "poll_interval must be")]
    [InlineData("iptables_denied_logs_per_sec", "0", "iptables_denied_logs_per_sec")]
    [InlineData("backend", "\"ebpf\"", "backend is \"ebpf\"")]
    [InlineData("ingress_tag", "\"0001\"", "ingress_tag is \"0001\"")]
    [InlineData("disable_container_network_policy", "true", "needs overlay_network")]
    public void What_cannot_be_is_told_by_key_and_value(string key, string value, string told)
    {
        string here = _directory.FullName;
        foreach (string each in (string[])["ca.crt", "client.crt", "client.key"])
            File.WriteAllText(Path.Combine(here, each), "");
        var keys = new Dictionary<string, string>
        {
            ["policy_server_url"] = "\"https://localhost:4003\"",
            ["cni_datastore_path"] = $"\"{here}/store.json\"",
            ["ca_cert_file"] = $"\"{here}/ca.crt\"",
            ["client_cert_file"] = $"\"{here}/client.crt\"",
            ["client_key_file"] = $"\"{here}/client.key\"",
        };
        Of(keys).Check();
        keys[key] = value;
        Assert.Contains(told, Assert.Throws<InvalidDataException>(() => Of(keys).Check()).Message, StringComparison.Ordinal);

        AgentConfiguration Of(Dictionary<string, string> from) => Read($"{{{string.Join(',', from.Select(each => $"\"{each.Key}\":{each.Value}"))}}}");
    }

    private AgentConfiguration Read(string text)
    {
        string path = Path.Combine(_directory.FullName, "agent.json");
        File.WriteAllText(path, text);
        return AgentConfiguration.Read(path);
    }
}
