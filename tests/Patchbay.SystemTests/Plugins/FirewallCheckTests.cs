using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>CHECK finds each kind of damage and repairs none; GC takes what no valid attachment holds; STATUS says whether an ADD could work.</summary>
public sealed class FirewallCheckTests : IDisposable
{
    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    public static TheoryData<string, string, string> Damage { get; } = new()
    {
        { "iptables", "iptables -D FORWARD 2", "CNI-FORWARD" },
        { "iptables", "iptables -D CNI-FORWARD 1", "CNI-ADMIN" },
        { "iptables", "iptables -D CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT", "10.1.0.2" },
        { "iptables", "iptables -D CNI-FORWARD 2", "10.1.0.2" },
        { "iptables", "ip6tables -D CNI-FORWARD 3", "fd00:1::2" },
        { "iptables", "ip6tables -F", "CNI-FORWARD" },
        { "iptables", "iptables -D FORWARD 1", "CNI-ISOLATION-STAGE-1" },
        { "iptables", "iptables -F CNI-ISOLATION-STAGE-1", "CNI-ISOLATION-STAGE-2" },
        { "iptables", "ip6tables -F CNI-ISOLATION-STAGE-2", "CNI-ISOLATION-STAGE-2" },
        { "nftables", "nft delete element inet cni_firewall containers4 { 10.1.0.2 }", "10.1.0.2" },
        { "nftables", "nft delete element inet cni_firewall containers6 { fd00:1::2 }", "fd00:1::2" },
        { "nftables", "nft delete element inet cni_firewall policy_bridges { cni1 }", "policy_bridges" },
        { "nftables", "nft delete element inet cni_firewall within_bridge { cni1 . cni1 : return }", "within_bridge" },
        { "nftables", "nft flush chain inet cni_firewall forward", "forward" },
        { "nftables", "nft flush chain inet cni_firewall admin_overrides", "admin_overrides" },
        { "nftables", "nft flush chain inet cni_firewall policy_attachments", "policy_attachments" },
        { "nftables", "nft delete table inet cni_firewall", "cni_firewall" },
        { "nftables", "iptables -P FORWARD DROP", "CNI-FORWARD" },
    };

    [Theory]
    [MemberData(nameof(Damage))]
    public void Check_finds_damage_and_changes_nothing(string backend, string damage, string told)
    {
        Needs.IptablesNft();
        (TestNamespace container, PluginResult result) = _net.Connect();
        string config = FirewallHost.Config(result, $$"""{ "backend": "{{backend}}", "ingressPolicy": "same-bridge" }""");
        _net.Firewall.Add(container, config).Check();
        string whole = Ruleset();
        Assert.Empty(_net.Firewall.Check(container, config).Check().StandardOutput);
        Assert.Equal(whole, Ruleset());

        _net.Host.Run(damage.Split(' ')).Check();
        string damaged = Ruleset();
        Assert.NotEqual(whole, damaged);
        _net.Firewall.Check(container, config).Failed(999, told, container.Name);
        Assert.Equal(damaged, Ruleset());

        // Another ADD repairs it, and what is whole it leaves.
        _net.Firewall.Add(container, config).Check();
        _net.Firewall.Check(container, config).Check();
        string repaired = Ruleset();
        _net.Firewall.Add(container, config).Check();
        Assert.Equal(repaired, Ruleset());
        _net.Firewall.Delete(container, config).Check();
        _net.Firewall.Check(container, config).Failed(999, container.Name);
    }

    [Fact]
    public void Check_makes_no_chains_where_the_reference_does()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: "1.0.0");
        string config = FirewallHost.Config(result, """{ "backend": "iptables" }""", version: "1.0.0");
        _net.Firewall.Check(container, config).Failed(999, "CNI-FORWARD");
        Assert.Empty(FirewallState.Iptables(_net.Host));

        Assert.NotEqual(0, ReferencePlugins.Plugin(_net.Host, "firewall").Check(container, config).ExitCode);
        Assert.NotEmpty(FirewallState.Iptables(_net.Host));
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Gc_takes_what_no_valid_attachment_holds(string backend)
    {
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "isolated" }""";
        (TestNamespace kept, PluginResult keptResult) = _net.Connect();
        (TestNamespace lost, PluginResult lostResult) = _net.Connect();
        (TestNamespace other, PluginResult otherResult) = _net.Connect(n: 2);
        _net.DropForwarded();
        _net.Firewall.Add(kept, FirewallHost.Config(keptResult, keys)).Check();
        _net.Firewall.Add(other, FirewallHost.Config(otherResult, keys, n: 2)).Check();
        Snapshot wanted = Snapshot.Take(_net.Host);
        _net.Firewall.Add(lost, FirewallHost.Config(lostResult, keys)).Check();
        Snapshot with = Snapshot.Take(_net.Host);

        _net.Firewall.Invoke("GC", FirewallHost.Config(null, keys)).Check();
        with.AssertSame(Snapshot.Take(_net.Host));
        foreach (string key in (string[])["cni.dev/valid-attachments", "cni.dev/attachments"])
        {
            _net.Firewall.Add(lost, FirewallHost.Config(lostResult, keys)).Check();
            // Another interface of the lost one keeps nothing of eth0.
            Assert.Empty(_net.Firewall.Invoke("GC", Gc(keys, key, (kept.Name, "eth0"), (lost.Name, "eth1"))).Check().StandardOutput);
            wanted.AssertSame(Snapshot.Take(_net.Host));
        }

        _net.Firewall.Check(kept, FirewallHost.Config(keptResult, keys)).Check();
        FirewallHost.AssertReaches(kept, true);
        _net.Firewall.Invoke("GC", Gc(keys, "cni.dev/valid-attachments")).Check();
        FirewallHost.AssertReaches(kept, false);
        FirewallHost.AssertReaches(other, true);
        _net.Firewall.Check(other, FirewallHost.Config(otherResult, keys, n: 2)).Check();
        if (backend == "nftables")
            Assert.Equal(["cni2"], FirewallState.Elements(_net.Host, "inet cni_firewall", "policy_bridges"));
    }

    [Fact]
    public void Gc_leaves_what_the_reference_made()
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: "1.0.0");
        ReferencePlugins.Plugin(_net.Host, "firewall").Add(container, FirewallHost.Config(result, """{ "backend": "iptables" }""", version: "1.0.0")).Check();
        Snapshot before = Snapshot.Take(_net.Host);
        _net.Firewall.Invoke("GC", Gc("{}", "cni.dev/valid-attachments")).Check();
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "backend": "iptables" }""")]
    [InlineData("""{ "backend": "nftables", "ingressPolicy": "isolated" }""")]
    public void Status_says_nothing_where_all_is_well_and_changes_nothing(string keys)
    {
        Snapshot before = Snapshot.Take(_net.Host);
        Assert.Empty(_net.Firewall.Invoke("STATUS", FirewallHost.Config(null, keys)).Check().StandardOutput);
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Fact]
    public void Status_misses_firewalld_and_refuses_what_add_would_refuse()
    {
        var nowhere = new Dictionary<string, string?> { ["DBUS_SYSTEM_BUS_ADDRESS"] = $"unix:path={_net.Host.Directory}/nobus" };
        _net.Firewall.Invoke("STATUS", FirewallHost.Config(null, """{ "backend": "firewalld" }"""), environment: nowhere).Failed(50, "firewalld", "system bus");
        _net.Firewall.Invoke("STATUS", FirewallHost.Config(null, """{ "backend": "ipchains" }""")).Failed(7, "ipchains");
    }

    private static string Gc(string keys, string key, params (string Container, string Interface)[] valid)
    {
        JsonObject config = JsonNode.Parse(FirewallHost.Config(null, keys))!.AsObject();
        config[key] = new JsonArray([.. valid.Select(each => (JsonNode)new JsonObject { ["containerID"] = each.Container, ["ifname"] = each.Interface })]);
        return config.ToJsonString();
    }

    private string Ruleset() => _net.Host.Run("nft", "-s", "list", "ruleset").Check().StandardOutput;
}
