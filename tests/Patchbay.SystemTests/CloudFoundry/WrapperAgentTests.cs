using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>The wrapper's calls at the policy agent, its delegate and its datastore, and what a failure of each leaves: nothing.</summary>
public sealed class WrapperAgentTests : IDisposable
{
    private const string Groups = """ "runtimeConfig": { "netOutRules": [{ "networks": [{ "start": "10.0.0.1" }] }] } """;

    private readonly CloudHost _cloud = new();
    private readonly Plugin _wrapper;
    private readonly TestNamespace _web;

    public WrapperAgentTests()
    {
        _wrapper = new Plugin(_cloud.Host, "cni-wrapper-plugin");
        _web = _cloud.Host.AddContainer();
    }

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("200 OK\r\n\r\n", false)]
    [InlineData("405 Method Not Allowed\r\n\r\nASG syncing has been disabled administratively", true)]
    public void The_agent_is_asked_in_order_and_security_groups_are_its_or_ours(string answer, bool ours)
    {
        string stored = "";
        using var agent = new AgentDouble(Host, path =>
        {
            stored += File.Exists(_cloud.Datastore) ? File.ReadAllText(_cloud.Datastore) : "";
            return path.StartsWith("/force-policy", StringComparison.Ordinal) ? "200 OK\r\n\r\n" : answer;
        });
        string config = _cloud.Wrapper($$"""{ "policy_agent_force_poll_address": "{{agent.Address}}", {{Groups}} }""");
        _wrapper.Add(_web, config, containerId: "web").Check();
        Assert.Contains("10.255.30.2", stored, StringComparison.Ordinal); // written down before the agent looks
        Assert.Equal(["/force-policy-poll-cycle", "/force-asgs-for-container?container=web"], agent.Asked);
        Assert.Equal(ours ? ["10.255.30.2"] : [], _cloud.Keys("security_groups"));

        // The element that an agent puts there goes with the container.
        if (!ours)
            Host.Run("nft", "add chain ip cf_networking agent-a; add element ip cf_networking security_groups { 10.255.30.2 : jump agent-a }").Check();
        _wrapper.Delete(_web, config, containerId: "web").Check();
        Assert.Equal("/force-orphaned-asgs-cleanup?container=web", agent.Asked[^1]);
        Assert.Empty(_cloud.Elements("security_groups"));
        Assert.Equal(!ours, _cloud.Chains().Contains("agent-a"));
    }

    [Theory]
    [InlineData("nftables", "/force-policy", "500 Internal Server Error\r\n\r\nfailed to force policy poll cycle: oh no", "vpa response code: 500 with message: failed to force policy poll cycle: oh no")]
    [InlineData("nftables", "/force-asgs", "500 Internal Server Error\r\n\r\noh no", "asg sync returned 500 with message: oh no")]
    [InlineData("iptables", "/force-asgs", "500 Internal Server Error\r\n\r\noh no", "asg sync returned 500 with message: oh no")]
    [InlineData("nftables", "/force-asgs", "banana", "no answer of HTTP")]
    [InlineData("nftables", "/force-asgs", null, "does not answer within 1 s")]
    public void An_agent_that_fails_or_hangs_undoes_the_add(string backend, string path, string? answer, string text)
    {
        string keys = $$""" "backend": "{{backend}}", "policy_agent_timeout_seconds": 1, {{Groups}} """;
        Warm(_cloud.Wrapper($$"""{ {{keys}} }"""));
        Snapshot before = Snapshot.Take(Host);
        using var agent = new AgentDouble(Host, asked => asked.StartsWith(path, StringComparison.Ordinal) ? answer : "200 OK\r\n\r\n");
        PluginResult result = _wrapper.Add(_web, _cloud.Wrapper($$"""{ {{keys}}, "policy_agent_force_poll_address": "{{agent.Address}}" }"""));
        Assert.Contains(text, result.ErrorText, StringComparison.Ordinal);
        Same(before);
    }

    [Fact]
    public void An_agent_that_is_not_there_fails_add_and_delete_but_delete_does_its_work()
    {
        string config = _cloud.Wrapper("""{ "policy_agent_force_poll_address": "127.0.0.1:1" }""");
        Warm(_cloud.Wrapper());
        Snapshot before = Snapshot.Take(Host);
        Assert.Contains("127.0.0.1:1", _wrapper.Add(_web, config).ErrorText, StringComparison.Ordinal);
        Same(before);
        _wrapper.Add(_web, _cloud.Wrapper()).Check();
        Assert.Contains("127.0.0.1:1", _wrapper.Delete(_web, config).ErrorText, StringComparison.Ordinal);
        Same(before);
    }

    [Fact]
    public void A_port_of_another_container_is_refused_and_stays_its()
    {
        string config = _cloud.Wrapper("""{ "runtimeConfig": { "portMappings": [{ "host_port": 61000, "container_port": 8080 }] } }""");
        TestNamespace first = Host.AddContainer();
        _wrapper.Add(first, config).Check();
        Snapshot before = Snapshot.Take(Host);
        PluginResult second = _wrapper.Add(_web, config);
        Assert.Contains("port 61000 of 192.0.2.10 leads to another container already", second.ErrorText, StringComparison.Ordinal);
        Assert.Contains(first.Name, second.ErrorText, StringComparison.Ordinal);
        Same(before);
    }

    [Theory]
    [InlineData("""echo '{ "code": 42, "msg": "no room" }'; exit 1""", 42, "delegate call: no room")]
    [InlineData("exec sleep 1000", 11, "delegate call: plugin \"broken\" did not finish within 1 s")]
    [InlineData("echo banana", 999, "delegate call: plugin \"broken\" printed no valid result")]
    [InlineData("""echo '{ "cniVersion": "1.0.0", "ips": [{ "address": "fd00::1/64" }] }'""", 7, "no IPv4 address")]
    public void A_delegate_that_fails_or_hangs_leaves_nothing_and_gets_a_delete(string body, int code, string text)
    {
        var broken = new ScriptPlugin(Host, "broken", $"""if [ "$CNI_COMMAND" = ADD ]; then {body}; fi""");
        Warm(_cloud.Wrapper());
        Snapshot before = Snapshot.Take(Host);
        PluginResult result = _wrapper.Invoke("ADD", _cloud.Wrapper("""{ "delegate": { "type": "broken" } }"""), "web", _web.Path, "eth0", environment: new Dictionary<string, string?>
        {
            ["CNI_PATH"] = broken.Directory,
            ["PATCHBAY_DELEGATE_TIMEOUT"] = "1",
        });
        Assert.Equal(code, result.ErrorCode);
        Assert.StartsWith(text.StartsWith("no ", StringComparison.Ordinal) ? "the delegate's result has" : text, result.ErrorText, StringComparison.Ordinal);
        Assert.Equal(["ADD broken", "DEL broken"], broken.Calls);
        Same(before);
    }

    [Fact]
    public void The_delegate_gets_its_own_keys_with_a_name_a_version_and_what_the_command_needs()
    {
        var other = new ScriptPlugin(Host, "other", """if [ "$CNI_COMMAND" = ADD ]; then echo '{ "cniVersion": "0.4.0", "ips": [{ "version": "4", "address": "10.9.9.9/24" }] }'; fi""");
        var path = new Dictionary<string, string?> { ["CNI_PATH"] = other.Directory };
        string config = $$"""{ "cniVersion": "1.0.0", "name": "cf", "type": "wrapper", "datastore": "{{_cloud.Datastore}}", "delegate": { "type": "other", "cniVersion": "0.4.0", "own": [1, { "a": null }] }, "metadata": { "app_id": "a" } }""";
        PluginResult added = new Plugin(Host, "wrapper").Invoke("ADD", config, "web", _web.Path, "eth0", environment: path).Check();
        Assert.Equal("10.9.9.9/24", added.Json.GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.Equal("""{"type":"other","cniVersion":"0.4.0","own":[1,{"a":null}],"name":"cf"}""", other.Config("ADD").GetRawText().Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal("web", other.Variable("ADD", "CNI_CONTAINERID"));

        string after = config[..^1] + $", \"prevResult\": {added.StandardOutput} }}";
        new Plugin(Host, "wrapper").Invoke("DEL", after, "web", _web.Path, "eth0", environment: path).Check();
        JsonElement previous = other.Config("DEL").GetProperty("prevResult");
        Assert.Equal("0.4.0", previous.GetProperty("cniVersion").GetString()); // in the delegate's version
        Assert.Equal("{}", File.ReadAllText(_cloud.Datastore));
    }

    [Theory]
    [InlineData("{\"web\":{\"handle\":\"web\",\"ip\":\"10.2", "store add: decoding file")]
    [InlineData("[1, 2]", "store add: decoding file")]
    public void A_datastore_that_is_damaged_fails_the_add_and_not_the_delete(string content, string text)
    {
        Warm(_cloud.Wrapper());
        File.WriteAllText(_cloud.Datastore, content);
        Snapshot before = Snapshot.Take(Host);
        Assert.StartsWith(text, _wrapper.Add(_web, _cloud.Wrapper()).ErrorText, StringComparison.Ordinal);
        Same(before);
        PluginResult deleted = _wrapper.Delete(_web, _cloud.Wrapper()).Check();
        Assert.Contains("decoding file", deleted.StandardError, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(_cloud.Datastore));
    }

    [Fact]
    public void Chains_of_iptables_are_not_shared()
    {
        Needs.IptablesNft();
        string config = _cloud.Wrapper("""{ "backend": "iptables" }""");
        _wrapper.Add(Host.AddContainer(), config, containerId: "executor-healthcheck-1").Check();
        Snapshot before = Snapshot.Take(Host);
        Assert.Contains("would share chains of iptables", _wrapper.Add(_web, config, containerId: "executor-healthcheck-2").ErrorText, StringComparison.Ordinal);
        Same(before);
        _wrapper.Delete(_web, config, containerId: "executor-healthcheck-2").Check(); // as a runtime does after a failed ADD
        Same(before);
        _wrapper.Add(_web, _cloud.Wrapper(), containerId: "executor-healthcheck-2").Check();
    }

    private void Warm(string config)
    {
        _wrapper.Add(_web, config).Check();
        _wrapper.Delete(_web, config).Check();
    }

    private void Same(Snapshot before) =>
        Assert.DoesNotContain(before.Difference(Snapshot.Take(Host)), fact => !fact.Contains("store.json_version", StringComparison.Ordinal));
}
