using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>STATUS: what would make an ADD fail is told before, and asking changes nothing.</summary>
public sealed class StatusTests : IDisposable
{
    private readonly TestHost _host;

    public StatusTests()
    {
        Plugin.NeedsOurs("bridge", "ptp", "host-local");
        _host = TestHost.Create();
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("bridge", "nftables")]
    [InlineData("bridge", "iptables")]
    [InlineData("bridge", null)]
    [InlineData("ptp", "nftables")]
    [InlineData("ptp", "iptables")]
    [InlineData("host-local", null)]
    public void All_well_is_silent_and_leaves_no_trace(string type, string? backend)
    {
        Snapshot before = Snapshot.Take(_host);

        PluginResult status = Status(type, Config(type, backend)).Check();

        Assert.Equal("", status.StandardOutput + status.StandardError);
        before.AssertSame(Snapshot.Take(_host));
        Assert.Empty(Directory.GetFileSystemEntries(_host.DataDirectory));
        Assert.Empty(_host.Run("nft", "list", "ruleset").Check().StandardOutput);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("host-local")]
    public void A_range_set_that_is_used_up_is_named_with_its_network(string type)
    {
        string config = Config(type, "nftables", second: """{ "subnet": "fd00:22::/64", "rangeStart": "fd00:22::10", "rangeEnd": "fd00:22::11" }""");
        Plugin reference = ReferencePlugins.Plugin(_host, "host-local");
        string old = config.Replace("1.1.0", "1.0.0", StringComparison.Ordinal);
        reference.Invoke("ADD", old, "a", "/run/netns/none", "eth0").Check();
        Status(type, config).Check();
        reference.Invoke("ADD", old, "b", "/run/netns/none", "eth0").Check();
        Snapshot before = Snapshot.Take(_host);

        string text = Status(type, config).CheckError(50).ErrorText;

        Assert.Contains("network net: no IP addresses available in range set 1: fd00:22::10-fd00:22::11", text, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(_host));
        reference.Invoke("DEL", old, "a", "/run/netns/none", "eth0").Check();
        Status(type, config).Check();
    }

    [Theory]
    [InlineData("bridge", false)]
    [InlineData("host-local", false)]
    [InlineData("host-local", true)]
    public void A_gateway_is_no_free_address(string type, bool used)
    {
        string config = Config(type, "nftables", second: """{ "subnet": "fd00:22::/64", "rangeStart": "fd00:22::1", "rangeEnd": "fd00:22::1" }""");
        if (used)
            ReferencePlugins.Plugin(_host, "host-local").Invoke("ADD", config.Replace("1.1.0", "1.0.0", StringComparison.Ordinal), "a", "/run/netns/none", "eth0").CheckError(999);

        Assert.Contains("range set 1: fd00:22::1-fd00:22::1", Status(type, config).CheckError(50).ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void A_host_without_iptables_is_told_only_if_iptables_is_asked_for(string type)
    {
        const string Hide = "mount -t tmpfs none /usr/sbin && { [ -L /sbin ] || mount -t tmpfs none /sbin; }";

        string text = Status(type, Config(type, "iptables"), Hide).CheckError(50).ErrorText;

        Assert.Contains("iptables-restore", text, StringComparison.Ordinal);
        Status(type, Config(type, "nftables"), Hide).Check();
        Status(type, Config(type, null), Hide).Check();
        Status(type, With(Config(type, "iptables"), "ipMasq", false), Hide).Check();
    }

    [Theory]
    [InlineData("bridge", false)]
    [InlineData("ptp", false)]
    [InlineData("host-local", false)]
    [InlineData("host-local", true)]
    public void A_data_directory_that_cannot_be_written_is_named(string type, bool used)
    {
        if (used)
            ReferencePlugins.Plugin(_host, "host-local").Invoke("ADD", Config(type, null).Replace("1.1.0", "1.0.0", StringComparison.Ordinal), "a", "/run/netns/none", "eth0").Check();
        string readOnly = $"mount --bind {_host.DataDirectory} {_host.DataDirectory} && mount -o remount,bind,ro {_host.DataDirectory}";

        string text = Status(type, Config(type, "nftables"), readOnly).CheckError(50).ErrorText;

        Assert.Contains(Path.Combine(_host.DataDirectory, "net"), text, StringComparison.Ordinal);
        Assert.Contains("Read-only file system", text, StringComparison.Ordinal);
        Status(type, Config(type, "nftables")).Check();
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void An_unknown_backend_is_named(string type) =>
        Assert.Contains("unknown ipmasq backend \"pf\"", Status(type, Config(type, "pf")).CheckError(7).ErrorText, StringComparison.Ordinal);

    [Theory]
    [InlineData("uplink", "veth")]
    [InlineData("lo", "a physical interface")]
    public void A_bridge_that_is_another_kind_of_device_is_named(string name, string kind)
    {
        _host.Run("ip", "link", "add", "uplink", "type", "veth").Check();
        string config = With(Config("bridge", null), "bridge", name);
        Snapshot before = Snapshot.Take(_host);

        string text = Status("bridge", config).CheckError(50).ErrorText;

        Assert.Contains($"\"{name}\" already exists but is not a bridge (it is {kind})", text, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(_host));
        _host.Run("ip", "link", "add", "cni5", "type", "bridge").Check();
        Status("bridge", With(config, "bridge", "cni5")).Check();
    }

    /// <summary>Each kernel is one case of the two: the judge is what an ADD does.</summary>
    [Theory]
    [InlineData("vlan", "5")]
    [InlineData("vlanTrunk", """[{ "minID": 5, "maxID": 7 }]""")]
    public void Vlans_are_told_before_as_the_add_finds_them(string key, string value)
    {
        TestNamespace container = _host.AddContainer();
        string config = With(Config("bridge", "nftables"), key, JsonNode.Parse(value)!);
        Snapshot before = Snapshot.Take(_host);

        PluginResult status = Status("bridge", config);

        before.AssertSame(Snapshot.Take(_host));
        if (new Plugin(_host, "bridge").Add(container, config).ExitCode == 0)
            status.Check();
        else
            Assert.Contains("CONFIG_BRIDGE_VLAN_FILTERING", status.CheckError(50).ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Vlans_that_the_kernel_has_are_silent()
    {
        Needs.BridgeVlanFiltering();
        Status("bridge", With(Config("bridge", null), "vlan", 5)).Check();
    }

    [Theory]
    [InlineData("ptp", "mtu", "\"x\"", 999, "\"mtu\" must be a whole number")]
    [InlineData("ptp", "mtu", "-1", 999, "\"mtu\" must be a whole number")]
    [InlineData("ptp", "mtuOverhead", "\"x\"", 999, "\"mtuOverhead\" must be a whole number")]
    [InlineData("ptp", "ipMasq", "\"yes\"", 999, "\"ipMasq\" must be true or false")]
    [InlineData("ptp", "ipMasqBackend", "7", 999, "\"ipMasqBackend\" must be a string")]
    [InlineData("ptp", "ipam", "{}", 7, "no plugin name provided")]
    [InlineData("vlan", "master", "\"uplink\"", 7, "\"ipam\" with a \"type\" is required")]
    [InlineData("bridge", "mtu", "\"x\"", 999, "\"mtu\" must be a whole number")]
    [InlineData("bridge", "vlan", "4095", 7, "invalid VLAN ID 4095")]
    public void A_bad_configuration_is_the_configurations_fault(string type, string key, string value, int code, string text)
    {
        string config = With(Config(type, null), key, JsonNode.Parse(value)!);
        if (type == "vlan")
            config = With(config, "ipam", new JsonObject());

        Assert.Contains(text, Status(type, config).CheckError(code).ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("host-local")]
    public void Older_configurations_have_no_such_command(string type)
    {
        string config = Config(type, "nftables").Replace("1.1.0", "1.0.0", StringComparison.Ordinal);
        Assert.Contains("config version does not allow STATUS", Status(type, config).CheckError(1).ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void An_external_address_management_is_asked_and_its_answer_is_ours(string type)
    {
        var ipam = new ScriptPlugin(_host, "elsewhere", """
            if [ -e "$0.ill" ]; then echo '{"cniVersion": "1.1.0", "code": 51, "msg": "the lease server is away", "details": "since noon"}'; exit 1; fi
            """);
        string config = With(Config(type, "nftables"), "ipam", new JsonObject { ["type"] = "elsewhere" });
        var path = new Dictionary<string, string?> { ["CNI_PATH"] = $"{Plugin.OursDirectory}:{ipam.Directory}" };
        var plugin = new Plugin(_host, type);

        plugin.Invoke("STATUS", config, environment: path).Check();
        File.WriteAllText(Path.Combine(ipam.Directory, "elsewhere.ill"), "");
        string text = plugin.Invoke("STATUS", config, environment: path).CheckError(51).ErrorText;

        Assert.Equal("the lease server is away; since noon", text);
        Assert.Equal(["STATUS elsewhere", "STATUS elsewhere"], ipam.Calls);
        Assert.Equal("net", ipam.Config("STATUS").GetProperty("name").GetString());
    }

    private string Config(string type, string? backend, string second = """{ "subnet": "fd00:22::/64" }""") => $$"""
        { "cniVersion": "1.1.0", "name": "net", "type": "{{type}}", "isGateway": true, "ipMasq": true, "macspoofchk": true,
          {{(backend is null ? "" : $"\"ipMasqBackend\": \"{backend}\",")}}
          "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.0.0/24" }], [{{second}}]] } }
        """;

    private static string With(string config, string key, JsonNode value)
    {
        JsonObject o = JsonNode.Parse(config)!.AsObject();
        o[key] = value;
        return o.ToJsonString();
    }

    private PluginResult Status(string type, string config) => new Plugin(_host, type).Invoke("STATUS", config);

    /// <summary>On a host whose files are others, for this one program: in a mount namespace of its own, after these commands.</summary>
    private PluginResult Status(string type, string config, string mounts) => new(_host.Run(
        ["unshare", "--mount", "sh", "-c", $"{mounts} && exec \"$0\"", Path.Combine(Plugin.OursDirectory, type)],
        config,
        new Dictionary<string, string?> { ["CNI_COMMAND"] = "STATUS", ["CNI_PATH"] = Plugin.OursDirectory }));
}
