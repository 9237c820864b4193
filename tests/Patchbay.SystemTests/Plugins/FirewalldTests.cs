using System.Net.Sockets;
using System.Text;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Backend firewalld, with the real firewalld; and what becomes of a plugin whose bus does not answer.</summary>
public sealed class FirewalldTests : IDisposable
{
    private const string Keys = """{ "backend": "firewalld" }""";

    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    [Theory]
    [InlineData(Keys, false)]
    [InlineData("{}", false)]
    [InlineData("{}", true)]
    public void Opens_the_path_by_a_source_of_the_zone(string keys, bool dropped)
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        Firewalld firewalld = Firewalld.Start(_net.Host);
        if (dropped)
            _net.DropForwarded(); // Docker beside firewalld: the zone alone does not open the path
        string config = FirewallHost.Config(result, keys);
        FirewallHost.AssertReaches(container, false);

        Invoke(firewalld, "ADD", container, config).Check();

        Assert.Equal(["10.1.0.2/32", "fd00:1::2/128"], firewalld.Sources());
        FirewallHost.AssertReaches(container, true);
        Invoke(firewalld, "CHECK", container, config).Check();
        Invoke(firewalld, "ADD", container, config).Check();
        Invoke(firewalld, "STATUS", container, FirewallHost.Config(null, keys)).Check();
        if (!dropped)
            Assert.Empty(FirewallState.Iptables(_net.Host));

        firewalld.Client("--zone=trusted", "--remove-source=fd00:1::2/128").Check();
        Invoke(firewalld, "CHECK", container, config).Failed(999, "fd00:1::2", "trusted");
        Invoke(firewalld, "DEL", container, config).Check();
        Assert.Empty(firewalld.Sources());
        FirewallHost.AssertReaches(container, false);
        Invoke(firewalld, "DEL", container, config).Check();
    }

    [Fact]
    public void Delete_and_gc_find_sources_without_a_result()
    {
        (TestNamespace a, PluginResult resultA) = _net.Connect();
        (TestNamespace b, PluginResult resultB) = _net.Connect();
        Firewalld firewalld = Firewalld.Start(_net.Host);
        const string Internal = """{ "backend": "firewalld", "firewalldZone": "internal", "ingressPolicy": "same-bridge" }""";
        Invoke(firewalld, "ADD", a, FirewallHost.Config(resultA, Internal)).Check();
        Invoke(firewalld, "ADD", b, FirewallHost.Config(resultB, Internal)).Check();
        Assert.Equal(["10.1.0.2/32", "10.1.0.3/32", "fd00:1::2/128", "fd00:1::3/128"], firewalld.Sources("internal"));
        Assert.Equal(["cni1"], FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
        Invoke(firewalld, "CHECK", b, FirewallHost.Config(resultB, Internal)).Check();

        Invoke(firewalld, "DEL", a, FirewallHost.Config(null, Internal)).Check();
        Assert.Equal(["10.1.0.3/32", "fd00:1::3/128"], firewalld.Sources("internal"));
        Invoke(firewalld, "GC", b, FirewallHost.Config(null, Internal).Insert(1, "\"cni.dev/valid-attachments\": [], ")).Check();
        Assert.Empty(firewalld.Sources("internal"));
        Assert.Empty(FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
    }

    [Fact]
    public void Reference_adds_and_ours_deletes_and_the_other_way_round()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: "1.0.0");
        Firewalld firewalld = Firewalld.Start(_net.Host);
        string config = FirewallHost.Config(result, Keys, version: "1.0.0");
        Plugin reference = ReferencePlugins.Plugin(_net.Host, "firewall");
        foreach ((Plugin adds, Plugin deletes) in (ReadOnlySpan<(Plugin, Plugin)>)[(reference, _net.Firewall), (_net.Firewall, reference)])
        {
            Invoke(firewalld, "ADD", container, config, adds).Check();
            Invoke(firewalld, "CHECK", container, config, deletes).Check();
            FirewallHost.AssertReaches(container, true);
            Invoke(firewalld, "DEL", container, config, deletes).Check();
            Assert.Empty(firewalld.Sources());
        }

        // The reference asks and does not listen to the answer.
        Invoke(firewalld, "CHECK", container, config, reference).Check();
        Invoke(firewalld, "CHECK", container, config).Failed(999, "10.1.0.2");
    }

    [Fact]
    public void Errors_of_firewalld_are_told()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        Firewalld firewalld = Firewalld.Start(_net.Host);
        const string Nowhere = """{ "backend": "firewalld", "firewalldZone": "nowhere" }""";
        Invoke(firewalld, "ADD", container, FirewallHost.Config(result, Nowhere)).Failed(999, "INVALID_ZONE", "nowhere");
        Invoke(firewalld, "STATUS", container, FirewallHost.Config(null, Nowhere)).Failed(50, "INVALID_ZONE", "nowhere");
        Invoke(firewalld, "DEL", container, FirewallHost.Config(result, Nowhere)).Check();

        // The second of two addresses is somebody else's: the first does not stay.
        // firewalld makes a zone's chains when it first needs them, and keeps them.
        firewalld.Client("--zone=trusted", "--add-source=192.0.2.1/32").Check();
        firewalld.Client("--zone=trusted", "--remove-source=192.0.2.1/32").Check();
        firewalld.Client("--zone=internal", "--add-source=fd00:1::2/128").Check();
        Snapshot before = Snapshot.Take(_net.Host);
        Invoke(firewalld, "ADD", container, FirewallHost.Config(result, Keys)).Failed(999, "fd00:1::2", "ZONE_CONFLICT");
        Assert.Empty(firewalld.Sources());
        Assert.Equal(["fd00:1::2/128"], firewalld.Sources("internal"));
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Fact]
    public void Bus_without_firewalld_is_no_reason_to_fail_unless_firewalld_was_asked_for()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        Firewalld bus = Firewalld.Start(_net.Host, daemon: false);
        Invoke(bus, "ADD", container, FirewallHost.Config(result, Keys)).Failed(999, "firewalld", "not on the system bus");
        Invoke(bus, "STATUS", container, FirewallHost.Config(null, Keys)).Failed(50, "firewalld");
        Invoke(bus, "ADD", container, FirewallHost.Config(result)).Check();
        Invoke(bus, "DEL", container, FirewallHost.Config(result, Keys)).Check();
        Assert.DoesNotContain(FirewallState.Iptables(_net.Host), line => line.Contains("10.1.0.2", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("REJECTED EXTERNAL\r\n", "REJECTED")]
    [InlineData("OK 1234\r\nThis is not a message of D-Bus at all", "malformed")]
    [InlineData("OK 1234\r\nl\u0002\u0001\u0001\u00ff\u00ff\u00ff\u007f\u0001\u0000\u0000\u0000\u00ff\u00ff\u00ff\u007f", "malformed")]
    [InlineData("", "closed")]
    public void Bus_that_talks_nonsense_is_told_and_no_bus_at_all_otherwise(string answer, string told)
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        string path = Path.Combine(_net.Host.Directory, "bus");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var serving = new Thread(() =>
        {
            // Once for each call below.
            for (int call = 0; call < 2; call++)
            {
                using Socket client = listener.Accept();
                client.Receive(new byte[1024]);
                client.Send(Encoding.Latin1.GetBytes(answer));
                client.Shutdown(SocketShutdown.Send);
                while (client.Poll(Command.DefaultLimit, SelectMode.SelectRead) && client.Receive(new byte[1024], SocketFlags.None, out SocketError error) > 0 && error == SocketError.Success)
                {
                }
            }
        });
        serving.Start();
        var environment = new Dictionary<string, string?> { ["DBUS_SYSTEM_BUS_ADDRESS"] = $"tcp:host=localhost;unix:path={path.Replace("/", "%2f", StringComparison.Ordinal)},guid=1" };

        _net.Firewall.Invoke("ADD", FirewallHost.Config(result, Keys), container.Name, container.Path, "eth0", environment: environment).Failed(999, "firewalld", told);
        _net.Firewall.Invoke("ADD", FirewallHost.Config(result), container.Name, container.Path, "eth0", environment: environment).Check();
        Assert.True(serving.Join(Command.DefaultLimit));
    }

    private PluginResult Invoke(Firewalld firewalld, string command, TestNamespace container, string config, Plugin? plugin = null) =>
        (plugin ?? _net.Firewall).Invoke(command, config, container.Name, container.Path, "eth0", environment: firewalld.Environment);
}
