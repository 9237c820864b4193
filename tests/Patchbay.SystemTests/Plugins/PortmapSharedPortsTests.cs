using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>
/// The same ports for several interfaces of one container: what Podman and nerdctl ask for when a container with published ports is on
/// two networks. One interface has the port; when that one goes, the other has.
/// </summary>
public sealed class PortmapSharedPortsTests : IDisposable
{
    private readonly PortmapHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("nftables", null)]
    [InlineData("nftables", "127.0.0.1")]
    [InlineData("iptables", null)]
    [InlineData("iptables", "127.0.0.1")]
    public void The_next_network_has_the_port_when_the_first_goes(string backend, string? hostIp)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""", mappings = $"[{Mapping(8080, 80, hostIp: hostIp)},{Mapping(8081, 80, "udp", hostIp)}]";
        _host.Warm(keys);
        (TestNamespace container, PluginResult first) = _host.AddContainer();
        PluginResult second = _host.AddContainer("eth1", "other", container).Bridged;
        string one = Config(first, mappings, keys), two = Config(second, mappings, keys, "other");
        Snapshot before = Snapshot.Take(_host.Host);
        using EchoServer server = EchoServer.Tcp(container, 80);

        _host.Ours.Add(container, one).Check();
        Snapshot alone = Snapshot.Take(_host.Host);
        _host.Ours.Add(container, two, "eth1").Check();
        Assert.Equal("10.22.0.1", Asked());
        _host.Ours.Check(container, one).Check();
        _host.Ours.Check(container, two, "eth1").Check();
        // An ADD that is repeated changes nothing of that.
        _host.Ours.Add(container, two, "eth1").Check();
        _host.Ours.Add(container, one).Check();
        Assert.Equal("10.22.0.1", Asked());

        _host.Ours.Delete(container, two, "eth1").Check();
        SameButForTheSet(alone);
        Assert.Equal("10.22.0.1", Asked());

        _host.Ours.Add(container, two, "eth1").Check();
        _host.Ours.Delete(container, one).Check();
        Assert.Equal("10.23.0.1", Asked());
        _host.Ours.Check(container, two, "eth1").Check();

        _host.Ours.Delete(container, two, "eth1").Check();
        Assert.Null(Asked());
        SameButForTheSet(before);

        string? Asked() => EchoServer.AskTcp(_host.Host, "127.0.0.1", 8080);

        // The set of those that wait stays, as the other common sets do.
        void SameButForTheSet(Snapshot than) =>
            Assert.DoesNotContain(than.Difference(Snapshot.Take(_host.Host)), fact => !fact.Contains("waiting_services", StringComparison.Ordinal) || fact.Contains("elem", StringComparison.Ordinal));
    }

    [Fact]
    public void Localhost_of_IPv6_and_conditions_are_passed_on_too()
    {
        string mappings = $"[{Mapping(8080, 80)}]", conditions = """{ "conditionsV4": ["ip saddr != 203.0.113.0/24"] }""";
        (TestNamespace container, PluginResult first) = _host.AddContainer();
        PluginResult second = _host.AddContainer("eth1", "other", container).Bridged;
        PluginResult third = _host.AddContainer("eth2", "net", container).Bridged;
        string one = Config(first, mappings, conditions), two = Config(second, mappings, conditions, "other"), three = Config(third, mappings, conditions);
        using EchoServer server = EchoServer.Tcp(container, 80);
        _host.Ours.Add(container, one).Check();
        _host.Ours.Add(container, two, "eth1").Check();
        _host.Ours.Add(container, three, "eth2").Check();
        Assert.Equal(("10.22.0.1", "fd22::1"), Asked());

        _host.Ours.Delete(container, three, "eth2").Check();
        _host.Ours.Check(container, one).Check();
        _host.Ours.Delete(container, one).Check();
        Assert.Equal(("10.23.0.1", "fd23::1"), Asked());
        _host.Ours.Check(container, two, "eth1").Check();

        // What nobody waits for any more is another container's to have.
        _host.Ours.Delete(container, two, "eth1").Check();
        (TestNamespace other, PluginResult bridged) = _host.AddContainer();
        _host.Ours.Add(other, Config(bridged, mappings, conditions)).Check();

        (string?, string?) Asked() => (EchoServer.AskTcp(_host.Host, "127.0.0.1", 8080), EchoServer.AskTcp(_host.Host, "::1", 8080));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void A_port_that_two_networks_of_a_container_have_is_refused_to_another(string backend)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""", mappings = $"[{Mapping(8080, 80)}]";
        (TestNamespace container, PluginResult first) = _host.AddContainer();
        PluginResult second = _host.AddContainer("eth1", "other", container).Bridged;
        (TestNamespace other, PluginResult bridged) = _host.AddContainer();
        _host.Ours.Add(container, Config(first, mappings, keys), containerId: "the-first").Check();
        _host.Ours.Add(container, Config(second, mappings, keys, "other"), "eth1", "the-first").Check();

        _host.Ours.Add(other, Config(bridged, mappings, keys)).Failed(7, "8080/tcp", "\"the-first\"");
        _host.Ours.Delete(container, Config(first, mappings, keys), containerId: "the-first").Check();
        _host.Ours.Add(other, Config(bridged, mappings, keys)).Failed(7, "8080/tcp", "\"the-first\"");
        _host.Ours.Delete(container, Config(second, mappings, keys, "other"), "eth1", "the-first").Check();
        _host.Ours.Add(other, Config(bridged, mappings, keys)).Check();
    }
}
