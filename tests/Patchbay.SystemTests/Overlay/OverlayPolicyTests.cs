using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>Overlay agent and policy agent in one process.</summary>
public sealed class OverlayPolicyTests : IDisposable
{
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public void One_process_is_both_agents_and_ends_as_one()
    {
        string certs = Path.Combine(_hosts.One.Directory, "policy-certs");
        _hosts.One.Run(PolicyHost.Executable, "policy", "certs", certs).Check();
        PolicyServerProcess.Start(_hosts.One, [PolicyHost.Executable, "policy", "server", "--certs", certs, "--database", Path.Combine(_hosts.One.Directory, "policy.db")]);
        File.WriteAllText(_hosts.Datastore(1), """{ "h": { "handle": "h", "ip": "10.255.1.2", "metadata": { "policy_group_id": "a" } } }""");
        string policy = WritePolicy(new JsonObject
        {
            ["policy_server_url"] = "https://127.0.0.1:4003",
            ["ca_cert_file"] = $"{certs}/ca.crt",
            ["client_cert_file"] = $"{certs}/client.crt",
            ["client_key_file"] = $"{certs}/client.key",
            ["cni_datastore_path"] = _hosts.Datastore(1),
        });
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");

        PolicyServerProcess agents = _hosts.StartAgent(1, _hosts.AgentConfiguration(1, controller: false), "--policy", policy);
        Wait.Until("the overlay", () => _hosts.NetworkInfo(1) is not null && _hosts.Routes(1).Length == 1);
        agents.WaitForLog("policies from https://127.0.0.1:4003");
        HttpAnswer.Parse(_hosts.One.Run("curl", "-sS", "-i", "http://127.0.0.1:8722/force-policy-poll-cycle").Check()).Is(200);
        Assert.Contains("10.255.1.2", _hosts.One.Run("nft", "list", "table", "ip", "cf_networking").Check().StandardOutput, StringComparison.Ordinal);

        Assert.Equal(0, agents.Stop());
        Assert.Equal(["10.255.2.0/24"], _hosts.Routes(1));
        _hosts.One.Run("nft", "list", "table", "ip", "cf_networking").Check();
    }

    [Fact]
    public void When_one_agent_cannot_run_neither_does()
    {
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24");
        JsonObject configuration = _hosts.AgentConfiguration(1, controller: false);
        configuration["policy_agent_config"] = WritePolicy(new JsonObject { ["policy_server_url"] = "ftp://nowhere" });

        CommandResult ended = _hosts.RunAgent(1, configuration);

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("policy_server_url is \"ftp://nowhere\"", ended.StandardError, StringComparison.Ordinal);
        Assert.False(_hosts.One.HasLink(OverlayHosts.Vtep), "the configurations are checked before anything is done");
    }

    private string WritePolicy(JsonObject configuration)
    {
        string file = Path.Combine(_hosts.One.Directory, "policy-agent.json");
        File.WriteAllText(file, configuration.ToJsonString());
        return file;
    }
}
