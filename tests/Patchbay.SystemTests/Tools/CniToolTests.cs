using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Tools;

/// <summary>cnitool runs chains of our plugins, Debian's and scripts, from files as an administrator writes them.</summary>
public sealed class CniToolTests : IDisposable
{
    private readonly TestHost _host;
    private readonly string _path;

    public CniToolTests()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        _host = TestHost.Create();
        _path = $"{Plugin.OursDirectory}:{Path.Combine(_host.Directory, "bin")}:{ReferencePlugins.Directory}";
    }

    public void Dispose() => _host.Dispose();

    private string Results => Path.Combine(_host.CacheDirectory, "results");

    [Fact]
    public void A_chain_with_Debian_s_plugins_is_added_checked_and_deleted()
    {
        Assert.SkipUnless(File.Exists(Path.Combine(ReferencePlugins.Directory, "portmap")), "needs tuning and portmap of Debian's containernetworking-plugins");
        string text = List("1.0.0", Bridge("\"capabilities\": { \"mac\": true },"),
            """{ "type": "tuning", "sysctl": { "net.ipv4.conf.eth0.arp_filter": "1" }, "mtu": 1400 }""",
            """{ "type": "portmap", "capabilities": { "portMappings": true }, "snat": false }""");
        Write("10-web.conflist", text);
        TestNamespace container = _host.AddContainer();
        string capabilities = """{ "mac": "02:00:00:00:00:07", "portMappings": [ { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" } ] }""";
        var environment = new Dictionary<string, string?> { ["CAP_ARGS"] = capabilities };

        JsonElement result = Tool(["add", "net", container.Path], environment).Check().Json;

        Assert.Equal("1.0.0", result.GetProperty("cniVersion").GetString());
        Assert.Equal("02:00:00:00:00:07", result.GetProperty("interfaces")[2].GetProperty("mac").GetString());
        JsonElement eth0 = container.IpJson("addr show dev eth0")[0];
        Assert.Equal("02:00:00:00:00:07", eth0.GetProperty("address").GetString());
        Assert.Equal(1400, eth0.GetProperty("mtu").GetInt32()); // tuning came after bridge
        Assert.Equal("1", container.Run("cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter").Check().StandardOutput.Trim());
        Assert.Contains("--dport 8080 -j DNAT --to-destination 10.22.0.2:80", _host.Run("iptables-save").Check().StandardOutput, StringComparison.Ordinal);

        string file = Assert.Single(Directory.GetFiles(Results));
        string id = ContainerId(container.Path);
        Assert.Equal($"net-{id}-eth0", Path.GetFileName(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        JsonElement cached = Json(file);
        Assert.Equal("cniCacheV1", cached.GetProperty("kind").GetString());
        Assert.Equal(id, cached.GetProperty("containerId").GetString());
        Assert.Equal("eth0", cached.GetProperty("ifName").GetString());
        Assert.Equal("net", cached.GetProperty("networkName").GetString());
        Assert.Equal(container.Path, cached.GetProperty("netns").GetString());
        Assert.Equal(text, System.Text.Encoding.UTF8.GetString(cached.GetProperty("config").GetBytesFromBase64()));
        AssertSame(capabilities, cached.GetProperty("capabilityArgs"));
        AssertSame(result.GetRawText(), cached.GetProperty("result"));

        // Without ports: portmap 1.1.1 looks for the rules of each container in the tables of both families, and an IPv4 container fails its CHECK.
        var noPorts = new Dictionary<string, string?> { ["CAP_ARGS"] = """{ "mac": "02:00:00:00:00:07" }""" };
        Assert.Empty(Tool(["check", "net", container.Path], noPorts).Check().StandardOutput);
        container.Run("ip", "link", "set", "eth0", "mtu", "1399").Check();
        CommandResult changed = Tool(["check", "net", container.Path], noPorts);
        Assert.Equal(1, changed.ExitCode);
        Assert.Contains("1399", changed.StandardError, StringComparison.Ordinal);

        Assert.Empty(Tool(["del", "net", container.Path], environment).Check().StandardOutput);
        Assert.Empty(Directory.GetFiles(Results));
        Assert.False(container.HasLink("eth0"));
        Assert.DoesNotContain("8080", _host.Run("iptables-save").Check().StandardOutput, StringComparison.Ordinal);
        Assert.Empty(Reservations());
        Tool(["del", "net", container.Path], environment).Check();
    }

    [Fact]
    public void Chains_run_forward_for_ADD_and_backward_for_DEL_and_the_last_result_counts()
    {
        var one = new ScriptPlugin(_host, "one", ScriptPlugin.PassOn);
        var two = new ScriptPlugin(_host, "two", """if [ "$CNI_COMMAND" = ADD ]; then jq '.prevResult | .dns.domain = "last.example"' "$0.ADD"; fi""");
        Write("net.conflist", List("1.1.0", Bridge(), """{ "type": "one", "capabilities": { "aliases": true } }""", """{ "type": "two" }"""));
        TestNamespace container = _host.AddContainer();
        var environment = new Dictionary<string, string?> { ["CNI_ARGS"] = "IgnoreUnknown=1;COLOUR=blue", ["CAP_ARGS"] = """{ "aliases": [ "db" ], "other": 1 }""" };

        JsonElement result = Tool(["add", "net", container.Path], environment).Check().Json;
        foreach (string word in new[] { "check", "status", "del" })
            Tool([word, "net", container.Path], environment).Check();

        Assert.Equal("last.example", result.GetProperty("dns").GetProperty("domain").GetString());
        Assert.False(one.Config("ADD").GetProperty("prevResult").TryGetProperty("dns", out _));
        foreach (string command in new[] { "CHECK", "DEL" })
            AssertSame(result.GetRawText(), one.Config(command).GetProperty("prevResult"));
        Assert.Equal(["ADD one", "ADD two", "CHECK one", "CHECK two", "STATUS one", "STATUS two", "DEL two", "DEL one"], one.Calls);
        AssertSame("""{ "aliases": [ "db" ] }""", one.Config("ADD").GetProperty("runtimeConfig"));
        Assert.False(two.Config("ADD").TryGetProperty("runtimeConfig", out _));
        Assert.Equal("IgnoreUnknown=1;COLOUR=blue", two.Variable("DEL", "CNI_ARGS"));
        Assert.Equal(_path, two.Variable("ADD", "CNI_PATH"));
        Assert.False(container.HasLink("eth0"));
    }

    [Fact]
    public void Container_and_interface_are_named_as_the_original_does()
    {
        var one = new ScriptPlugin(_host, "one", """if [ "$CNI_COMMAND" = ADD ]; then echo '{"cniVersion":"1.1.0"}'; fi""");
        Write("net.conflist", List("1.1.0", """{ "type": "one" }"""));
        var variable = new Dictionary<string, string?> { ["CNI_IFNAME"] = "net7" };

        Tool(["add", "net", "/var/run/netns/testing"]).Check();
        Assert.Equal("cnitool-77383ca0a0715733ca6f", one.Variable("ADD", "CNI_CONTAINERID"));
        Assert.Equal("/var/run/netns/testing", one.Variable("ADD", "CNI_NETNS"));
        Assert.Equal("eth0", one.Variable("ADD", "CNI_IFNAME"));
        Tool(["add", "net", "/var/run/netns/../netns/testing"], variable).Check();
        Assert.Equal("cnitool-77383ca0a0715733ca6f", one.Variable("ADD", "CNI_CONTAINERID"));
        Assert.Equal("net7", one.Variable("ADD", "CNI_IFNAME"));
        Tool(["-i", "net8", "add", "net", "/var/run/netns/testing"], variable).Check();
        Assert.Equal("net8", one.Variable("ADD", "CNI_IFNAME"));
        Tool(["add", "net", "/var/run/netns/testing", "--ifname=net9"]).Check();
        Assert.Equal("net9", one.Variable("ADD", "CNI_IFNAME"));
        Assert.Equal(4, Directory.GetFiles(Results).Length);
    }

    [Fact]
    public void Collection_deletes_all_that_the_cache_knows_of_the_network_and_nothing_else()
    {
        var one = new ScriptPlugin(_host, "one", ScriptPlugin.PassOn);
        Write("net.conflist", List("1.1.0", Bridge("\"ipMasq\": true, \"ipMasqBackend\": \"nftables\", \"macspoofchk\": true,"), """{ "type": "one" }"""));
        Write("net-b.conflist", List("1.1.0", Bridge("\"ipMasq\": true, \"ipMasqBackend\": \"nftables\", \"macspoofchk\": true,", "cni1", "10.23.0.0/24"))
            .Replace("\"net\"", "\"net-b\"", StringComparison.Ordinal));
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer();
        Tool(["-i", "eth1", "add", "net-b", a.Path]).Check();
        Snapshot wanted = Snapshot.Take(_host, except: "cni0");
        Tool(["add", "net", a.Path]).Check();
        Tool(["add", "net", b.Path]).Check();
        b.Run("ip", "link", "del", "eth0").Check(); // a container that crashed

        Assert.Empty(Tool(["gc", "net"]).Check().StandardOutput);

        wanted.AssertSame(Snapshot.Take(_host, except: "cni0"));
        Assert.Equal(["ADD one", "ADD one", "DEL one", "DEL one", "GC one"], one.Calls);
        Assert.False(one.Config("GC").TryGetProperty("cni.dev/valid-attachments", out _));
        Tool(["gc", "net", "/run/netns/none"]).Check();
        wanted.AssertSame(Snapshot.Take(_host, except: "cni0"));
    }

    [Fact]
    public void Deletion_needs_no_cache()
    {
        Write("net.conflist", List("1.1.0", Bridge("\"ipMasq\": true, \"macspoofchk\": true,")));
        TestNamespace container = _host.AddContainer();
        Tool(["add", "net", container.Path]).Check();
        Directory.Delete(Results, recursive: true);
        Assert.Contains("prevResult", Tool(["check", "net", container.Path]).StandardError, StringComparison.Ordinal);

        Tool(["del", "net", container.Path]).Check();

        Assert.False(container.HasLink("eth0"));
        Assert.Empty(Reservations());
        string rules = _host.Run("nft", "list", "ruleset").Check().StandardOutput;
        Assert.DoesNotContain("CNI-", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("cni-br-iface", rules, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("net.conf")]
    [InlineData("net.json")]
    public void A_file_of_one_plugin_is_a_chain_of_one(string file)
    {
        JsonObject bridge = JsonNode.Parse(Bridge())!.AsObject();
        bridge["name"] = "net";
        bridge["cniVersion"] = "0.3.1";
        Write(file, bridge.ToJsonString());
        TestNamespace container = _host.AddContainer();

        JsonElement result = Tool(["add", "net", container.Path]).Check().Json;
        CommandResult check = Tool(["check", "net", container.Path]);
        Tool(["status", "net"]).Check(); // before 1.1.0 there is nothing to ask
        Tool(["del", "net", container.Path]).Check();

        Assert.Equal("0.3.1", result.GetProperty("cniVersion").GetString());
        Assert.Equal("4", result.GetProperty("ips")[0].GetProperty("version").GetString());
        Assert.Equal(1, check.ExitCode);
        Assert.Contains("does not support the CHECK command", check.StandardError, StringComparison.Ordinal);
        Assert.False(container.HasLink("eth0"));
    }

    [Theory]
    [InlineData("", "ADD one,ADD two,ADD three")]
    [InlineData("\"loadOnlyInlinedPlugins\": true,", "ADD one")]
    public void Files_below_the_list_are_appended_to_it(string key, string calls)
    {
        const string Result = """if [ "$CNI_COMMAND" = ADD ]; then echo '{"cniVersion":"1.1.0"}'; fi""";
        var one = new ScriptPlugin(_host, "one", Result);
        _ = new ScriptPlugin(_host, "two", Result);
        _ = new ScriptPlugin(_host, "three", Result);
        Write("net.conflist", $$"""{ "cniVersion": "1.1.0", "name": "net", {{key}} "plugins": [ { "type": "one" } ] }""");
        Write("net/20-three.conf", """{ "type": "three" }""");
        Write("net/10-two.conf", """{ "type": "two" }""");
        Write("net/30-not.txt", "{");

        Tool(["add", "net", "/run/netns/none"]).Check();

        Assert.Equal(calls.Split(','), one.Calls);
    }

    [Fact]
    public void Check_and_collection_can_be_switched_off()
    {
        var one = new ScriptPlugin(_host, "one", """if [ "$CNI_COMMAND" = ADD ]; then echo '{"cniVersion":"1.1.0"}'; fi""");
        Write("net.conflist", """{ "cniVersion": "1.1.0", "name": "net", "disableCheck": true, "disableGC": "True", "plugins": [ { "type": "one" } ] }""");

        Tool(["add", "net", "/run/netns/none"]).Check();
        Tool(["check", "net", "/run/netns/none"]).Check();
        Tool(["gc", "net"]).Check();

        Assert.Equal(["ADD one"], one.Calls);
        Assert.Single(Directory.GetFiles(Results));
    }

    [Fact]
    public void A_chain_that_breaks_can_be_deleted_and_a_plugin_s_error_is_told()
    {
        var broken = new ScriptPlugin(_host, "broken", """
            [ "$CNI_COMMAND" != DEL ] || exit 0
            echo 'from the script' >&2
            echo '{"cniVersion": "1.1.0", "code": 77, "msg": "out of cables", "details": "blue ones"}'
            exit 1
            """);
        Write("net.conflist", List("1.1.0", Bridge(), """{ "type": "broken" }"""));
        TestNamespace container = _host.AddContainer();

        CommandResult added = Tool(["add", "net", container.Path]);
        CommandResult status = Tool(["status", "net"]);

        foreach (CommandResult failed in new[] { added, status })
        {
            Assert.Equal(1, failed.ExitCode);
            Assert.Empty(failed.StandardOutput);
            Assert.Contains("from the script", failed.StandardError, StringComparison.Ordinal);
            Assert.Contains("out of cables", failed.StandardError, StringComparison.Ordinal);
            Assert.Contains("blue ones", failed.StandardError, StringComparison.Ordinal);
        }

        Assert.Contains("plugin type=\"broken\" failed (add)", added.StandardError, StringComparison.Ordinal);
        Tool(["del", "net", container.Path]).Check();
        Assert.Equal("10.22.0.2/24", broken.Config("DEL").GetProperty("prevResult").GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.False(container.HasLink("eth0"));
        Assert.Empty(Reservations());
        Assert.Empty(Directory.GetFiles(Results));
    }

    [Theory]
    [InlineData("")]
    [InlineData("add")]
    [InlineData("add net")]
    [InlineData("add net /run/netns/none more")]
    [InlineData("del net")]
    [InlineData("check net")]
    [InlineData("gc")]
    [InlineData("status net /run/netns/none more")]
    [InlineData("remove net /run/netns/none")]
    public void A_wrong_command_line_is_answered_with_the_right_one(string line)
    {
        CommandResult result = Tool(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("usage: cnitool", result.StandardError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("add nonesuch /run/netns/none", null, null, "no net configuration with name \"nonesuch\" in ")]
    [InlineData("add help /run/netns/none", null, null, "no net configuration with name \"help\" in ")]
    [InlineData("add net /run/netns/none", "CNI_PATH", "", "CNI_PATH is empty")]
    [InlineData("add net /run/netns/none", "CNI_PATH", "/nonexistent", "failed to find plugin \"bridge\" in path [/nonexistent]")]
    [InlineData("add net /run/netns/none", "NETCONFPATH", "/nonexistent", "no net configurations found in /nonexistent")]
    [InlineData("add net /run/netns/none", "CNI_ARGS", "COLOUR", "invalid CNI_ARGS pair \"COLOUR\"")]
    [InlineData("add net /run/netns/none", "CNI_ARGS", "COLOUR=", "invalid CNI_ARGS pair \"COLOUR=\"")]
    [InlineData("add net /run/netns/none", "CAP_ARGS", "[]", "invalid CAP_ARGS")]
    [InlineData("add net /run/netns/none", "CNI_IFNAME", "much-too-long-a-name", "interface name is too long")]
    [InlineData("add net /run/netns/none --speed 9", null, null, "unknown flag --speed")]
    public void A_mistake_is_named(string line, string? variable, string? value, string text)
    {
        Write("net.conflist", List("1.1.0", Bridge()));
        CommandResult result = Tool(line.Split(' '), variable is null ? null : new() { [variable] = value });
        Assert.Equal(1, result.ExitCode);
        Assert.Empty(result.StandardOutput);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_host.CacheDirectory));
    }

    private CommandResult Tool(string[] arguments, Dictionary<string, string?>? environment = null)
    {
        var variables = new Dictionary<string, string?>
        {
            ["NETCONFPATH"] = _host.ConfigDirectory,
            ["CNI_PATH"] = _path,
            ["CNI_ARGS"] = null,
            ["CAP_ARGS"] = null,
            ["CNI_IFNAME"] = null,
        };
        foreach ((string name, string? value) in environment ?? [])
            variables[name] = value;
        return _host.Run([Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", _host.CacheDirectory, .. arguments], null, variables);
    }

    private void Write(string name, string text)
    {
        string file = Path.Combine(_host.ConfigDirectory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private static string List(string version, params string[] plugins) =>
        $$"""{ "cniVersion": "{{version}}", "name": "net", "plugins": [ {{string.Join(", ", plugins)}} ] }""";

    private string Bridge(string keys = "", string bridge = "cni0", string subnet = "10.22.0.0/24") => $$"""
        { "type": "bridge", "bridge": "{{bridge}}", "isGateway": true, {{keys}}
          "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "subnet": "{{subnet}}" } }
        """;

    private string[] Reservations() => [.. Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories)];

    // The same name by other means than ours.
    private string ContainerId(string netns) =>
        $"cnitool-{_host.Run(["sha512sum"], netns).Check().StandardOutput[..20]}";

    private static JsonElement Json(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        return document.RootElement.Clone();
    }

    private static void AssertSame(string expected, JsonElement actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual.GetRawText())), $"expected {expected}, not {actual.GetRawText()}");
}
