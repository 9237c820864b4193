using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>What the wrapper has in the kernel and on disk, and that it goes: ADD, CHECK, DEL, GC, STATUS.</summary>
public sealed class WrapperStateTests : IDisposable
{
    private const string Everything = """
        "deny_networks": { "always": ["198.51.100.0/24"], "running": ["203.0.113.0/24"] }, "outbound_connections": { "limit": true, "burst": 100, "rate_per_sec": 10 }, "host_tcp_services": ["169.254.0.2:9001"],
        "metadata": { "app_id": "a", "container_workload": "app" },
        "runtimeConfig": { "portMappings": [{ "host_port": 61000, "container_port": 8080 }], "netOutRules": [
          { "protocol": 1, "networks": [{ "start": "10.0.0.0", "end": "10.0.0.9" }], "ports": [{ "start": 80, "end": 90 }] }, { "protocol": 1, "networks": [{ "start": "10.0.0.5", "end": "10.0.1.9" }], "ports": [{ "start": 85, "end": 95 }], "log": true },
          { "protocol": 3, "networks": [{ "start": "10.0.0.0", "end": "10.0.0.9" }], "icmps": { "type": 255, "code": 255 } }, { "networks": [{ "start": "11.0.0.0", "end": "11.0.0.9" }] } ] }
        """;

    private readonly CloudHost _cloud = new();
    private readonly Plugin _wrapper;

    public WrapperStateTests() => _wrapper = new Plugin(_cloud.Host, "cni-wrapper-plugin");

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Fact]
    public void Iptables_has_the_chains_of_the_reference()
    {
        Needs.IptablesNft();
        TestNamespace web = Host.AddContainer();
        string config = _cloud.Wrapper($$"""{ "backend": "iptables", {{Everything}} }""");
        PluginResult added = _wrapper.Add(web, config, containerId: "web").Check();

        string[] rules = _cloud.IptablesRules;
        foreach (string rule in (string[])
        [
            "filter -A INPUT -s 10.255.30.2/32 -j input--web",
            "filter -A FORWARD -s 10.255.30.2/32 -o under0 -j netout--web",
            "filter -A FORWARD -j overlay--web",
            "filter -A input--web -m state --state RELATED,ESTABLISHED -j ACCEPT",
            "filter -A input--web -d 169.254.0.2/32 -p tcp -m tcp --dport 9001 -j ACCEPT",
            "filter -A netout--web -p tcp -m state --state INVALID -j DROP",
            "filter -A netout--web -p tcp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 10/sec --hashlimit-burst 100 --hashlimit-mode dstip,dstport --hashlimit-name web --hashlimit-htable-expire 10000 -j REJECT --reject-with icmp-port-unreachable",
            "filter -A netout--web -d 203.0.113.0/24 -j REJECT --reject-with icmp-port-unreachable",
            "filter -A netout--web -m iprange --dst-range 11.0.0.0-11.0.0.9 -j ACCEPT",
            "filter -A netout--web -p icmp -m iprange --dst-range 10.0.0.0-10.0.0.9 -m icmp --icmp-type any -j ACCEPT",
            "filter -A netout--web -p tcp -m iprange --dst-range 10.0.0.5-10.0.1.9 -m tcp --dport 85:95 -g netout--web--log",
            "filter -A netout--web -p tcp -m iprange --dst-range 10.0.0.0-10.0.0.9 -m tcp --dport 80:90 -j ACCEPT",
            "filter -A netout--web--log ! -p udp -m conntrack --ctstate INVALID,NEW,UNTRACKED -j LOG --log-prefix \"OK_web \"",
            "filter -A overlay--web -s 10.255.30.2/32 -o silk-vtep -m mark ! --mark 0x0 -j ACCEPT",
            "filter -A overlay--web -d 10.255.30.2/32 -m mark --mark 0xffff0000 -j ACCEPT",
            "nat -A netin--web -d 192.0.2.10/32 -p tcp -m tcp --dport 61000 -j DNAT --to-destination 10.255.30.2:8080",
            "mangle -A netin--web -d 192.0.2.10/32 -i under0 -p tcp -m tcp --dport 61000 -j MARK --set-xmark 0xffff0000/0xffffffff",
            "nat -A POSTROUTING -s 10.255.30.2/32 ! -d 10.255.0.0/16 ! -o silk-vtep -j MASQUERADE",
        ])
            Assert.Contains(rule, rules);
        // First the list of the workload, then the other; groups from the last to the first; then all is rejected.
        string[] netOut = [.. rules.Where(rule => rule.StartsWith("filter -A netout--web ", StringComparison.Ordinal))];
        Assert.Equal([3, 4, 5, 6, 7, 8, 9], ((string[])["203.0.113.0", "198.51.100.0", "11.0.0.0", "--icmp-type", "85:95", "80:90", "-j REJECT --reject-with"]).Select((text, i) => Array.FindIndex(netOut, 3 + i, rule => rule.Contains(text, StringComparison.Ordinal))));
        Assert.Equal(10, netOut.Length);

        _wrapper.Check(web, WithResult(config, added), containerId: "web").Check();
        Host.Run("iptables", "-D", "overlay--web", "-d", "10.255.30.2/32", "-m", "mark", "--mark", "0xffff0000", "-j", "ACCEPT").Check();
        Assert.Contains("--mark 0xffff0000", _wrapper.Check(web, WithResult(config, added), containerId: "web").ErrorText, StringComparison.Ordinal);

        // The other backend removes it, too.
        _wrapper.Delete(web, _cloud.Wrapper($$"""{ {{Everything}} }"""), containerId: "web").Check();
        Assert.DoesNotContain(_cloud.IptablesRules, rule => rule.Contains("web", StringComparison.Ordinal) || rule.Contains("10.255.30.2", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void A_delete_leaves_nothing_and_succeeds_twice(string backend)
    {
        TestNamespace web = Host.AddContainer();
        string config = _cloud.Wrapper($$"""{ "backend": "{{backend}}", {{Everything}} }""");
        AddAndDelete(web, config); // the table and its base chains stay
        Snapshot before = Snapshot.Take(Host);
        PluginResult added = _wrapper.Add(web, config).Check();
        _wrapper.Check(web, WithResult(config, added)).Check();
        _wrapper.Delete(web, config).Check();
        _wrapper.Delete(web, config).Check();
        SameButForTheVersion(before);

        _wrapper.Add(web, config).Check();
        web.Run("ip", "link", "del", "eth0").Check();
        _wrapper.Invoke("DEL", config, web.Name, "", "eth0").Check(); // without its namespace
        SameButForTheVersion(before);
    }

    [Fact]
    public void Containers_with_the_same_rules_share_chains()
    {
        TestNamespace[] containers = [Host.AddContainer(), Host.AddContainer(), Host.AddContainer()];
        string same = _cloud.Wrapper("""{ "runtimeConfig": { "netOutRules": [{ "networks": [{ "start": "10.0.0.1" }] }] } }""");
        string other = _cloud.Wrapper("""{ "runtimeConfig": { "netOutRules": [{ "networks": [{ "start": "10.0.0.2" }] }] } }""");
        _wrapper.Add(containers[0], same).Check();
        string[] one = _cloud.Chains();
        _wrapper.Add(containers[1], same).Check();
        Assert.Equal(one, _cloud.Chains());
        _wrapper.Add(containers[2], other).Check();
        Assert.Single(_cloud.Chains().Except(one));

        _wrapper.Delete(containers[0], same).Check();
        Assert.Equal(one, _cloud.Chains().Intersect(one));
        Assert.Equal(["10.255.30.3", "10.255.30.4"], _cloud.Keys("security_groups").Order());
        _wrapper.Delete(containers[2], other).Check();
        Assert.Equal(one, _cloud.Chains());
        _wrapper.Delete(containers[1], same).Check();
        Assert.DoesNotContain(_cloud.Chains(), chain => chain.Contains('-', StringComparison.Ordinal));
        foreach (string map in (string[])["uplinks", "security_groups", "containers", "host_access", "masquerading", "port_mappings", "ingress_tags"])
            Assert.Empty(_cloud.Elements(map));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Many_come_and_go_at_once(string backend)
    {
        TestNamespace[] containers = [.. Enumerable.Range(0, 8).Select(_ => Host.AddContainer())];
        string config = _cloud.Wrapper($$"""{ "backend": "{{backend}}", "runtimeConfig": { "netOutRules": [{ "networks": [{ "start": "10.0.0.1" }] }] } }""");
        AddAndDelete(containers[0], config);
        Snapshot before = Snapshot.Take(Host);
        // Their names differ at the end, which is cut off: ids of their own.
        Parallel.For(0, containers.Length, n => _wrapper.Add(containers[n], config, containerId: $"{n}-web").Check());
        Assert.Equal(8, JsonDocument.Parse(File.ReadAllText(_cloud.Datastore)).RootElement.EnumerateObject().Count());
        if (backend == "nftables")
            Assert.Equal(8, _cloud.Elements("security_groups").Count);
        else
            Assert.Equal(8, _cloud.IptablesRules.Count(rule => rule.StartsWith("nat -A POSTROUTING -s 10.255.30.", StringComparison.Ordinal)));
        Parallel.For(0, containers.Length, n => _wrapper.Delete(containers[n], config, containerId: $"{n}-web").Check());
        SameButForTheVersion(before);
    }

    [Fact]
    public void Check_finds_what_is_gone()
    {
        TestNamespace web = Host.AddContainer();
        string config = _cloud.Wrapper($$"""{ {{Everything}} }""");
        PluginResult added = _wrapper.Add(web, config).Check();
        _wrapper.Check(web, WithResult(config, added)).Check();
        Host.Run("nft", "delete", "element", "ip", "cf_networking", "host_access", "{ 10.255.30.2 }").Check();
        Assert.Contains("host_access", _wrapper.Check(web, WithResult(config, added)).ErrorText, StringComparison.Ordinal);
        Host.Run("nft", "flush", "chain", "ip", "cf_networking", "forward").Check();
        Assert.Contains("forward", _wrapper.Check(web, WithResult(config, added)).ErrorText, StringComparison.Ordinal);
        // The next ADD makes the table whole, rules of others in it stay.
        Host.Run("nft", "add", "rule", "ip", "cf_networking", "forward", "counter").Check();
        TestNamespace other = Host.AddContainer();
        _wrapper.Add(other, _cloud.Wrapper()).Check();
        Assert.Contains("host_access", _wrapper.Check(web, WithResult(config, added)).ErrorText, StringComparison.Ordinal);
        Assert.EndsWith("counter packets 0 bytes 0", Host.Run("nft", "list", "chain", "ip", "cf_networking", "forward").Check().StandardOutput.TrimEnd('}', '\n', '\t', ' '), StringComparison.Ordinal);
        File.WriteAllText(_cloud.Datastore, "{}");
        Assert.Contains("no entry", _wrapper.Check(web, WithResult(config, added)).ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Gc_keeps_what_is_valid(string backend)
    {
        TestNamespace stays = Host.AddContainer(), goes = Host.AddContainer();
        string keys = $$""" "backend": "{{backend}}" """;
        string config = _cloud.Wrapper($$"""{ {{keys}} }""", "1.1.0");
        PluginResult added = _wrapper.Add(stays, config, containerId: "stays").Check();
        _wrapper.Add(goes, config, containerId: "goes").Check();
        goes.Run("ip", "link", "del", "eth0").Check();
        _wrapper.Invoke("GC", _cloud.Wrapper($$"""{ {{keys}}, "cni.dev/valid-attachments": [{ "containerID": "stays", "ifname": "eth0" }] }""", "1.1.0")).Check();

        Assert.Equal(["stays"], JsonDocument.Parse(File.ReadAllText(_cloud.Datastore)).RootElement.EnumerateObject().Select(each => each.Name));
        Assert.DoesNotContain(_cloud.IptablesRules, rule => rule.Contains("goes", StringComparison.Ordinal) || rule.Contains("10.255.30.3", StringComparison.Ordinal));
        if (backend == "nftables")
            Assert.Equal(["10.255.30.2"], _cloud.Keys("containers"));
        Assert.False(File.Exists(Path.Combine(Host.DataDirectory, "ipam", "cf", "10.255.30.3")));
        Assert.True(File.Exists(Path.Combine(Host.DataDirectory, "ipam", "cf", "10.255.30.2")));
        _wrapper.Check(stays, WithResult(config, added), containerId: "stays").Check();
    }

    [Theory]
    [InlineData("""{ "datastore": "/dev/null/none/store.json" }""", "datastore")]
    [InlineData("""{ "underlay_ips": ["203.0.113.9"] }""", "203.0.113.9")]
    [InlineData("""{ "policy_agent_force_poll_address": "127.0.0.1:1" }""", "policy agent")]
    [InlineData("""{ "delegate": { "type": "nowhere" } }""", "nowhere")]
    public void Status_tells_what_is_not_there(string keys, string text)
    {
        _wrapper.Invoke("STATUS", _cloud.Wrapper("{}", "1.1.0")).Check();
        PluginResult status = _wrapper.Invoke("STATUS", _cloud.Wrapper(keys, "1.1.0"));
        Assert.Equal(50, status.ErrorCode);
        Assert.Contains(text, status.ErrorText, StringComparison.Ordinal);
        Assert.False(File.Exists(_cloud.Datastore));
    }

    private void AddAndDelete(TestNamespace container, string config)
    {
        _wrapper.Add(container, config).Check();
        _wrapper.Delete(container, config).Check();
    }

    private void SameButForTheVersion(Snapshot before) =>
        Assert.DoesNotContain(before.Difference(Snapshot.Take(Host)), fact => !fact.Contains("store.json_version", StringComparison.Ordinal));

    private static string WithResult(string config, PluginResult added)
    {
        JsonObject with = JsonNode.Parse(config)!.AsObject();
        with["prevResult"] = JsonNode.Parse(added.Json.GetRawText());
        return with.ToJsonString();
    }
}
