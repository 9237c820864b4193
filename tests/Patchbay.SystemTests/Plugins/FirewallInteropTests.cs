using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What Debian's firewall plugin has added ours checks and deletes, and the other way round; and what either leaves is the same.</summary>
public sealed class FirewallInteropTests : IDisposable
{
    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    [Theory]
    [InlineData("0.4.0", "open", true)]
    [InlineData("0.4.0", "same-bridge", false)]
    [InlineData("1.0.0", "open", false)]
    [InlineData("1.0.0", "same-bridge", true)]
    public void One_adds_and_the_other_checks_and_deletes(string version, string policy, bool ours)
    {
        Needs.IptablesNft();
        (TestNamespace container, PluginResult result) = _net.Connect(version: version);
        string config = FirewallHost.Config(result, $$"""{ "backend": "iptables", "ingressPolicy": "{{policy}}" }""", version: version);
        Plugin reference = ReferencePlugins.Plugin(_net.Host, "firewall");
        (Plugin adds, Plugin deletes) = ours ? (_net.Firewall, reference) : (reference, _net.Firewall);
        _net.DropForwarded();
        (TestNamespace warm, PluginResult warmResult) = _net.Connect(version: version);
        adds.Add(warm, FirewallHost.Config(warmResult, $$"""{ "backend": "iptables", "ingressPolicy": "{{policy}}" }""", version: version)).Check();
        string[] before = FirewallState.Iptables(_net.Host);

        adds.Add(container, config).Check();
        FirewallHost.AssertReaches(container, true);
        deletes.Check(container, config).Check();
        _net.Firewall.Add(container, config).Check();
        deletes.Delete(container, config).Check();

        Assert.Equal(before, FirewallState.Iptables(_net.Host));
        FirewallHost.AssertReaches(container, false);
        FirewallHost.AssertReaches(warm, true);
        deletes.Delete(container, config).Check();
    }

    [Theory]
    [InlineData("open")]
    [InlineData("same-bridge")]
    public void Layouts_and_results_are_equal(string policy)
    {
        Needs.IptablesNft();
        using var there = new FirewallHost();
        string[] left = [];
        foreach (int time in Enumerable.Range(0, 2))
        {
            (TestNamespace ourContainer, PluginResult ourResult) = _net.Connect(version: "1.0.0");
            (TestNamespace theirContainer, PluginResult theirResult) = there.Connect(version: "1.0.0");
            string keys = $$"""{ "backend": "iptables", "ingressPolicy": "{{policy}}", "iptablesAdminChainName": "ADMIN-{{time}}" }""";
            PluginResult ours = _net.Firewall.Add(ourContainer, FirewallHost.Config(ourResult, keys, version: "1.0.0")).Check();
            PluginResult theirs = ReferencePlugins.Plugin(there.Host, "firewall").Add(theirContainer, FirewallHost.Config(theirResult, keys, version: "1.0.0")).Check();
            Assert.Equal(Conf.Comparable(theirs, theirContainer), Conf.Comparable(ours, ourContainer));
            left = FirewallState.Iptables(_net.Host);
            // Later releases of the reference tell both policies in the comment.
            Assert.Equal(FirewallState.Iptables(there.Host), left.Select(line => line.Replace("same-bridge|isolated", "same-bridge", StringComparison.Ordinal)));
        }

        Assert.NotEmpty(left);
    }

    [Fact]
    public void Whole_chain_of_theirs_is_deleted_by_ours_and_of_ours_by_theirs()
    {
        Needs.IptablesNft();
        foreach (bool ours in (bool[])[true, false])
        {
            using var net = new FirewallHost();
            TestNamespace container = net.Host.AddContainer();
            string bridge = Conf.Bridge(net.Host, """{ "isGateway": true, "ipMasq": true }""", routes: """[{ "dst": "0.0.0.0/0" }]""");
            Plugin Adds(string type) => ours ? new Plugin(net.Host, type) : ReferencePlugins.Plugin(net.Host, type);
            Plugin Deletes(string type) => ours ? ReferencePlugins.Plugin(net.Host, type) : new Plugin(net.Host, type);
            string Firewall(CommandResult result)
            {
                JsonObject config = JsonNode.Parse("""{ "cniVersion": "1.0.0", "name": "net", "type": "firewall", "backend": "iptables", "ingressPolicy": "same-bridge" }""")!.AsObject();
                config["prevResult"] = JsonNode.Parse(result.StandardOutput);
                return config.ToJsonString();
            }

            net.DropForwarded();
            PluginResult first = Adds("bridge").Add(container, bridge).Check();
            PluginResult last = Adds("firewall").Add(container, Firewall(first)).Check();
            container.Ping(FirewallHost.Outside4);
            Deletes("bridge").Check(container, Conf.WithResult(bridge, last)).Check();
            Deletes("firewall").Check(container, Firewall(last)).Check();
            Deletes("firewall").Delete(container, Firewall(last)).Check();
            Deletes("bridge").Delete(container, Conf.WithResult(bridge, last)).Check();
            Assert.DoesNotContain(FirewallState.Iptables(net.Host), line => line.Contains("10.22.0.", StringComparison.Ordinal) || line.Contains("fd22:", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Reference_takes_a_misspelt_backend_for_none_and_ours_does_not()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: "1.0.0");
        string config = FirewallHost.Config(result, """{ "backend": "nftable" }""", version: "1.0.0");
        ReferencePlugins.Plugin(_net.Host, "firewall").Add(container, config).Check();
        _net.Firewall.Add(container, config).Failed(7, "\"nftable\"", "iptables, nftables or firewalld");
    }

    [Fact]
    public void Reference_forgets_what_it_added_when_it_is_told_no_result_and_ours_does_not()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: "1.0.0");
        const string Keys = """{ "backend": "iptables" }""";
        string with = FirewallHost.Config(result, Keys, version: "1.0.0"), without = FirewallHost.Config(null, Keys, version: "1.0.0");
        _net.Firewall.Add(container, with).Check();
        ReferencePlugins.Plugin(_net.Host, "firewall").Delete(container, without).Check();
        Assert.Contains(FirewallState.Iptables(_net.Host), line => line.Contains("10.1.0.2", StringComparison.Ordinal));
        _net.Firewall.Delete(container, without).Check();
        Assert.DoesNotContain(FirewallState.Iptables(_net.Host), line => line.Contains("10.1.0.2", StringComparison.Ordinal));
    }
}
