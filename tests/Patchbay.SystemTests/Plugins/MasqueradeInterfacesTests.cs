using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ipMasq of two interfaces that one container has on one network, where the reference's iptables chain is one for both.</summary>
public sealed class MasqueradeInterfacesTests : IDisposable
{
    private readonly TestHost _host;
    private readonly TestNamespace _container;
    private readonly Dictionary<string, PluginResult> _added = [];
    private Dictionary<string, string?>? _environment;
    private string _config = "";

    public MasqueradeInterfacesTests()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        _host = TestHost.Create();
        _container = _host.AddContainer();
        Outside.Connect(_host);
    }

    public static TheoryData<string, string> BackendsAndInterfaces { get; } = new()
    {
        { "nftables", "eth0" }, { "nftables", "eth1" }, { "iptables", "eth0" }, { "iptables", "eth1" }, { "legacy", "eth0" }, { "legacy", "eth1" },
    };

    private Plugin Ours => new(_host, "bridge");

    private Plugin Theirs => ReferencePlugins.Plugin(_host, "bridge");

    public void Dispose() => _host.Dispose();

    [Theory]
    [MemberData(nameof(BackendsAndInterfaces))]
    public void Either_may_go_first_told_its_addresses_or_not_and_more_than_once(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Configure(backend);
        Add(Ours, "eth0");
        Add(Ours, "eth1");
        Check("eth0").Check();
        Check("eth1").Check();

        Delete(Ours, gone, told: false);
        Delete(Ours, gone, told: false);
        Delete(Ours, gone, told: true);
        Assert.Equal([kept], Masqueraded());
        CheckAndPing(kept);

        // Again, beside the other one, which was the first or the second to come.
        Add(Ours, gone);
        Check(gone).Check();
        Delete(Ours, gone, told: true);
        Delete(Ours, gone, told: false);
        Assert.Equal([kept], Masqueraded());
        Check(kept).Check();
        Delete(Ours, kept, told: false);
        AssertNothing();
    }

    [Theory]
    [MemberData(nameof(BackendsAndInterfaces))]
    public void Gc_removes_the_one_that_is_not_valid(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Configure(backend, "1.1.0");
        Add(Ours, "eth0");
        Add(Ours, "eth1");
        _container.Run("ip", "link", "del", gone).Check();

        Collect(kept);
        Assert.Equal([kept], Masqueraded());
        Snapshot wanted = Snapshot.Take(_host);
        Collect(kept);
        wanted.AssertSame(Snapshot.Take(_host));
        CheckAndPing(kept);

        Collect();
        AssertNothing();

        void Collect(params string[] valid) => Call(Ours, "GC", _config.Insert(1, $$"""
            "cni.dev/valid-attachments": [{{string.Join(',', valid.Select(ifName => $$"""{ "containerID": "{{_container.Name}}", "ifname": "{{ifName}}" }"""))}}],
            """)).Check();
    }

    [Theory]
    [InlineData("iptables", "eth0")]
    [InlineData("iptables", "eth1")]
    [InlineData("legacy", "eth0")]
    [InlineData("legacy", "eth1")]
    public void Where_the_reference_made_one_chain_for_both_the_addresses_tell_whose_a_rule_is(string backend, string gone)
    {
        string kept = gone == "eth0" ? "eth1" : "eth0";
        Configure(backend);
        Add(Theirs, "eth0");
        Add(Theirs, "eth1");
        Check("eth0").Check();
        Check("eth1").Check();

        Delete(Ours, gone, told: true);
        Delete(Ours, gone, told: true);
        CheckAndPing(kept);

        // One more beside it, with a chain of its own.
        Add(Ours, "eth2");
        Check("eth2").Check();
        Delete(Ours, "eth2", told: false);
        Check(kept).Check();
        Add(Ours, "eth2");
        Delete(Ours, kept, told: false);
        Check("eth2").Check();
        Delete(Ours, "eth2", told: true);
        AssertNothing();
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("legacy")]
    public void Nothing_is_left_when_each_was_made_by_another_side(string backend)
    {
        Configure(backend);
        foreach ((Plugin first, Plugin second) in ((Plugin, Plugin)[])[(Ours, Theirs), (Theirs, Ours)])
        {
            Add(first, "eth0");
            Add(second, "eth1");
            Delete(second, "eth1", told: true, mayFail: second.Directory != Ours.Directory);
            Delete(Ours, "eth1", told: true);
            Check("eth0").Check();
            Delete(first, "eth0", told: true);
            AssertNothing();
        }
    }

    private void Configure(string backend, string version = "1.0.0")
    {
        _environment = backend == "legacy" ? _host.WithLegacyIptables() : null;
        string name = backend == "nftables" ? backend : "iptables";
        _config = Conf.Bridge(_host, $$"""{ "isGateway": true, "ipMasq": true, "ipMasqBackend": "{{name}}" }""", version);
    }

    private void Add(Plugin plugin, string ifName) => _added[ifName] = Call(plugin, "ADD", _config, ifName).Check();

    private PluginResult Check(string ifName) => Call(Ours, "CHECK", Conf.WithResult(_config, _added[ifName]), ifName);

    private void Delete(Plugin plugin, string ifName, bool told, bool mayFail = false)
    {
        PluginResult deleted = Call(plugin, "DEL", told ? Conf.WithResult(_config, _added[ifName]) : _config, ifName);
        if (!mayFail)
            deleted.Check();
    }

    private PluginResult Call(Plugin plugin, string command, string config, string? ifName = null) => plugin.Invoke(
        command, config, ifName is null ? null : _container.Name, ifName is null ? null : _container.Path, ifName, environment: _environment);

    private void CheckAndPing(string ifName)
    {
        Check(ifName).Check();
        _container.Run("ip", "route", "replace", "default", "via", "10.22.0.1").Check();
        _container.Run("ip", "-6", "route", "replace", "default", "via", "fd22::1").Check();
        _container.Ping(Outside.IPv4);
        _container.Ping(Outside.IPv6);
    }

    // The interfaces whose addresses are in rules.
    private string[] Masqueraded()
    {
        string[] words = Rules().Split(' ', '\n', '/');
        return [.. _added.Keys.Where(ifName => _added[ifName].ResultAddresses().Any(address => words.Contains(address.Split('/')[0]))).Order(StringComparer.Ordinal)];
    }

    private void AssertNothing()
    {
        string rules = Rules();
        Assert.DoesNotContain("CNI-", rules, StringComparison.Ordinal);
        Assert.DoesNotContain(_container.Name, rules, StringComparison.Ordinal);
    }

    private string Rules() => string.Join('\n', ((string[])["nft list ruleset", "iptables-save", "ip6tables-save"])
        .Select(program => _host.Run(program.Split(' '), null, _environment).Check().StandardOutput));
}
