using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay with what it cannot work with: an error that says what to do, nothing left behind.</summary>
public sealed class YggFaultTests : IDisposable
{
    private readonly YggHost _ygg = new();
    private ScriptedNode? _node;

    public void Dispose()
    {
        _node?.Dispose();
        _ygg.Dispose();
    }

    [Fact]
    public void No_node()
    {
        Refused("{}", "web", 11, "start yggdrasil", _ygg.AdminSocket);
        Refused("""{ "adminSocket": null }""", "web", 11, "/var/run/yggdrasil/yggdrasil.sock", "tcp://localhost:9001");
        _ygg.Ygg.Invoke("STATUS", _ygg.Config(version: "1.1.0")).Failed(51, "start yggdrasil");
    }

    [Fact]
    public void A_node_that_hangs()
    {
        Listen(null);
        Refused("""{ "timeoutMs": 200 }""", "web", 11, "does not answer within 200 ms");
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", 999, "does not speak as a Yggdrasil node", 50)]
    [InlineData("", 11, "hung up", 51)]
    [InlineData("""{"status":"success","response":{"subnet":"fd00::/64"}}""", 999, "not a /64 of 300::/8", 50)]
    [InlineData("""{"status":"success","response":{"subnet":"300::/48"}}""", 999, "not a /64 of 300::/8", 50)]
    [InlineData("""{"status":"error","error":"Unknown action"}""", 999, "Unknown action", 50)]
    public void A_node_that_answers_nonsense(string answer, int code, string problem, int status)
    {
        Listen(answer);
        Refused("{}", "web", code, problem);
        _ygg.Ygg.Invoke("STATUS", _ygg.Config(version: "1.1.0")).Failed(status, problem);
    }

    // Generations that Debian does not have, in the shapes of their sources. They end their lines as they do, and close.
    [Theory]
    [InlineData("""{"request":{"request":"getSelf"},"response":{"self":{"@node@":{"box_pub_key":"aa","coords":"[1 2]","subnet":"300:0:0:1::/64"}}},"status":"success"}""")]
    [InlineData("""{"status":"success","request":{"request":"getSelf","keepalive":false},"response":{"self":{"@node@":{"key":"aa","coords":[1],"subnet":"300:0:0:1::/64"}}}}""")]
    [InlineData("""{"status":"success","request":{"request":"getSelf","arguments":{}},"response":{"key":"aa","address":"@node@","routing_entries":1,"subnet":"300:0:0:1::/64"}}""")]
    public void Other_generations_of_nodes(string answer)
    {
        Listen(answer.Replace("@node@", "200:0:0:1::7", StringComparison.Ordinal) + "\n");
        Refused("{}", "web", 11, "no interface of this host");
        _ygg.Host.Run("ip", "addr", "add", "200:0:0:1::7/128", "dev", "lo").Check();
        TestNamespace container = _ygg.Host.AddContainer();

        PluginResult added = _ygg.Add(container, "web");

        Assert.Contains("300::1:1cd6:8036:d9af:97e2/64", added.ResultAddresses());
        // One connection and one question a call: the one refused, and this one.
        Assert.Equal(["{\"request\":\"getSelf\",\"arguments\":{}}\n", "{\"request\":\"getSelf\",\"arguments\":{}}\n"], _node!.Questions);
        container.Ping("300:0:0:1::1");
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
        _ygg.Ygg.Invoke("STATUS", _ygg.Config(version: "1.1.0")).Check();
        int asked = _node.Questions.Length;
        _ygg.Delete(container, added);
        Assert.Equal(asked, _node.Questions.Length);
    }

    [Fact]
    public void A_node_without_an_interface()
    {
        _ygg.NodeConfig["IfName"] = "none";
        _ygg.Start();
        Refused("{}", "web", 11, "its TUN interface is off");
        _ygg.Ygg.Invoke("STATUS", _ygg.Config(version: "1.1.0")).Failed(50, "its TUN interface is off");
    }

    [Fact]
    public void Names_that_are_none()
    {
        Refused("{}", "", 7, "--hostname");
        Refused("""{ "hostname": "a\u0007b" }""", "", 7, "control characters");
        Refused("{}", new string('x', 300), 7, "300 bytes");
    }

    [Theory]
    [InlineData("""{ "mode": "x" }""", "bridge or routed")]
    [InlineData("""{ "ingress": "x" }""", "open, established or deny")]
    [InlineData("""{ "onDuplicate": "x" }""", "error or skip")]
    [InlineData("""{ "missingName": "x" }""", "error or containerid")]
    [InlineData("""{ "adminSocket": "none" }""", "unix:///path")]
    [InlineData("""{ "yggTableID": 254 }""", "kernel's own")]
    [InlineData("""{ "dataDir": "relative" }""", "absolute")]
    public void Keys_that_make_no_sense(string keys, string problem) => Refused(keys, "web", 7, problem);

    [Fact]
    public void A_chain_without_a_result() =>
        _ygg.Ygg.Add(_ygg.Host.AddContainer(), _ygg.Config(), args: "YGG_HOSTNAME=web").Failed(7, "prevResult");

    [Fact]
    public void A_second_network_of_one_container()
    {
        _ygg.Start();
        TestNamespace container = _ygg.Host.AddContainer();
        PluginResult added = _ygg.Add(container, "web");
        PluginResult second = new Plugin(_ygg.Host, "bridge").Add(container, _ygg.BridgeConfig(), "eth1").Check();
        Snapshot before = Snapshot.Take(_ygg.Host);

        _ygg.Ygg.Add(container, _ygg.Config(second), "eth1", args: "YGG_HOSTNAME=other").Failed(7, "eth0", "leave yggoverlay out");

        before.AssertSame(Snapshot.Take(_ygg.Host));
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
    }

    [Theory]
    [InlineData("other", "64", "\"other\" already", "routed")]
    [InlineData("cni0", "80", "not this plugin's", "delete it")]
    public void A_gateway_address_that_is_somebody_elses(string link, string length, params string[] texts)
    {
        _ygg.Start();
        _ygg.Host.Run("ip", "link", "add", "other", "up", "type", "bridge").Check();
        _ygg.Host.Run("ip", "link", "add", "cni0", "up", "type", "bridge").Check();
        _ygg.Host.Run("ip", "addr", "add", $"{_ygg.Gateway}/{length}", "dev", link, "nodad").Check();
        Refused("{}", "web", 999, texts);
        Assert.Contains($"{_ygg.Gateway}/{length}", _ygg.Host.Addresses(link));
    }

    [Fact]
    public void A_table_that_is_in_use()
    {
        _ygg.Start();
        TestNamespace container = _ygg.Host.AddContainer();
        container.Run("ip", "-6", "route", "add", "2001:db8::/32", "dev", "lo", "table", "199").Check();
        Refused("{}", "web", 7, container, "yggTableID");
    }

    // Nothing of IPv6 is needed: neither an address of the container's, nor a result with any at all.
    [Fact]
    public void A_result_without_addresses()
    {
        _ygg.Start();
        TestNamespace container = _ygg.Host.AddContainer();
        string config = Conf.Bridge(_ygg.Host, """{ "isGateway": false, "ipam": {} }""");
        PluginResult bridged = new Plugin(_ygg.Host, "bridge").Add(container, config).Check();

        PluginResult added = _ygg.Ygg.Add(container, _ygg.Config(bridged), args: "YGG_HOSTNAME=web").Check();

        Assert.Equal([$"{_ygg.AddressOf("web")}/64"], added.ResultAddresses());
        container.Ping(_ygg.Gateway);
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
        new Plugin(_ygg.Host, "bridge").Check(container, Conf.WithResult(config, added)).Check();
    }

    private void Listen(string? answer) => _node = new ScriptedNode(_ygg.AdminSocket, answer);

    private void Refused(string keys, string name, int code, params string[] texts) => Refused(keys, name, code, _ygg.Host.AddContainer(), texts);

    private void Refused(string keys, string name, int code, TestNamespace container, params string[] texts)
    {
        PluginResult bridged = new Plugin(_ygg.Host, "bridge").Add(container, _ygg.BridgeConfig()).Check();
        Snapshot before = Snapshot.Take(_ygg.Host);
        string config = _ygg.Config(bridged, keys);
        _ygg.Ygg.Add(container, config, args: $"NERDCTL_CNI_DHCP_HOSTNAME={name};IgnoreUnknown=1").Failed(code, texts);
        before.AssertSame(Snapshot.Take(_ygg.Host));
        Assert.Empty(_ygg.Reserved);
    }
}
