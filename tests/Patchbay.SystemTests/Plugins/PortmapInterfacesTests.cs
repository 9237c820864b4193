using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>portmap of two interfaces that one container has on one network, where the reference's iptables chain is one for both.</summary>
public sealed class PortmapInterfacesTests : IDisposable
{
    private const int Both = 8090;

    private readonly PortmapHost _host = new();
    private readonly TestNamespace _container;
    private readonly Dictionary<string, PluginResult> _bridged = [];
    private readonly Dictionary<string, int> _ports = new() { ["eth0"] = 8080, ["eth1"] = 8081, ["eth2"] = 8082 };
    private Dictionary<string, string?>? _environment;
    private string _backend = "";
    private bool _onlyIPv4;

    public PortmapInterfacesTests()
    {
        (_container, _bridged["eth0"]) = _host.AddContainer();
        _bridged["eth1"] = _host.AddContainer("eth1", container: _container).Bridged;
    }

    public static TheoryData<string, string> BackendsAndInterfaces { get; } = new()
    {
        { "nftables", "eth0" }, { "nftables", "eth1" }, { "iptables", "eth0" }, { "iptables", "eth1" }, { "legacy", "eth0" }, { "legacy", "eth1" },
    };

    public void Dispose() => _host.Dispose();

    [Theory]
    [MemberData(nameof(BackendsAndInterfaces))]
    public void Either_may_go_first_told_its_addresses_or_not_and_more_than_once(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Use(backend);
        Call(_host.Ours, "ADD", "eth0").Check();
        Call(_host.Ours, "ADD", "eth1").Check();
        Call(_host.Ours, "CHECK", "eth0").Check();
        Call(_host.Ours, "CHECK", "eth1").Check();

        Call(_host.Ours, "DEL", gone, told: false).Check();
        Call(_host.Ours, "DEL", gone, told: false).Check();
        Call(_host.Ours, "DEL", gone).Check();
        Call(_host.Ours, "CHECK", kept).Check();

        // Again, beside the other one, which was the first or the second to come.
        Call(_host.Ours, "ADD", gone).Check();
        Call(_host.Ours, "CHECK", gone).Check();
        Call(_host.Ours, "DEL", gone).Check();
        Call(_host.Ours, "DEL", gone, told: false).Check();
        Only(kept);

        Call(_host.Ours, "DEL", kept, told: false).Check();
        AssertNothing();
    }

    [Theory]
    [MemberData(nameof(BackendsAndInterfaces))]
    public void Gc_removes_the_one_that_is_not_valid(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Use(backend);
        Call(_host.Ours, "ADD", "eth0").Check();
        Call(_host.Ours, "ADD", "eth1").Check();

        Collect(kept);
        Only(kept);
        Snapshot wanted = Snapshot.Take(_host.Host);
        Collect(kept);
        wanted.AssertSame(Snapshot.Take(_host.Host));

        Collect();
        AssertNothing();

        void Collect(params string[] valid)
        {
            string list = string.Join(',', valid.Select(ifName => $$"""{ "containerID": "{{_container.Name}}", "ifname": "{{ifName}}" }"""));
            _host.Ours.Invoke("GC", Config(null, "[]", $$"""{ "cni.dev/valid-attachments": [{{list}}] }""", version: "1.1.0"), environment: _environment).Check();
        }
    }

    [Theory]
    [InlineData("iptables", "eth0")]
    [InlineData("iptables", "eth1")]
    [InlineData("legacy", "eth0")]
    [InlineData("legacy", "eth1")]
    public void Where_the_reference_made_one_chain_for_both_the_addresses_tell_whose_a_rule_is(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Use(backend);
        // For the second interface the reference adds no rules of IPv6 in the old tables.
        _onlyIPv4 = true;
        Call(_host.Theirs, "ADD", "eth0").Check();
        Call(_host.Theirs, "ADD", "eth1").Check();

        Call(_host.Ours, "DEL", gone).Check();
        Call(_host.Ours, "DEL", gone).Check();
        Only(kept);

        // One more beside it, with a chain of its own.
        _bridged["eth2"] = _host.AddContainer("eth2", container: _container).Bridged;
        Call(_host.Ours, "ADD", "eth2").Check();
        Call(_host.Ours, "CHECK", "eth2").Check();
        Call(_host.Ours, "DEL", "eth2", told: false).Check();
        Call(_host.Ours, "CHECK", kept).Check();
        Call(_host.Ours, "DEL", kept, told: false).Check();
        AssertNothing();
    }

    private void Use(string backend)
    {
        _environment = backend == "legacy" ? _host.Host.WithLegacyIptables() : null;
        _backend = backend == "nftables" ? backend : "iptables";
    }

    // Each has a port of its own, and one that the other has as well.
    private PluginResult Call(Plugin plugin, string command, string ifName, bool told = true)
    {
        string mappings = told ? $"[{Mapping(_ports[ifName], 80)},{Mapping(Both, 80)}]" : "[]";
        JsonObject config = JsonNode.Parse(Config(told ? _bridged[ifName] : null, mappings, $$"""{ "backend": "{{_backend}}" }"""))!.AsObject();
        if (_onlyIPv4)
            config["prevResult"]?["ips"]?.AsArray().RemoveAt(1);
        return plugin.Invoke(command, config.ToJsonString(), _container.Name, _container.Path, ifName, environment: _environment);
    }

    private void Only(string kept)
    {
        Call(_host.Ours, "CHECK", kept).Check();
        string gone = kept == "eth0" ? "eth1" : "eth0";
        if (_container.HasLink(gone))
            _container.Run("ip", "link", "del", gone).Check();
        _container.Run("ip", "route", "replace", "default", "via", "10.22.0.1").Check();
        using EchoServer server = EchoServer.Tcp(_container, 80);
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, _ports[kept]));
        Assert.Equal(ClientV4, EchoServer.AskTcp(_host.Client, HostV4, Both));
        Assert.Null(EchoServer.AskTcp(_host.Client, HostV4, _ports[gone]));
    }

    private void AssertNothing()
    {
        string rules = string.Join('\n', ((string[])["nft list ruleset", "iptables-save", "ip6tables-save"])
            .Select(program => _host.Host.Run(program.Split(' '), null, _environment).Check().StandardOutput));
        foreach (string trace in (string[])["CNI-DN-", "8080", "8081", "8082", "8090"])
            Assert.DoesNotContain(trace, rules, StringComparison.Ordinal);
    }
}
