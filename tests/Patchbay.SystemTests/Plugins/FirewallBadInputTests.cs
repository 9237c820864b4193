using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Configurations that are wrong: an error that names the key and the value, and nothing left behind.</summary>
public sealed class FirewallBadInputTests : IDisposable
{
    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    public static TheoryData<string, int, string> Wrong { get; } = new()
    {
        { """{ "backend": "ipchains" }""", 7, "ipchains" },
        { """{ "backend": "NFTABLES" }""", 7, "NFTABLES" },
        { """{ "backend": 1 }""", 999, "backend" },
        { """{ "backend": ["nftables"] }""", 999, "backend" },
        { """{ "ingressPolicy": "closed" }""", 7, "unknown ingress policy: \"closed\"" },
        { """{ "ingressPolicy": true }""", 999, "ingressPolicy" },
        { """{ "firewalldZone": 3 }""", 999, "firewalldZone" },
        { """{ "firewalldZone": "a\nb" }""", 7, "firewalldZone" },
        { """{ "iptablesAdminChainName": {} }""", 999, "iptablesAdminChainName" },
        { """{ "iptablesAdminChainName": "a chain" }""", 7, "a chain" },
        { """{ "iptablesAdminChainName": "-F" }""", 7, "-F" },
        { """{ "iptablesAdminChainName": "X -j ACCEPT\nCOMMIT" }""", 7, "iptablesAdminChainName" },
        { """{ "iptablesAdminChainName": "A123456789012345678901234567890" }""", 7, "28" },
        { """{ "iptablesAdminChainName": "FORWARD" }""", 7, "FORWARD" },
        { """{ "iptablesAdminChainName": "CNI-FORWARD" }""", 7, "CNI-FORWARD" },
        { """{ "iptablesAdminChainName": "ingress_policy", "backend": "nftables" }""", 7, "ingress_policy" },
        { """{ "prevResult": 5 }""", 999, "prevResult" },
        { """{ "prevResult": { "cniVersion": "1.1.0", "ips": [{ "address": "10.1.0.300/24" }] } }""", 999, "address" },
        { """{ "prevResult": { "cniVersion": "1.1.0", "ips": [{ "address": "10.1.0.3/24", "interface": 0 }] } }""", 7, "interface 0" },
        { """{ "prevResult": { "cniVersion": "1.1.0", "ips": [{ "address": "10.1.0.3/24", "interface": -1 }] } }""", 7, "-1" },
        { """{ "prevResult": null }""", 7, "missing prevResult from earlier plugin" },
        { """{ "ingressPolicy": "same-bridge", "prevResult": { "cniVersion": "1.1.0" } }""", 7, "bridge" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Wrong_configuration_is_refused(string keys, int code, string told)
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        JsonObject config = JsonNode.Parse(FirewallHost.Config(result))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            config[key] = value?.DeepClone();
        Snapshot before = Snapshot.Take(_net.Host);

        _net.Firewall.Add(container, config.ToJsonString()).Failed(code, told);

        before.AssertSame(Snapshot.Take(_net.Host));
        Assert.NotEqual(0, _net.Firewall.Check(container, config.ToJsonString()).ExitCode);
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Fact]
    public void Delete_with_a_wrong_configuration_tells_it_and_removes_all_the_same()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded();
        foreach ((string wrong, int code) in (ReadOnlySpan<(string, int)>)[("""{ "backend": "ipchains" }""", 7), ("""{ "prevResult": 5 }""", 999)])
        {
            _net.Firewall.Add(container, FirewallHost.Config(result, """{ "backend": "iptables" }""")).Check();
            _net.Firewall.Delete(container, FirewallHost.Config(null, wrong)).CheckError(code);
            FirewallHost.AssertReaches(container, false);
        }
    }

    [Fact]
    public void Addresses_of_no_interface_and_no_address_at_all_are_fine()
    {
        TestNamespace container = _net.Host.AddContainer();
        foreach (string backend in (string[])["iptables", "nftables"])
        {
            string none = FirewallHost.Config(null, $$"""{ "backend": "{{backend}}", "prevResult": { "cniVersion": "1.1.0" } }""");
            _net.Firewall.Add(container, none).Check();
            _net.Firewall.Check(container, none).Check();
            _net.Firewall.Delete(container, none).Check();
        }
    }

    [Fact]
    public void Failed_add_leaves_nothing()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        foreach (string backend in (string[])["iptables", "nftables"])
        {
            _net.Firewall.Add(container, FirewallHost.Config(result, $$"""{ "backend": "{{backend}}" }""")).Check();
            _net.Firewall.Delete(container, FirewallHost.Config(result)).Check();
        }

        // A base chain cannot be jumped to: after one family was done, the other fails. The chains of the first stay, as they do after a DEL.
        _net.Host.Run("iptables", "-N", "HOOKED").Check();
        _net.Host.Run("iptables", "-I", "CNI-FORWARD", "-j", "HOOKED").Check();
        _net.Host.Run("nft", "add chain ip6 filter HOOKED { type filter hook input priority 0; }").Check();
        _net.Host.Run("nft", "add chain inet cni_firewall HOOKED { type filter hook input priority 0; }").Check();
        Snapshot before = Snapshot.Take(_net.Host);
        foreach (string backend in (string[])["iptables", "nftables"])
        {
            string config = FirewallHost.Config(result, $$"""{ "backend": "{{backend}}", "iptablesAdminChainName": "HOOKED" }""");
            Assert.NotEqual(0, _net.Firewall.Add(container, config).ExitCode);
            Assert.DoesNotContain(FirewallState.Iptables(_net.Host), line => line.Contains("10.1.0.2", StringComparison.Ordinal));
            Assert.Empty(FirewallState.Elements(_net.Host, "inet cni_firewall", "containers4"));
        }

        before.AssertSame(Snapshot.Take(_net.Host));
    }
}
