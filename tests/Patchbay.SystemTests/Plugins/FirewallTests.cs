using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>firewall, by packets: what an ADD opens on a host that forwards nothing by itself, and a DEL closes.</summary>
public sealed class FirewallTests : IDisposable
{
    private const string Iptables = """{ "backend": "iptables" }""";
    private const string Nftables = """{ "backend": "nftables" }""";

    private readonly FirewallHost _net = new();

    public void Dispose() => _net.Dispose();

    [Theory]
    [InlineData("iptables", "bridge")]
    [InlineData("iptables", "ptp")]
    [InlineData("nftables", "bridge")]
    [InlineData("nftables", "ptp")]
    [InlineData("", "bridge")]
    public void Opens_the_path_where_iptables_drops_what_is_forwarded(string backend, string type)
    {
        Needs.IptablesNft();
        string keys = $$"""{ "backend": "{{backend}}" }""";
        (TestNamespace container, PluginResult result) = _net.Connect(type: type);
        (TestNamespace other, _) = _net.Connect(n: 2);
        _net.DropForwarded();
        Warm(keys);
        string config = FirewallHost.Config(result, keys);
        Snapshot before = Snapshot.Take(_net.Host);
        FirewallHost.AssertReaches(container, false);

        PluginResult added = _net.Firewall.Add(container, config).Check();

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(result.StandardOutput), JsonNode.Parse(added.StandardOutput)), added.ToString());
        FirewallHost.AssertReaches(container, true);
        FirewallHost.AssertReaches(other, false);
        // Only answers come in by this: who wants more opens it by the administrator's chain.
        FirewallHost.AssertReaches(_net.Outside, false, "10.1.0.2", "fd00:1::2");
        _net.Firewall.Check(container, config).Check();

        _net.Firewall.Delete(container, config).Check();
        FirewallHost.AssertReaches(container, false);
        before.AssertSame(Snapshot.Take(_net.Host));
        _net.Firewall.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Fact]
    public void Another_container_takes_no_program_where_iptables_is_of_nf_tables()
    {
        Needs.IptablesNft();
        (TestNamespace first, PluginResult firstResult) = _net.Connect();
        (TestNamespace second, PluginResult secondResult) = _net.Connect();
        _net.DropForwarded();
        const string Keys = """{ "backend": "iptables", "ingressPolicy": "same-bridge" }""";
        string config = FirewallHost.Config(secondResult, Keys);
        _net.Firewall.Add(first, FirewallHost.Config(firstResult, Keys)).Check();
        Snapshot before = Snapshot.Take(_net.Host);

        foreach (string command in (string[])["ADD", "CHECK", "ADD"])
            _net.Firewall.Invoke(command, config, second.Name, second.Path, "eth0", environment: _net.Host.WithoutIptables()).Check();

        FirewallHost.AssertReaches(second, true);
        string[] rules = FirewallState.Iptables(_net.Host);
        string[] Of(string address4, string address6) => [.. rules.Where(rule => rule.Contains($" {address4}/", StringComparison.Ordinal) || rule.Contains($" {address6}/", StringComparison.Ordinal))
            .Select(rule => rule.Replace(address4, "4", StringComparison.Ordinal).Replace(address6, "6", StringComparison.Ordinal))];
        Assert.Equal(Of("10.1.0.2", "fd00:1::2"), Of("10.1.0.3", "fd00:1::3"));
        Assert.Equal(4, Of("10.1.0.3", "fd00:1::3").Length);
        _net.Firewall.Invoke("DEL", config, second.Name, second.Path, "eth0", environment: _net.Host.WithoutIptables()).Check();
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Opens_the_path_where_legacy_iptables_drops_what_is_forwarded(string backend)
    {
        Needs.IptablesLegacy();
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "same-bridge" }""";
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded("-legacy");
        string config = FirewallHost.Config(result, keys);
        FirewallHost.AssertReaches(container, false);

        _net.Firewall.Add(container, config).Check();
        FirewallHost.AssertReaches(container, true);
        _net.Firewall.Check(container, config).Check();
        string rules = _net.Host.Run("iptables-legacy-save", "-t", "filter").Check().StandardOutput;
        Assert.Contains("-A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT", rules, StringComparison.Ordinal);
        _net.Firewall.Add(container, config).Check();
        Assert.Equal(Rules(rules), Rules(_net.Host.Run("iptables-legacy-save", "-t", "filter").Check().StandardOutput));
        _net.Host.Run("ip6tables-legacy", "-F", "CNI-FORWARD").Check();
        _net.Firewall.Check(container, config).Failed(999, "CNI-FORWARD");
        _net.Firewall.Add(container, config).Check();

        // Without the result, by what is written down.
        _net.Firewall.Invoke("DEL", FirewallHost.Config(null, keys), container.Name, "", "eth0").Check();
        FirewallHost.AssertReaches(container, false);
        Assert.DoesNotContain("10.1.0.2", _net.Host.Run("iptables-legacy-save", "-t", "filter").Check().StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain("fd00:1::2", _net.Host.Run("ip6tables-legacy-save", "-t", "filter").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Delete_needs_neither_result_nor_namespace(string backend)
    {
        string keys = $$"""{ "backend": "{{backend}}" }""";
        (TestNamespace container, PluginResult result) = _net.Connect();
        (TestNamespace second, PluginResult secondResult) = _net.Connect();
        _net.DropForwarded();
        _net.Firewall.Add(second, FirewallHost.Config(secondResult, keys)).Check();
        Snapshot before = Snapshot.Take(_net.Host);
        _net.Firewall.Add(container, FirewallHost.Config(result, keys)).Check();

        _net.Firewall.Invoke("DEL", FirewallHost.Config(null, keys), container.Name, "", "eth0").Check();

        before.AssertSame(Snapshot.Take(_net.Host));
        FirewallHost.AssertReaches(second, true);
        _net.Firewall.Check(second, FirewallHost.Config(secondResult, keys)).Check();
        _net.Firewall.Invoke("DEL", FirewallHost.Config(null, keys), container.Name, "", "eth0").Check();
        before.AssertSame(Snapshot.Take(_net.Host));
    }

    [Fact]
    public void Late_delete_of_one_that_had_the_address_before_leaves_it_to_its_new_owner()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded();
        foreach (string keys in (string[])[Iptables, Nftables])
        {
            string config = FirewallHost.Config(result, keys);
            _net.Firewall.Add(container, config, containerId: "before").Check();
            _net.Firewall.Add(container, config, containerId: "after").Check();

            _net.Firewall.Delete(container, config, containerId: "before").Check();

            FirewallHost.AssertReaches(container, true);
            _net.Firewall.Check(container, config, containerId: "after").Check();
            _net.Firewall.Delete(container, config, containerId: "after").Check();
            FirewallHost.AssertReaches(container, false);
        }
    }

    [Fact]
    public void Backend_may_change_under_live_containers()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded();
        Warm(Iptables);
        Warm(Nftables);
        Snapshot before = Snapshot.Take(_net.Host);
        foreach ((string first, string second) in (ReadOnlySpan<(string, string)>)[(Iptables, Nftables), (Nftables, Iptables)])
        {
            _net.Firewall.Add(container, FirewallHost.Config(result, first)).Check();
            _net.Firewall.Delete(container, FirewallHost.Config(result, second)).Check();
            before.AssertSame(Snapshot.Take(_net.Host));
        }
    }

    [Fact]
    public void Without_iptables_and_without_firewalld_nftables_opens_the_path()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded(); // by a program in some container, say: the host has none
        string config = FirewallHost.Config(result);

        _net.InvokeWithoutIptables("ADD", config, container).Check();

        FirewallHost.AssertReaches(container, true);
        // What was made without iptables is what iptables knows.
        Assert.Contains(
            "-A CNI-FORWARD -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT\n",
            _net.Host.Run("iptables-save", "-t", "filter").Check().StandardOutput,
            StringComparison.Ordinal);
        _net.Host.Run("iptables", "-C", "FORWARD", "-m", "comment", "--comment", "CNI firewall plugin rules", "-j", "CNI-FORWARD").Check();
        _net.Host.Run("ip6tables", "-C", "CNI-FORWARD", "-d", "fd00:1::2", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT").Check();
        _net.InvokeWithoutIptables("CHECK", config, container).Check();
        _net.Firewall.Check(container, config).Check(); // iptables was installed since
        _net.InvokeWithoutIptables("STATUS", FirewallHost.Config(null), container).Check();
        _net.InvokeWithoutIptables("ADD", FirewallHost.Config(result, Iptables), container).Failed(999, "iptables-restore", "nftables");
        _net.InvokeWithoutIptables("STATUS", FirewallHost.Config(null, Iptables), container).Failed(50, "iptables-restore", "nftables");
        _net.InvokeWithoutIptables("DEL", config, container).Check();
        FirewallHost.AssertReaches(container, false);
    }

    [Fact]
    public void Where_iptables_is_installed_and_does_not_work_nftables_opens_the_path_unless_told_otherwise()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        Snapshot before = Snapshot.Take(_net.Host);
        string broken = Directory.CreateDirectory(Path.Combine(_net.Host.Directory, "broken")).FullName;
        foreach (string program in (string[])["iptables-restore", "ip6tables-restore"])
        {
            _net.Host.Run(["install", "-m", "755", "/dev/stdin", Path.Combine(broken, program)], "#!/bin/sh\ncat >/dev/null; echo 'iptables: no such module' >&2; exit 3\n").Check();
        }

        var path = new Dictionary<string, string?> { ["PATH"] = $"{broken}:{Environment.GetEnvironmentVariable("PATH")}" };
        PluginResult Call(string command, string keys) => _net.Firewall.Invoke(command, FirewallHost.Config(result, keys), container.Name, container.Path, "eth0", environment: path);

        Call("ADD", Iptables).Failed(999, "no such module");
        Assert.Empty(FirewallState.Elements(_net.Host, "inet cni_firewall", "containers4"));

        Call("ADD", "{}").Check();
        Assert.Equal(["10.1.0.2"], FirewallState.Elements(_net.Host, "inet cni_firewall", "containers4"));
        Assert.DoesNotContain("CNI-FORWARD", _net.Host.Run("iptables-save").Check().StandardOutput, StringComparison.Ordinal);
        Call("CHECK", "{}").Check();
        // A host that forwards nothing by itself.
        _net.Host.Run("nft", "chain", "inet", "cni_firewall", "forward", "{ policy drop; }").Check();
        FirewallHost.AssertReaches(container, true);
        Call("DEL", "{}").Check();
        FirewallHost.AssertReaches(container, false);
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Administrator_has_the_last_word(string backend)
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.DropForwarded();
        string config = FirewallHost.Config(result, $$"""{ "backend": "{{backend}}", "iptablesAdminChainName": "MINE" }""");
        _net.Firewall.Add(container, config).Check();
        FirewallHost.AssertReaches(container, true);

        string[] rule = backend == "iptables"
            ? ["iptables", "-A", "MINE", "-d", FirewallHost.Outside4, "-j", "DROP"]
            : ["nft", "add", "rule", "inet", "cni_firewall", "MINE", "ip", "daddr", FirewallHost.Outside4, "drop"];
        _net.Host.Run(rule).Check();
        Assert.NotEqual(0, container.Run("ping", "-c", "1", "-W", "1", FirewallHost.Outside4).ExitCode);
        container.Ping(FirewallHost.Outside6);

        // It stays, whatever comes and goes.
        _net.Firewall.Delete(container, config).Check();
        _net.Firewall.Add(container, config).Check();
        Assert.NotEqual(0, container.Run("ping", "-c", "1", "-W", "1", FirewallHost.Outside4).ExitCode);
        _net.Firewall.Check(container, config).Check();
    }

    [Fact]
    public void Only_addresses_of_the_interface_are_opened()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        JsonObject more = JsonNode.Parse(result.StandardOutput)!.AsObject();
        more["interfaces"]!.AsArray().Add(JsonNode.Parse($$"""{ "name": "eth7", "sandbox": "{{container.Path}}" }"""));
        more["ips"]!.AsArray().Add(JsonNode.Parse("""{ "address": "10.1.0.1/24", "interface": 0 }"""));
        more["ips"]!.AsArray().Add(JsonNode.Parse("""{ "address": "10.7.0.7/24", "interface": 3 }"""));
        more["ips"]!.AsArray().Add(JsonNode.Parse("""{ "address": "10.8.0.8/24" }"""));
        JsonObject config = JsonNode.Parse(FirewallHost.Config(result, Nftables))!.AsObject();
        config["prevResult"] = more;

        _net.Firewall.Add(container, config.ToJsonString()).Check();

        Assert.Equal(["10.1.0.2", "10.8.0.8"], FirewallState.Elements(_net.Host, "inet cni_firewall", "containers4"));
        Assert.Equal(["fd00:1::2"], FirewallState.Elements(_net.Host, "inet cni_firewall", "containers6"));
    }

    [Theory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Speaks_three_versions(string version)
    {
        (TestNamespace container, PluginResult result) = _net.Connect(version: version);
        string config = FirewallHost.Config(result, Iptables, version: version);
        PluginResult added = _net.Firewall.Add(container, config).Check();
        Assert.Equal(version, added.Json.Text("cniVersion"));
        Assert.Equal(result.ResultAddresses(), added.ResultAddresses());
        _net.Firewall.Check(container, config).Check();
        _net.Firewall.Delete(container, config).Check();
        PluginResult versions = _net.Firewall.Invoke("VERSION", "{}").Check();
        Assert.Equal("""["0.4.0","1.0.0","1.1.0"]""", versions.Json.GetProperty("supportedVersions").GetRawText());
        _net.Firewall.Add(container, FirewallHost.Config(result, version: "0.3.1")).Failed(1, "0.3.1");
    }

    [Fact]
    public void Cost_of_a_packet_does_not_grow_with_the_containers()
    {
        (TestNamespace container, PluginResult result) = _net.Connect();
        _net.Firewall.Add(container, FirewallHost.Config(result, Nftables)).Check();
        string Rules() => _net.Host.Run("nft", "list", "chain", "inet", "cni_firewall", "forward").Check().StandardOutput;
        string rules = Rules();
        foreach (int _ in Enumerable.Range(0, 3))
        {
            (container, result) = _net.Connect();
            _net.Firewall.Add(container, FirewallHost.Config(result, Nftables)).Check();
        }

        Assert.Equal(rules, Rules());
        Assert.Equal(4, FirewallState.Elements(_net.Host, "inet cni_firewall", "containers4").Length);
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Many_at_once_do_not_lose_one_another(string backend)
    {
        _net.DropForwarded();
        string keys = $$"""{ "backend": "{{backend}}", "ingressPolicy": "same-bridge" }""";
        var all = Enumerable.Range(0, 6).Select(_ => _net.Connect()).ToArray();

        Parallel.ForEach(all, each => _net.Firewall.Add(each.Container, FirewallHost.Config(each.Result, keys)).Check());
        foreach ((TestNamespace container, PluginResult result) in all)
            _net.Firewall.Check(container, FirewallHost.Config(result, keys)).Check();
        FirewallHost.AssertReaches(all[3].Container, true);
        Parallel.ForEach(all[1..], each => _net.Firewall.Delete(each.Container, FirewallHost.Config(each.Result, keys)).Check());

        _net.Firewall.Check(all[0].Container, FirewallHost.Config(all[0].Result, keys)).Check();
        FirewallHost.AssertReaches(all[0].Container, true);
        FirewallHost.AssertReaches(all[3].Container, false);
    }

    [Fact]
    public void Example_works()
    {
        string[] configs = [.. Conf.OfList(_net.Host, Repository.PathOf("examples/50-firewall.conflist"))];
        TestNamespace container = _net.Host.AddContainer(), second = _net.Host.AddContainer();
        _net.DropForwarded();
        foreach (TestNamespace each in (TestNamespace[])[container, second])
        {
            PluginResult connected = new Plugin(_net.Host, "bridge").Add(each, configs[0]).Check();
            PluginResult added = _net.Firewall.Add(each, Conf.WithResult(configs[1], connected)).Check();
            FirewallHost.AssertReaches(each, true);
            _net.Firewall.Check(each, Conf.WithResult(configs[1], added)).Check();
        }

        container.Ping(second.Addresses("eth0")[0].Split('/')[0]);
        _net.Firewall.Invoke("STATUS", configs[1]).Check();
        _net.Firewall.Delete(container, configs[1]).Check();
        FirewallHost.AssertReaches(container, false);
    }

    // Chains and tables stay, as with the reference plugin: so that they are there already, one ADD and DEL goes before.
    private void Warm(string keys)
    {
        (TestNamespace container, PluginResult result) = _net.Connect(n: 9);
        _net.Firewall.Add(container, FirewallHost.Config(result, keys, n: 9)).Check();
        _net.Firewall.Delete(container, FirewallHost.Config(result, keys, n: 9)).Check();
    }

    private static string[] Rules(string saved) => [.. saved.Split('\n').Where(line => line.StartsWith('-'))];
}
