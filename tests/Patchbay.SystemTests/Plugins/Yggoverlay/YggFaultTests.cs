using System.Net.Sockets;
using System.Text;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay with what it cannot work with: an error that says what to do, nothing left behind.</summary>
public sealed class YggFaultTests : IDisposable
{
    private readonly YggHost _ygg = new();
    private Socket? _listener;

    public void Dispose()
    {
        _listener?.Dispose();
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
        container.Ping("300:0:0:1::1");
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
        _ygg.Ygg.Invoke("STATUS", _ygg.Config(version: "1.1.0")).Check();
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

        _ygg.Ygg.Add(container, _ygg.Config(second), "eth1", args: "YGG_HOSTNAME=other").Failed(7, "eth0");

        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
        Assert.DoesNotContain(container.Addresses("eth1"), address => address.StartsWith('3'));
    }

    private void Refused(string keys, string name, int code, params string[] texts)
    {
        TestNamespace container = _ygg.Host.AddContainer();
        PluginResult bridged = new Plugin(_ygg.Host, "bridge").Add(container, _ygg.BridgeConfig()).Check();
        Snapshot before = Snapshot.Take(_ygg.Host);
        string config = _ygg.Config(bridged, keys);
        _ygg.Ygg.Add(container, config, args: $"NERDCTL_CNI_DHCP_HOSTNAME={name};IgnoreUnknown=1").Failed(code, texts);
        before.AssertSame(Snapshot.Take(_ygg.Host));
        Assert.Empty(_ygg.Reserved);
    }

    // An admin socket with one answer for everybody; null for none.
    private void Listen(string? answer)
    {
        _listener = new Socket(System.Net.Sockets.AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(_ygg.AdminSocket));
        _listener.Listen(16);
        if (answer is null)
            return;
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using Socket client = await _listener.AcceptAsync();
                    byte[] request = new byte[4096];
                    await client.ReceiveAsync(request);
                    await client.SendAsync(Encoding.UTF8.GetBytes(answer));
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        });
    }
}
