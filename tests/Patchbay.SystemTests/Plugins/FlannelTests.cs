using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>flannel: what it hands to the delegate, and the chain flannel, bridge, host-local.</summary>
public sealed class FlannelTests : IDisposable
{
    private readonly FlannelHost _f = new();

    private TestHost Host => _f.Host;

    public void Dispose() => _f.Dispose();

    public static TheoryData<string, bool> VersionsAndFamilies()
    {
        var data = new TheoryData<string, bool>();
        foreach (string version in (string[])["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
        {
            data.Add(version, false);
            data.Add(version, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(VersionsAndFamilies))]
    public void A_bridge_with_the_leased_subnet(string version, bool dual)
    {
        File.WriteAllText(_f.SubnetFile, dual ? FlannelHost.DualLease : FlannelHost.Lease);
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        string config = _f.Config(version: version);

        PluginResult added = _f.Flannel.Add(container, config).Check();

        Assert.Equal(version, added.Json.Text("cniVersion"));
        Assert.Equal(dual ? ["10.244.7.2/24", "fd00:244:0:7::2/64"] : (string[])["10.244.7.2/24"], container.Addresses("eth0"));
        Assert.Contains("10.244.0.0/16 via 10.244.7.1 dev eth0", container.Routes());
        Assert.Equal(dual, container.Routes().Contains("fd00:244::/48 via fd00:244:0:7::1 dev eth0"));
        Assert.Equal(dual ? ["10.244.7.1/24", "fd00:244:0:7::1/64"] : (string[])["10.244.7.1/24"], Host.Addresses("cni0"));
        Assert.Equal(1450, container.Mtu("eth0"));
        container.Ping("10.244.7.1");
        if (dual)
            container.Ping("fd00:244:0:7::1");
        Assert.Equal([container.Name], _f.Noted);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_f.States, container.Name)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_f.States));

        if (version is "0.4.0" or "1.0.0" or "1.1.0")
            _f.Flannel.Check(container, Conf.WithResult(config, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            _f.Flannel.Delete(container, config).Check();
            before.AssertSame(Snapshot.Take(Host, except: "cni0"));
        }
    }

    // What the delegate gets, but for name, type and ipam's dataDir.
    [Theory]
    [InlineData("{}", "true", """{ "ipMasq": false, "mtu": 1450, "isGateway": true }""")]
    [InlineData("{}", "false", """{ "ipMasq": true, "mtu": 1450, "isGateway": true }""")]
    [InlineData("""{ "delegate": null }""", "true", """{ "ipMasq": false, "mtu": 1450, "isGateway": true }""")]
    [InlineData("""{ "delegate": { "ipMasq": true, "mtu": 1400, "isGateway": false, "hairpinMode": true } }""", "true",
        """{ "ipMasq": true, "mtu": 1400, "isGateway": false, "hairpinMode": true }""")]
    [InlineData("""{ "delegate": { "MTU": 1400, "cniVersion": "0.1.0", "runtimeConfig": 7, "unknown": [1, { "ü": "\n" }], "promiscMode": null } }""", "true",
        """{ "MTU": 1400, "ipMasq": false, "isGateway": true, "unknown": [1, { "ü": "\n" }] }""")]
    [InlineData("""{ "runtimeConfig": { "mac": "02:00:00:00:00:01" }, "args": { "cni": {} }, "dns": {} }""", "true",
        """{ "ipMasq": false, "mtu": 1450, "isGateway": true, "runtimeConfig": { "mac": "02:00:00:00:00:01" } }""")]
    public void Keys_of_the_delegate_are_the_users_then_the_leases(string keys, string masquerade, string wanted)
    {
        File.WriteAllText(_f.SubnetFile, FlannelHost.Lease.Replace("IPMASQ=true", $"IPMASQ={masquerade}", StringComparison.Ordinal));

        JsonObject got = Delegated("bridge", _f.Config(keys));

        JsonObject expected = JsonNode.Parse(wanted)!.AsObject();
        expected["cniVersion"] = "1.0.0";
        expected["name"] = "net";
        expected["type"] = "bridge";
        expected["ipam"] = JsonNode.Parse($$"""{ "type": "host-local", "dataDir": "{{_f.Addresses}}", "ranges": [[{ "subnet": "10.244.7.0/24" }]], "routes": [{ "dst": "10.244.0.0/16" }] }""");
        Assert.True(JsonNode.DeepEquals(expected, got), $"{expected}\n{got}");
    }

    [Fact]
    public void Address_management_is_the_users_with_the_leases_ranges_and_routes()
    {
        File.WriteAllText(_f.SubnetFile, """
            # several networks, as flanneld writes them with more than one range
            FLANNEL_NETWORK=10.244.0.0/16,10.245.0.0/16,10.244.0.0/16
            FLANNEL_SUBNET=10.244.7.1/24
            FLANNEL_IPV6_NETWORK=fd00:244::/48,fd00:245::/48
            FLANNEL_IPV6_SUBNET=fd00:244:0:7::1/64
            FLANNEL_MTU=1450
            FLANNEL_IPMASQ=false
            SOMETHING_ELSE
            """.ReplaceLineEndings("\r\n"));

        JsonObject got = Delegated("ours", _f.Config("""
            { "delegate": { "type": "ours" },
              "ipam": { "type": "mine", "ranges": [[{ "subnet": "192.0.2.0/24" }]], "routes": [{ "dst": "10.245.0.7/16", "gw": "10.244.7.9" }, { "dst": "0.0.0.0/0" }], "x": true } }
            """));

        // No gateway for what is no bridge; a network that the user routes already is not routed twice.
        Assert.False(got.ContainsKey("isGateway"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse($$"""
            { "dataDir": "{{_f.Addresses}}", "x": true, "type": "mine", "ranges": [[{ "subnet": "10.244.7.0/24" }], [{ "subnet": "fd00:244:0:7::/64" }]],
              "routes": [{ "dst": "10.245.0.7/16", "gw": "10.244.7.9" }, { "dst": "0.0.0.0/0" }, { "dst": "10.244.0.0/16" }, { "dst": "fd00:244::/48" }, { "dst": "fd00:245::/48" }] }
            """), got["ipam"]), got.ToJsonString());
    }

    [Fact]
    public void Result_and_later_commands_go_through_the_delegate()
    {
        TestNamespace container = Host.AddContainer();
        const string Result = """{ "cniVersion": "1.1.0", "interfaces": [{ "name": "eth0", "mtu": 1234, "sandbox": "x" }], "ips": [{ "address": "10.244.7.77/24" }] }""";
        var script = new ScriptPlugin(Host, "elsewhere", $"if [ $CNI_COMMAND = ADD ]; then echo '{Result}'; fi");
        string config = _f.Config("""{ "delegate": { "type": "elsewhere" }, "cni.dev/valid-attachments": [] }""", "1.1.0");

        PluginResult added = Run("ADD", config).Check();

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Result), JsonNode.Parse(added.StandardOutput)), added.StandardOutput);
        string with = Conf.WithResult(config, added);
        foreach (string command in (string[])["CHECK", "STATUS", "GC"])
            Run(command, with).Check();
        // GC found an attachment that is valid no more, and had it deleted.
        Assert.Equal(["ADD elsewhere", "CHECK elsewhere", "STATUS elsewhere", "DEL elsewhere", "GC elsewhere"], script.Calls);
        Assert.Equal("10.244.7.77/24", script.Config("CHECK").GetProperty("prevResult").GetProperty("ips")[0].Text("address"));
        Assert.False(script.Config("CHECK").TryGetProperty("patchbay.ifName", out _));
        Assert.Equal(0, script.Config("GC").GetProperty("cni.dev/valid-attachments").GetArrayLength());
        Assert.Null(script.Variable("DEL", "CNI_NETNS"));
        Assert.Equal(("eth0", container.Name), (script.Variable("DEL", "CNI_IFNAME"), script.Variable("DEL", "CNI_CONTAINERID")));
        Assert.Empty(_f.Noted);

        PluginResult Run(string command, string input) => _f.Flannel.Invoke(
            command, input, command is "GC" or "STATUS" ? null : container.Name, command is "GC" or "STATUS" ? null : container.Path, command is "GC" or "STATUS" ? null : "eth0",
            environment: SearchPath(script));
    }

    [Fact]
    public void Ptp_behind_it()
    {
        Plugin.NeedsOurs("ptp");
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host);
        string config = _f.Config("""{ "delegate": { "type": "ptp" } }""");

        PluginResult added = _f.Flannel.Add(container, config).Check();

        container.Ping("10.244.7.1");
        Assert.Equal(1450, container.Mtu("eth0"));
        _f.Flannel.Check(container, Conf.WithResult(config, added)).Check();
        _f.Flannel.Delete(container, Conf.WithResult(config, added)).Check();
        before.AssertSame(Snapshot.Take(Host));
    }

    [Fact]
    public void Started_by_hand_it_tells_its_version() =>
        Assert.StartsWith("CNI Plugin flannel version v", Host.Run(Path.Combine(Plugin.OursDirectory, "flannel")).Check().StandardError, StringComparison.Ordinal);

    // The configuration that a delegate of the type gets with ADD.
    private JsonObject Delegated(string type, string config)
    {
        TestNamespace container = Host.AddContainer();
        var script = new ScriptPlugin(Host, type, """if [ $CNI_COMMAND = ADD ]; then echo '{ "cniVersion": "1.0.0" }'; fi""");
        _f.Flannel.Invoke("ADD", config, container.Name, container.Path, "eth0", environment: SearchPath(script)).Check();
        return JsonNode.Parse(script.Config("ADD").GetRawText())!.AsObject();
    }

    private static Dictionary<string, string?> SearchPath(ScriptPlugin script) => new() { ["CNI_PATH"] = $"{script.Directory}:{Plugin.OursDirectory}" };
}
