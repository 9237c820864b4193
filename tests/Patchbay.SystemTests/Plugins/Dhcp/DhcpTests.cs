using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>dhcp behind a bridge, with dnsmasq as the server: what it says, and what the kernel has.</summary>
public sealed class DhcpTests : IDisposable
{
    private readonly DhcpLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Theory]
    [InlineData("0.2.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void A_container_gets_an_address_keeps_it_and_gives_it_back(string version)
    {
        ProgramLog server = _lan.Dnsmasq();
        _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        Snapshot before = Snapshot.Take(_lan.Host);
        string config = _lan.Config(version: version);

        PluginResult added = _lan.Plugin.Add(container, config).Check();

        string address = Assert.Single(container.Addresses("eth0"), each => each.StartsWith("10.5.0.", StringComparison.Ordinal));
        Assert.Contains(address, added.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(address.Split('/')[0], _lan.ServerLeases, StringComparison.Ordinal);
        container.Run("ping", "-c", "1", "-W", "5", "10.5.0.1").Check();
        Assert.Contains(container.IpJson("route show default").EnumerateArray(), route => route.GetProperty("gateway").GetString() == "10.5.0.1");
        if (string.CompareOrdinal(version, "0.4.0") >= 0)
            _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();

        _lan.Plugin.Delete(container, config).Check();
        server.WaitFor($"DHCPRELEASE(eth0) {address.Split('/')[0]}");
        Assert.Empty(_lan.Leases);
        before.AssertSame(Snapshot.Take(_lan.Host));
        _lan.Plugin.Delete(container, config).Check();
    }

    [Fact]
    public void What_the_server_says_of_names_routes_and_mtu_is_in_the_result_and_the_kernel()
    {
        _lan.Dnsmasq(
            "--dhcp-option=6,9.9.9.9,10.5.0.1", "--dhcp-option=15,dom.example", "--dhcp-option=119,example.org,lab.example.org", "--dhcp-option=26,1400", "--dhcp-option=42,10.5.0.7",
            "--dhcp-option=121,0.0.0.0/0,10.5.0.2,192.0.2.0/25,10.5.0.3,198.51.100.0/24,0.0.0.0", "--dhcp-option=33,10.9.9.9,10.5.0.4");
        _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config("""{ "priority": 50 }""");

        PluginResult added = _lan.Plugin.Add(container, config).Check();

        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""{ "nameservers": ["9.9.9.9", "10.5.0.1"], "domain": "dom.example", "search": ["example.org", "lab.example.org"] }"""),
            JsonNode.Parse(added.Json.GetProperty("dns").GetRawText())), added.ToString());
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                [{ "dst": "0.0.0.0/0", "gw": "10.5.0.2", "priority": 50 }, { "dst": "192.0.2.0/25", "gw": "10.5.0.3", "priority": 50 },
                 { "dst": "198.51.100.0/24", "gw": "0.0.0.0", "priority": 50, "scope": 253 }]
                """),
            JsonNode.Parse(added.Json.GetProperty("routes").GetRawText())), added.ToString());
        string routes = container.Run("ip", "route").Check().StandardOutput;
        Assert.Contains("default via 10.5.0.2 dev eth0 metric 50", routes, StringComparison.Ordinal);
        Assert.Contains("192.0.2.0/25 via 10.5.0.3 dev eth0 metric 50", routes, StringComparison.Ordinal);
        Assert.Contains("198.51.100.0/24 dev eth0 scope link metric 50", routes, StringComparison.Ordinal);
        Assert.Equal(1400, container.IpJson("link show dev eth0")[0].GetProperty("mtu").GetInt32());
        Assert.Contains("10.5.0.7", File.ReadAllText(Assert.Single(_lan.Leases)), StringComparison.Ordinal);
        _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        _lan.Plugin.Delete(container, config).Check();

        // An MTU in the configuration is the operator's word.
        _lan.Plugin.Add(container, _lan.Config(keys: """{ "mtu": 1450 }""")).Check();
        Assert.Equal(1450, container.IpJson("link show dev eth0")[0].GetProperty("mtu").GetInt32());
    }

    [Fact]
    public void Classful_routes_come_with_the_default_route()
    {
        _lan.Dnsmasq("--dhcp-option=33,10.9.9.9,10.5.0.4,192.0.2.1,10.5.0.4");
        _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();

        PluginResult added = _lan.Plugin.Add(container, _lan.Config()).Check();

        Assert.Equal(
            ["10.0.0.0/8 via 10.5.0.4", "192.0.2.0/24 via 10.5.0.4", "0.0.0.0/0 via 10.5.0.1"],
            added.Json.GetProperty("routes").EnumerateArray().Select(route => $"{route.GetProperty("dst").GetString()} via {route.GetProperty("gw").GetString()}"));
    }

    [Fact]
    public void The_server_is_told_what_the_configuration_provides_and_requests()
    {
        ProgramLog server = _lan.Dnsmasq("--dhcp-option-force=200,hello");
        _lan.Daemon("-broadcast");
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config("""
            { "provide": [{ "option": "host-name", "fromArg": "K8S_POD_NAME" }, { "option": "vendor-class-identifier", "value": "patchbay-test" }, { "option": "77", "value": "gold" },
                          { "option": "12", "fromArg": "NOT_THERE" }],
              "request": [{ "skipDefault": true }, { "option": "subnet-mask" }, { "option": "200" }] }
            """);

        PluginResult added = _lan.Plugin.Add(container, config, containerId: "c1", args: "IgnoreUnknown=1;K8S_POD_NAME=web-0").Check();

        server.WaitFor("DHCPACK");
        Assert.Contains("vendor class: patchbay-test", server.Text, StringComparison.Ordinal);
        Assert.Contains("client provides name: web-0", server.Text, StringComparison.Ordinal);
        Assert.Contains("user class: gold", server.Text, StringComparison.Ordinal);
        Assert.Contains("requested options: 1:netmask, 200", server.Text, StringComparison.Ordinal);
        Assert.Contains("broadcast response", server.Text, StringComparison.Ordinal);
        Assert.False(added.Json.TryGetProperty("routes", out _)); // not requested, so not sent
        // Option 61: a zero, then container/network/interface.
        Assert.Contains("00:63:31:2f:6e:65:74:2f:65:74:68:30", _lan.ServerLeases, StringComparison.Ordinal);
        Assert.Contains("CNI_ARGS has no NOT_THERE", added.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_ADD_has_the_same_lease_and_another_container_another()
    {
        ProgramLog server = _lan.Dnsmasq();
        _lan.Daemon();
        TestNamespace a = _lan.Host.AddContainer(), b = _lan.Host.AddContainer();
        string first = _lan.Plugin.Add(a, _lan.Config()).Check().ResultAddresses()[0];
        int asked = server.Count("DHCPREQUEST");

        // The plugin alone: a bridge would not make eth0 twice.
        var alone = new Plugin(_lan.Host, "dhcp");
        Assert.Equal(first, alone.Add(a, _lan.Config()).Check().ResultAddresses()[0]);
        Assert.Equal(asked, server.Count("DHCPREQUEST"));
        Assert.NotEqual(first, _lan.Plugin.Add(b, _lan.Config()).Check().ResultAddresses()[0]);

        // The same container with another namespace is another: its lease of old is given back.
        TestNamespace again = _lan.Host.AddContainer();
        _lan.Plugin.Add(again, _lan.Config(), containerId: a.Name).Check();
        server.WaitFor("DHCPRELEASE");
        Assert.Equal(2, _lan.Leases.Length);
    }

    [Fact]
    public void DEL_needs_no_namespace_and_no_lease()
    {
        ProgramLog server = _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config();
        _lan.Plugin.Invoke("DEL", config, "never", netns: "", ifName: "eth0").Check();
        _lan.Plugin.Add(container, config).Check();
        container.Run("ip", "link", "del", "eth0").Check();

        _lan.Plugin.Delete(container, config).Check();
        daemon.WaitFor("the server cannot be told");
        Assert.Empty(_lan.Leases);

        // Without CNI_NETNS the daemon knows where the interface is.
        _lan.Plugin.Add(container, config).Check();
        _lan.Plugin.Invoke("DEL", config, container.Name, netns: "", ifName: "eth0").Check();
        server.WaitFor("DHCPRELEASE");
        Assert.Empty(_lan.Leases);
    }

    [Fact]
    public void CHECK_tells_a_lease_that_is_gone_or_another_and_changes_nothing()
    {
        _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer(), other = _lan.Host.AddContainer();
        string config = _lan.Config();
        PluginResult added = _lan.Plugin.Add(container, config).Check();
        string with = Conf.WithResult(config, added);
        var alone = new Plugin(_lan.Host, "dhcp");
        Snapshot before = Snapshot.Take(_lan.Host);

        Assert.Empty(alone.Check(container, with).Check().StandardOutput);
        Assert.Contains("another namespace", alone.Check(other, with, containerId: container.Name).CheckError(999).ErrorText, StringComparison.Ordinal);
        string lie = with.Replace(added.ResultAddresses()[0], "10.5.0.9/24", StringComparison.Ordinal);
        Assert.Contains("prevResult has 10.5.0.9/24", alone.Check(container, lie).CheckError(999).ErrorText, StringComparison.Ordinal);
        Assert.Contains("no lease of container nobody", alone.Check(container, with, containerId: "nobody").CheckError(999).ErrorText, StringComparison.Ordinal);
        alone.Delete(container, config).Check();
        // The reference waits for ever here when its loop has ended.
        Assert.Contains("no lease of container", alone.Check(container, with).CheckError(999).ErrorText, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(_lan.Host));
        daemon.End();
        Assert.Contains($"error dialing DHCP daemon: cannot reach the DHCP daemon at {_lan.Socket}", alone.Check(container, with).CheckError(999).ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void GC_releases_what_no_valid_attachment_holds_with_a_daemon_and_without()
    {
        ProgramLog server = _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        string config = _lan.Config(), elsewhere = _lan.Config(keys: """{ "name": "net-b" }""");
        foreach (string id in (string[])["a", "b", "c", "d"])
            _lan.Plugin.Add(_lan.Host.AddContainer(), config, containerId: id).Check();
        _lan.Plugin.Add(_lan.Host.AddContainer(), elsewhere, containerId: "b").Check();

        _lan.Plugin.Invoke("GC", config).Check(); // no list, nothing told
        Assert.Equal(5, _lan.Leases.Length);
        Collect("a", "c", "d");
        Assert.Equal(["net-b:b:eth0.json", "net:a:eth0.json", "net:c:eth0.json", "net:d:eth0.json"], _lan.Leases.Select(Path.GetFileName));
        server.WaitFor("DHCPRELEASE");

        daemon.Kill();
        Collect("a", "d");
        server.WaitFor("DHCPRELEASE");
        Collect();
        server.WaitFor("DHCPRELEASE");
        server.WaitFor("DHCPRELEASE");
        Assert.Equal("net-b:b:eth0.json", Path.GetFileName(Assert.Single(_lan.Leases)));

        void Collect(params string[] valid) => _lan.Plugin.Invoke("GC", _lan.Config(keys: new JsonObject
        {
            ["cni.dev/valid-attachments"] = new JsonArray([.. valid.Select(id => (JsonNode)new JsonObject { ["containerID"] = id, ["ifname"] = "eth0" })]),
        }.ToJsonString())).Check();
    }

    [Fact]
    public void STATUS_asks_whether_the_daemon_answers()
    {
        string config = _lan.Config();
        string text = _lan.Plugin.Invoke("STATUS", config).CheckError(50).ErrorText;
        Assert.Contains(_lan.Socket, text, StringComparison.Ordinal);
        Assert.Contains("No such file or directory", text, StringComparison.Ordinal);
        ProgramLog daemon = _lan.Daemon();
        Assert.Empty(_lan.Plugin.Invoke("STATUS", config).Check().StandardOutput);
        daemon.Kill();
        Assert.Contains("Connection refused", _lan.Plugin.Invoke("STATUS", config).CheckError(50).ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void The_example_works()
    {
        ProgramLog server = _lan.Dnsmasq("--dhcp-option=121,0.0.0.0/0,10.5.0.1");
        _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        JsonObject example = JsonNode.Parse(Assert.Single(Conf.OfList(_lan.Host, Repository.PathOf("examples/70-dhcp.conflist"))))!.AsObject();
        example["ipam"]!["daemonSocketPath"] = _lan.Socket;
        string config = example.ToJsonString();

        PluginResult added = _lan.Plugin.Add(container, config, args: "IgnoreUnknown=1;K8S_POD_NAME=web-1").Check();

        server.WaitFor("DHCPACK");
        Assert.Contains("client provides name: web-1", server.Text, StringComparison.Ordinal);
        Assert.Contains("default via 10.5.0.1 dev eth0 metric 100", container.Run("ip", "route").Check().StandardOutput, StringComparison.Ordinal);
        _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        _lan.Plugin.Delete(container, config).Check();
    }
}
