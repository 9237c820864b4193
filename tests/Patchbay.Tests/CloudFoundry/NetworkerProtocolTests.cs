using System.Text;
using System.Text.Json.Nodes;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Tools.Garden;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>What Garden tells and reads, and the messages of both eras.</summary>
public sealed class NetworkerProtocolTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("networker-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("", "error: this is a plugin for Garden-runC.  Don't run it directly.\n")]
    [InlineData("-h", "error: this is a plugin for Garden-runC.  Don't run it directly.\n")]
    [InlineData("--help", "error: this is a plugin for Garden-runC.  Don't run it directly.\n")]
    [InlineData("--banana yes", "error: parse args: flag provided but not defined: -banana\n")]
    [InlineData("-action", "error: parse args: flag needs an argument: -action\n")]
    [InlineData("--action up --handle h", "error: parse args: missing required flag 'configFile'\n")]
    [InlineData("--configFile FILE --action up", "error: parse args: missing required flag 'handle'\n")]
    [InlineData("--configFile=FILE -handle=h", "error: parse args: missing required flag 'action'\n")]
    [InlineData("--configFile FILE --action up --handle h one two", "error: parse args: unexpected extra args: [one two]\n")]
    [InlineData("--configFile FILE --action some-invalid-action --handle h", "error: unrecognized action: some-invalid-action\n")]
    [InlineData("--configFile FILE --action up --handle h", "error: up missing pid\n")]
    [InlineData("--configFile FILE --action up --handle ../h", "error: invalid handle \"../h\": invalid characters in containerID\n")]
    public void Messages_of_2016(string arguments, string message) => AssertFails(arguments, First(), message);

    [Theory]
    [InlineData("--configFile FILE --action up", "cfnetworking: parse args: missing required flag 'handle'\n")]
    [InlineData("--configFile FILE --action net-in --handle h", "cfnetworking: unrecognized action: net-in\n")]
    [InlineData("--configFile FILE --action net-out --handle h", "cfnetworking: unrecognized action: net-out\n")]
    [InlineData("--configFile FILE --action up --handle h one", "cfnetworking: parse args: unexpected extra args: [one]\n")]
    [InlineData("--configFile FILE --action up --handle h", "cfnetworking: up missing pid\n")]
    public void Messages_of_today(string arguments, string message) => AssertFails(arguments, Today(), message);

    [Theory]
    [InlineData(false, "cni_plugin_dir")]
    [InlineData(false, "overlay_network")]
    [InlineData(false, "state_file")]
    [InlineData(false, "total_ports")]
    [InlineData(true, "bind_mount_dir")]
    [InlineData(true, "log_prefix")]
    [InlineData(true, "iptables_lock_file")]
    [InlineData(true, "proxy_uid")]
    public void A_key_that_is_missing_is_named(bool today, string key)
    {
        JsonObject config = today ? Today() : First();
        config.Remove(key);
        AssertFails("--configFile FILE --action up --handle h", config, $"error: missing required config '{key}'\n");
    }

    [Theory]
    [InlineData("start_port", "70000")]
    [InlineData("total_ports", "70000")]
    [InlineData("overlay_network", "\"banana\"")]
    [InlineData("backend", "\"banana\"")]
    public void A_key_that_makes_no_sense_is_named(string key, string value)
    {
        JsonObject config = First();
        config[key] = JsonNode.Parse(value);
        (int status, string output, string error) = Run("--configFile FILE --action up --handle h", config, "{}");
        Assert.Equal((1, ""), (status, output));
        Assert.Contains($"\"{key}\"", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{\"Pid\": \"x\"}")]
    [InlineData("{\"Pid\": 1")]
    [InlineData("{\"Pid\": 1, \"Properties\": [1]}")]
    [InlineData("{\"Pid\": 99999999999999999999}")]
    [InlineData("{\"Pid\": -1}")]
    [InlineData("DEEP")]
    public void Input_that_is_none(string input)
    {
        string text = input == "DEEP" ? $"{{\"Properties\": {new string('[', 100_000)}" : input;
        (int status, string output, string error) = Run("--configFile FILE --action up --handle h", First(), text);
        Assert.Equal((1, ""), (status, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("{}")]
    public void A_container_that_never_was_is_down(string input)
    {
        // Rules are nobody's here: a test without root has no packet filter.
        Assert.Equal((0, "", ""), Run("--configFile FILE --action down --handle h", Today(), input));
        Assert.Equal((0, "", ""), Run("--configFile FILE --action down --handle h", Today(), input));
    }

    [Fact]
    public void Keys_of_the_input_match_in_any_case_and_unknown_ones_are_left_alone()
    {
        NetworkerInput input = NetworkerInput.Read(new MemoryStream("""
            { "Pid": 42, "banana": [1], "Properties": { "app_id": "a" }, "netin": [{ "host_port": 0, "container_port": 8080 }], "netout_rules": [{ "protocol": 1 }] }
            """u8.ToArray()), "up");
        Assert.Equal(42, input.Pid);
        Assert.Equal("a", input.Properties?.String("app_id"));
        Assert.Equal([new NetIn(0, 8080)], input.NetIn);
        Assert.Single(input.NetOutRules);
    }

    [Fact]
    public void Plugins_are_told_of_the_container_in_the_words_of_every_era()
    {
        NetworkList list = NetworkList.ParseSingle("""{ "name": "n", "type": "wrapper", "cniVersion": "0.2.0", "datastore": "/d", "network": { "old": 1 } }"""u8.ToArray());
        NetworkerInput input = NetworkerInput.Read(new MemoryStream("""{ "Properties": { "app_id": "a" }, "netout_rules": [{ "protocol": 1 }] }"""u8.ToArray()), "up");

        JsonView first = NetworkerNetworks.Injected(list, input, null).Plugins[0].Root;
        Assert.Equal("""{"name": "n", "type": "wrapper", "cniVersion": "0.2.0", "datastore": "/d", "network": {"properties": {"app_id": "a"}}, "metadata": {"app_id": "a"}}""".Replace(" ", "", StringComparison.Ordinal), first.Element.GetRawText().Replace(" ", "", StringComparison.Ordinal));

        JsonView today = NetworkerNetworks.Injected(list, input, [new NetIn(61000, 8080)]).Plugins[0].Root;
        Assert.Equal("""{"portMappings":[{"host_port":61000,"container_port":8080}],"netOutRules":[{ "protocol": 1 }]}""".Replace(" ", "", StringComparison.Ordinal), today.Object("runtimeConfig")!.Value.Element.GetRawText().Replace(" ", "", StringComparison.Ordinal));

        NetworkerInput nothing = NetworkerInput.Read(new MemoryStream("{}"u8.ToArray()), "up");
        Assert.Equal("""{"old":1}""", NetworkerNetworks.Injected(list, nothing, null).Plugins[0].Root.Object("network")!.Value.Element.GetRawText().Replace(" ", "", StringComparison.Ordinal));
    }

    [Fact]
    public void The_answer_has_what_is_known()
    {
        CniResult result = CniResult.Parse("""
            { "cniVersion": "1.0.0", "interfaces": [{ "name": "s-1" }, { "name": "eth0", "sandbox": "/n" }], "ips": [{ "address": "10.255.30.2/32", "interface": 1 }], "dns": { "nameservers": ["169.254.0.2"] } }
            """u8.ToArray(), SpecVersion.V100);
        JsonObject config = Today();
        config["search_domains"] = new JsonArray("apps.internal");
        Assert.Equal(
            """{"properties":{"garden.network.container-ip":"10.255.30.2","garden.network.host-ip":"255.255.255.255","garden.network.mapped-ports":"[{\"HostPort\":61000,\"ContainerPort\":8080}]","garden.network.interface":"eth0"},"dns_servers":["169.254.0.2"],"search_domains":["apps.internal"]}""",
            Encoding.UTF8.GetString(NetworkerOutput.OfUp(NetworkerConfig.Read(Write(config)), result, [new NetIn(61000, 8080)])));
        Assert.Equal(
            """{"properties":{"garden.network.container-ip":"10.255.30.2","garden.network.host-ip":"255.255.255.255"}}""",
            Encoding.UTF8.GetString(NetworkerOutput.OfUp(NetworkerConfig.Read(Write(First())), result, [])));

        CniResult lost = result with { Ips = [result.Ips[0] with { Interface = 7 }] };
        Assert.Contains("no corresponding interface found", Assert.Throws<NetworkerException>(() => NetworkerOutput.OfUp(NetworkerConfig.Read(Write(Today())), lost, [])).Message, StringComparison.Ordinal);
        Assert.Equal("expected an IPv4 address in the CNI result", Assert.Throws<NetworkerException>(() => NetworkerOutput.OfUp(NetworkerConfig.Read(Write(Today())), new CniResult(), [])).Message);
    }

    private void AssertFails(string arguments, JsonObject config, string message) => Assert.Equal((1, "", message), Run(arguments, config, "{}"));

    private (int Status, string Output, string Error) Run(string arguments, JsonObject config, string input)
    {
        using MemoryStream output = new(), error = new();
        string[] words = arguments.Replace("FILE", Write(config), StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int status = GardenNetworker.Run(words, new PluginEnvironment
        {
            Variable = static _ => null,
            Variables = static () => [],
            Input = new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Output = output,
            Error = error,
        });
        return (status, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }

    private string Write(JsonObject config)
    {
        string file = Path.Combine(_directory, "config.json");
        File.WriteAllText(file, config.ToJsonString());
        return file;
    }

    private JsonObject First() => JsonNode.Parse($$"""
        { "cni_plugin_dir": "{{_directory}}/bin", "cni_config_dir": "{{_directory}}/net.d", "bind_mount_dir": "{{_directory}}/netns", "overlay_network": "10.255.0.0/16",
          "state_file": "{{_directory}}/state.json", "start_port": 60000, "total_ports": 5000, "cni_cache_dir": "{{_directory}}/cache" }
        """)!.AsObject();

    private JsonObject Today() => JsonNode.Parse($$"""
        { "cni_plugin_dir": "{{_directory}}/bin", "cni_config_dir": "{{_directory}}/net.d", "bind_mount_dir": "{{_directory}}/netns", "state_file": "{{_directory}}/state.json", "start_port": 61000,
          "total_ports": 5000, "log_prefix": "cfnetworking", "iptables_lock_file": "{{_directory}}/lock", "proxy_port": 15001, "proxy_uid": 0, "cni_cache_dir": "{{_directory}}/cache" }
        """)!.AsObject();
}
