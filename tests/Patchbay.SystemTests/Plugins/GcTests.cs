using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>GC through the plugins: what belongs to no valid attachment goes, all else stays, as other people's programs see it.</summary>
public sealed class GcTests : IDisposable
{
    private const string Key = "cni.dev/valid-attachments";
    private const string OldKey = "cni.dev/attachments";

    private readonly TestHost _host;

    public GcTests()
    {
        Plugin.NeedsOurs("bridge", "ptp", "host-local");
        _host = TestHost.Create();
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("bridge", "nftables", Key, false)]
    [InlineData("bridge", "nftables", OldKey, true)]
    [InlineData("bridge", "iptables", OldKey, false)]
    [InlineData("bridge", "iptables", Key, true)]
    [InlineData("ptp", "nftables", Key, true)]
    [InlineData("ptp", "iptables", OldKey, false)]
    public void What_no_valid_attachment_holds_goes_and_no_more(string type, string backend, string key, bool died)
    {
        var plugin = new Plugin(_host, type);
        string config = Config(type, backend);
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer(), c = _host.AddContainer();
        JsonElement result = plugin.Add(a, config, containerId: "a").Check().Json;
        AddToOtherNetwork(backend);
        Snapshot wanted = Snapshot.Take(_host);
        plugin.Add(b, config, containerId: "b").Check();
        plugin.Add(c, config, containerId: "c").Check();
        if (died)
        {
            Remove(b);
            Remove(c);
        }

        // Another interface of b keeps nothing of eth0.
        string collect = With(config, key, Valid(("a", "eth0"), ("b", "eth1")));
        plugin.Invoke("GC", collect).Check();

        if (died)
            Renew(b, c);
        else
            Unplug(b, c);
        wanted.AssertSame(Snapshot.Take(_host));
        a.Run("ping", "-c", "1", "-W", "5", "10.22.0.1").Check();
        a.Run("ping", "-6", "-c", "1", "-W", "5", "fd00:22::1").Check();
        plugin.Check(a, With(config, "prevResult", JsonNode.Parse(result.GetRawText())!), containerId: "a").Check();

        Assert.Empty(plugin.Invoke("GC", collect).Check().StandardOutput);
        wanted.AssertSame(Snapshot.Take(_host));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void An_empty_list_removes_all_of_the_network_and_a_missing_one_nothing(string backend)
    {
        var plugin = new Plugin(_host, "bridge");
        string config = Config("bridge", backend);
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer();
        AddToOtherNetwork(backend);
        Snapshot without = Snapshot.Take(_host, except: "cni0");
        plugin.Add(a, config, containerId: "a").Check();
        plugin.Add(b, config, containerId: "b").Check();

        Snapshot with = Snapshot.Take(_host);
        plugin.Invoke("GC", config).Check();
        with.AssertSame(Snapshot.Take(_host));

        plugin.Invoke("GC", With(config, Key, new JsonArray())).Check();
        Unplug(a, b);
        without.AssertSame(Snapshot.Take(_host, except: "cni0"));
        plugin.Invoke("GC", With(config, Key, new JsonArray())).Check();
        without.AssertSame(Snapshot.Take(_host, except: "cni0"));
        // All are free again, and the rotation goes on where it was.
        Assert.Equal("10.22.0.4/24", Address(plugin.Add(a, config, containerId: "a").Check()));
    }

    [Fact]
    public void What_the_reference_left_of_dead_containers_goes_too()
    {
        string config = Config("bridge", "iptables", spoofCheck: false);
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer();
        Plugin reference = ReferencePlugins.Plugin(_host, "bridge");
        string old = config.Replace("1.1.0", "1.0.0", StringComparison.Ordinal);
        JsonElement result = reference.Add(a, old, containerId: "a").Check().Json;
        Snapshot wanted = Snapshot.Take(_host);
        reference.Add(b, old, containerId: "b").Check();
        Remove(b);

        new Plugin(_host, "bridge").Invoke("GC", With(config, Key, Valid(("a", "eth0")))).Check();

        Renew(b);
        wanted.AssertSame(Snapshot.Take(_host));
        reference.Check(a, With(old, "prevResult", JsonNode.Parse(result.GetRawText())!), containerId: "a").Check();
    }

    [Fact]
    public void Host_local_keeps_what_names_a_valid_container_alone_and_what_it_does_not_understand()
    {
        string folder = Path.Combine(_host.DataDirectory, "net");
        Directory.CreateDirectory(folder);
        foreach ((string name, string content) in new[]
        {
            ("10.22.0.2", "a"), ("10.22.0.3", "b"), ("10.22.0.4", "a\r\neth0"), ("10.22.0.5", "a\r\neth1"), ("10.22.0.6", "ab"), ("10.22.0.7", ""),
            ("fd00:22::2", "b\r\neth0"), ("10.22.0.8", "not an owner"), ("notes", "b\r\neth0"), ("last_reserved_ip.0", "10.22.0.8"),
        })
            File.WriteAllText(Path.Combine(folder, name), content);

        PluginResult collected = new Plugin(_host, "host-local").Invoke("GC", With(Config("host-local", ""), Key, Valid(("a", "eth0")))).Check();

        string[] left = [.. Directory.GetFiles(folder).Select(Path.GetFileName).OfType<string>().Where(name => name != "lock").Order(StringComparer.Ordinal)];
        Assert.Equal(["10.22.0.2", "10.22.0.4", "10.22.0.8", "last_reserved_ip.0", "notes"], left);
        Assert.Contains("10.22.0.8", collected.StandardError, StringComparison.Ordinal);
        Assert.Contains("notes", collected.StandardError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void An_external_address_management_is_told_and_its_failure_stops_nothing(string type)
    {
        var ipam = new ScriptPlugin(_host, "elsewhere", """
            case $CNI_COMMAND in
            ADD) echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.22.0.2/24", "gateway": "10.22.0.1"}]}' ;;
            GC) echo '{"cniVersion": "1.1.0", "code": 123, "msg": "the lease server is away"}'; exit 1 ;;
            esac
            """);
        var path = new Dictionary<string, string?> { ["CNI_PATH"] = $"{Plugin.OursDirectory}:{ipam.Directory}" };
        string config = With(Config(type, "nftables"), "ipam", new JsonObject { ["type"] = "elsewhere" });
        TestNamespace container = _host.AddContainer();
        var plugin = new Plugin(_host, type);
        plugin.Invoke("ADD", config, "a", container.Path, "eth0", environment: path).Check();
        Assert.Contains("id: a\"", Rules(), StringComparison.Ordinal);

        string text = plugin.Invoke("GC", With(config, Key, new JsonArray()), environment: path).CheckError(123).ErrorText;

        Assert.Contains("the lease server is away", text, StringComparison.Ordinal);
        Assert.Equal(["ADD elsewhere", "GC elsewhere"], ipam.Calls);
        Assert.Equal(0, ipam.Config("GC").GetProperty(Key).GetArrayLength());
        Assert.DoesNotContain("id: a\"", Rules(), StringComparison.Ordinal);
        Assert.DoesNotContain("cni-br-iface-a", Rules(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("host-local")]
    public void A_list_that_does_not_name_an_interface_is_refused_and_removes_nothing(string type)
    {
        string config = Config("bridge", "nftables");
        new Plugin(_host, "bridge").Add(_host.AddContainer(), config, containerId: "a").Check();
        Snapshot before = Snapshot.Take(_host);

        string collect = With(Config(type, "nftables"), Key, new JsonArray(new JsonObject { ["containerID"] = "a" }));
        Assert.Contains("has no ifname", new Plugin(_host, type).Invoke("GC", collect).CheckError(999).ErrorText, StringComparison.Ordinal);

        before.AssertSame(Snapshot.Take(_host));
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("host-local")]
    public void Older_configurations_have_no_such_command(string type)
    {
        string config = With(Config(type, "nftables"), Key, new JsonArray()).Replace("1.1.0", "1.0.0", StringComparison.Ordinal);
        Assert.Contains("config version does not allow GC", new Plugin(_host, type).Invoke("GC", config).CheckError(1).ErrorText, StringComparison.Ordinal);
    }

    /// <summary>The network that must not be touched: a name that begins with ours, and a container of the same id as one of ours.</summary>
    private void AddToOtherNetwork(string backend)
    {
        string config = Config("bridge", backend).Replace("\"net\"", "\"net-b\"", StringComparison.Ordinal).Replace("cni0", "cni1", StringComparison.Ordinal)
            .Replace("10.22.", "10.23.", StringComparison.Ordinal).Replace("fd00:22:", "fd00:23:", StringComparison.Ordinal);
        new Plugin(_host, "bridge").Add(_host.AddContainer(), config, "eth1", containerId: "b").Check();
    }

    private string Config(string type, string backend, bool spoofCheck = true) => $$"""
        { "cniVersion": "1.1.0", "name": "net", "type": "{{type}}", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipMasqBackend": "{{backend}}",
          "macspoofchk": {{(spoofCheck ? "true" : "false")}},
          "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "fd00:22::/64" }]] } }
        """;

    private static string With(string config, string key, JsonNode value)
    {
        JsonObject o = JsonNode.Parse(config)!.AsObject();
        o[key] = value;
        return o.ToJsonString();
    }

    private static JsonArray Valid(params (string Id, string IfName)[] attachments) =>
        [.. attachments.Select(each => (JsonNode)new JsonObject { ["containerID"] = each.Id, ["ifname"] = each.IfName })];

    private static string Address(PluginResult added) => added.Json.GetProperty("ips")[0].GetProperty("address").GetString()!;

    private string Rules() => _host.Run("nft", "list", "ruleset").Check().StandardOutput;

    /// <summary>As a crash does: the namespace goes, its interfaces with it, and nobody says DEL.</summary>
    private void Remove(TestNamespace container)
    {
        // The kernel would remove it too, but some time later.
        Unplug(container);
        _host.Run("ip", "netns", "del", container.Name).Check();
    }

    /// <summary>For the harness, which removes all its namespaces in the end.</summary>
    private void Renew(params TestNamespace[] containers)
    {
        foreach (TestNamespace container in containers)
        {
            _host.Run("ip", "netns", "add", container.Name).Check();
            container.Run("ip", "link", "set", "lo", "up").Check();
        }
    }

    private static void Unplug(params TestNamespace[] containers)
    {
        foreach (TestNamespace container in containers)
            container.Run("ip", "link", "del", "eth0").Check();
    }
}
