using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay's keys and versions, and what a call that fails or comes late leaves alone.</summary>
public sealed class YggKeyTests : IDisposable
{
    private readonly YggHost _ygg = new();

    private TestHost Host => _ygg.Host;

    public void Dispose() => _ygg.Dispose();

    [Theory]
    [InlineData("tcp://localhost:9001", false)] // the last of the usual places
    [InlineData("tcp://127.0.0.1:7001", true)]
    [InlineData("tcp://[::1]:7001", true)]
    [InlineData("unix://@patchbay", true)]
    public void The_admin_socket_is_where_the_node_has_it(string listen, bool told)
    {
        _ygg.NodeConfig["AdminListen"] = listen;
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        string keys = $$"""{ "adminSocket": {{(told ? $"\"{listen}\"" : "null")}} }""";
        // The node makes its interface before it listens, or after.
        Wait.Until("the node's admin socket", () => _ygg.Ygg.Invoke("STATUS", _ygg.Config(keys: keys, version: "1.1.0")).ExitCode == 0);

        PluginResult added = _ygg.Add(container, "web", keys);

        container.Ping(_ygg.NodeAddress);
        _ygg.Ygg.Check(container, _ygg.Config(added, keys)).Check();
    }

    // The order and the names of a result's interfaces say nothing: a VLAN's is behind the container's, and others have other names.
    [Fact]
    public void Interfaces_are_told_by_the_kernel_and_not_by_their_places_in_the_result()
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        PluginResult bridged = new Plugin(Host, "bridge").Add(container, _ygg.BridgeConfig("uplink9"), "net7").Check();
        JsonObject config = JsonNode.Parse(_ygg.Config(bridged))!.AsObject();
        JsonObject result = config["prevResult"]!.AsObject();
        result["interfaces"] = new JsonArray([.. result["interfaces"]!.AsArray().Reverse().Select(each => each!.DeepClone())]);
        foreach (JsonNode? ip in result["ips"]!.AsArray())
            ip!["interface"] = 0;

        PluginResult added = _ygg.Ygg.Add(container, config.ToJsonString(), "net7", args: "YGG_HOSTNAME=web").Check();

        JsonElement mesh = added.Json.GetProperty("ips")[2];
        Assert.Equal(($"{_ygg.AddressOf("web")}/64", _ygg.Gateway, "0"), (mesh.Text("address"), mesh.Text("gateway"), mesh.Text("interface")));
        Assert.Contains($"{_ygg.Gateway}/64", Host.Addresses("uplink9"));
        Assert.Contains("nodad", Host.Run("ip", "-6", "addr", "show", "to", _ygg.Gateway).Check().StandardOutput, StringComparison.Ordinal);
        container.Ping(_ygg.NodeAddress);
        _ygg.Ygg.Check(container, _ygg.Config(added), "net7").Check();
    }

    [Fact]
    public void Table_priority_and_the_result_are_as_configured()
    {
        _ygg.Start();
        const string Keys = """{ "yggTableID": 4711, "yggTablePriority": 50, "reportAddress": false, "missingName": "containerid" }""";
        TestNamespace container = Host.AddContainer();
        PluginResult bridged = new Plugin(Host, "bridge").Add(container, _ygg.BridgeConfig()).Check();
        Snapshot before = Snapshot.Take(Host, "cni0");

        PluginResult added = _ygg.Ygg.Add(container, _ygg.Config(bridged, Keys)).Check();

        string address = _ygg.AddressOf(container.Name); // which is CNI_CONTAINERID here
        Assert.Contains($"{address}/64", container.Addresses("eth0"));
        Assert.Equal(bridged.ResultAddresses(), added.ResultAddresses());
        Assert.Equal("4711", container.IpJson("-6 rule show priority 50")[0].Text("table"));
        Assert.Equal(2, container.Routes("4711").Length);
        container.Ping(_ygg.NodeAddress);
        _ygg.Ygg.Check(container, _ygg.Config(added, Keys)).Check();
        _ygg.Ygg.Delete(container, _ygg.Config(keys: """{ "yggTableID": 1 }""")).Check(); // it knows what it made
        string[] left = before.Difference(Snapshot.Take(Host, "cni0"));
        Assert.All(left, fact => Assert.Contains("default", fact, StringComparison.Ordinal)); // pinned
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Every_version_of_the_specification(string version)
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();

        PluginResult added = _ygg.Add(container, "web", version: version);

        Assert.Equal(version, added.Json.Text("cniVersion"));
        Assert.Contains($"{_ygg.AddressOf("web")}/64", added.ResultAddresses());
        container.Ping(_ygg.NodeAddress);
        if (version != "0.3.1")
        {
            Assert.Equal(version == "0.4.0" ? "6" : "", added.Json.GetProperty("ips")[2].Text("version"));
            _ygg.Ygg.Check(container, _ygg.Config(added, version: version)).Check();
            new Plugin(Host, "bridge").Check(container, Conf.WithResult(_ygg.BridgeConfig(version: version), added)).Check();
        }

        _ygg.Ygg.Delete(container, _ygg.Config(version == "0.3.1" ? null : added, version: version)).Check();
        Assert.Empty(_ygg.Reserved);
    }

    [Fact]
    public void A_second_Add_that_fails_leaves_the_attachment()
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        PluginResult added = _ygg.Add(container, "web", """{ "ingress": "deny" }""");
        Snapshot before = Snapshot.Take(Host);
        _ygg.Stop();
        _ygg.Ygg.Add(container, _ygg.Config(added, """{ "ingress": "deny" }"""), args: "YGG_HOSTNAME=web").Failed(11);
        _ygg.Start();
        container.Ip("route add 2001:db8::/32 dev lo table 199");
        _ygg.Ygg.Add(container, _ygg.Config(added, """{ "ingress": "deny" }"""), args: "YGG_HOSTNAME=web").Failed(7, "yggTableID");
        container.Ip("route del 2001:db8::/32 dev lo table 199");

        before.AssertSame(Snapshot.Take(Host));
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
    }

    [Fact]
    public void A_new_name_takes_the_place_of_the_old_one()
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer(), other = Host.AddContainer();
        PluginResult added = _ygg.Add(container, "old", """{ "ingress": "deny" }""");

        PluginResult renamed = _ygg.Ygg.Add(container, _ygg.Config(added), args: "YGG_HOSTNAME=new").Check();

        Assert.Contains($"{_ygg.AddressOf("new")}/64", container.Addresses("eth0"));
        Assert.DoesNotContain($"{_ygg.AddressOf("old")}/64", container.Addresses("eth0"));
        Assert.DoesNotContain("patchbay_yggoverlay", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
        container.Ping(_ygg.NodeAddress);
        _ygg.Ygg.Check(container, _ygg.Config(renamed)).Check();
        _ygg.Add(other, "old");
    }

    [Fact]
    public void With_its_files_gone_DEL_goes_by_the_result()
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        PluginResult added = _ygg.Add(container, "web");
        Directory.Delete(_ygg.States, recursive: true);

        _ygg.Ygg.Delete(container, _ygg.Config(added)).Check();

        Assert.Empty(container.Routes("199"));
        Assert.DoesNotContain(container.IpJson("-6 rule show").EnumerateArray(), rule => rule.Text("table") == "199");
        Assert.DoesNotContain($"{_ygg.AddressOf("web")}/64", container.Addresses("eth0"));
        _ygg.Ygg.Check(container, _ygg.Config(added)).Failed(999, "no reservation");
    }
}
