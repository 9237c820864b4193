using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>garden-external-networker as Garden starts it: up and down, of both eras.</summary>
public sealed class NetworkerTests : IDisposable
{
    private readonly CloudHost _cloud = new();

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Fact]
    public void Up_and_down_with_the_wrapper()
    {
        UseWrapperList();
        TestNamespace web = Host.AddContainer();
        CommandResult up = _cloud.Networker("up", "web", $$"""
            { "Pid": {{CloudHost.ProcessIn(web)}}, "Properties": { "app_id": "a", "policy_group_id": "a", "ports": "8080" }, "banana": true, "netin": [{ "host_port": 0, "container_port": 8080 }, { "host_port": 0 }, { "host_port": 7000, "container_port": 22 }],
              "netout_rules": [{ "protocol": 1, "networks": [{ "start": "192.0.2.1" }], "ports": [{ "start": 8080 }] }] }
            """, keys: """{ "search_domains": ["apps.internal"] }""").Check();
        JsonElement properties = up.Json.GetProperty("properties");
        Assert.Equal("10.255.30.2", properties.GetProperty("garden.network.container-ip").GetString());
        Assert.Equal("255.255.255.255", properties.GetProperty("garden.network.host-ip").GetString());
        Assert.Equal("eth0", properties.GetProperty("garden.network.interface").GetString());
        Assert.Equal("""[{"HostPort":61000,"ContainerPort":8080},{"HostPort":61001,"ContainerPort":61001},{"HostPort":7000,"ContainerPort":22}]""", properties.GetProperty("garden.network.mapped-ports").GetString());
        Assert.Equal("169.254.0.2", up.Json.GetProperty("dns_servers")[0].GetString());
        Assert.Equal("apps.internal", up.Json.GetProperty("search_domains")[0].GetString());
        Assert.Equal("""{"acquired_ports":{"web":[61000,61001]}}""", File.ReadAllText(_cloud.StateFile));
        Assert.Equal("8080", JsonDocument.Parse(File.ReadAllText(_cloud.Datastore)).RootElement.GetProperty("web").GetProperty("metadata").GetProperty("ports").GetString());
        Assert.Equal(web.Run("stat", "-L", "-c", "%i", "/proc/self/ns/net").Check().StandardOutput, Host.Run("stat", "-L", "-c", "%i", Path.Combine(_cloud.Mounts, "web")).Check().StandardOutput);

        using (EchoServer.Tcp(_cloud.Outside, 8080))
        using (EchoServer.Tcp(web, 8080))
        {
            Assert.Equal(CloudHost.HostAddress, EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));
            Assert.Equal(CloudHost.OutsideAddress, EchoServer.AskTcp(_cloud.Outside, CloudHost.HostAddress, 61000));
        }

        // A second up is refused, and the container is none the worse.
        CommandResult again = _cloud.Up(web, handle: "web");
        Assert.Equal((1, ""), (again.ExitCode, again.StandardOutput));
        Assert.Contains("\"web\" is up already", again.StandardError, StringComparison.Ordinal);
        Assert.True(web.HasLink("eth0"));

        Assert.Equal("", _cloud.Networker("down", "web").Check().StandardOutput);
        Assert.False(web.HasLink("eth0"));
        Assert.False(File.Exists(Path.Combine(_cloud.Mounts, "web")));
        Assert.Equal("""{"acquired_ports":{}}""", File.ReadAllText(_cloud.StateFile));
        Assert.Equal("{}", File.ReadAllText(_cloud.Datastore));
        Assert.Empty(_cloud.Elements("containers"));
        Assert.Empty(Directory.GetFiles(Path.Combine(Host.CacheDirectory, "results")));
        _cloud.Networker("down", "web").Check();
    }

    [Fact]
    public void Every_conf_by_name_in_2016_and_the_first_list_today()
    {
        string result = """if [ "$CNI_COMMAND" = ADD ]; then echo "{ \"cniVersion\": \"0.2.0\", \"ip4\": { \"ip\": \"10.255.0.${CNI_IFNAME#eth}/16\" } }"; fi""";
        var first = new ScriptPlugin(Host, "first", result);
        _ = new ScriptPlugin(Host, "second", result);
        _cloud.Network("20-b.conf", """{ "name": "b", "type": "second", "cniVersion": "0.2.0" }""");
        _cloud.Network("10-a.conf", """{ "name": "a", "type": "first", "cniVersion": "0.2.0", "own": 1 }""");
        _cloud.Network("90-list.conflist", """{ "name": "l", "cniVersion": "1.0.0", "plugins": [{ "type": "first" }, { "type": "second" }] }""");
        string keys = $$"""{ "cni_plugin_dir": "{{first.Directory}}" }""";
        TestNamespace web = Host.AddContainer();

        CommandResult up = _cloud.Up(web, """{ "Properties": { "app_id": "a" } }""", today: false, config: keys).Check();
        Assert.Equal("""{"properties":{"garden.network.container-ip":"10.255.0.1","garden.network.host-ip":"255.255.255.255"}}""", up.StandardOutput);
        Assert.Equal(["ADD first", "ADD second"], first.Calls);
        Assert.Equal("eth0", first.Variable("ADD", "CNI_IFNAME"));
        Assert.Equal(web.Name, first.Variable("ADD", "CNI_CONTAINERID"));
        Assert.Equal(Path.Combine(_cloud.Mounts, web.Name), first.Variable("ADD", "CNI_NETNS"));
        Assert.Equal("a", first.Config("ADD").GetProperty("network").GetProperty("properties").GetProperty("app_id").GetString());
        Assert.False(first.Config("ADD").TryGetProperty("runtimeConfig", out _));
        _cloud.Networker("down", web.Name, today: false, keys: keys).Check();
        Assert.Equal(["DEL second", "DEL first"], first.Calls[2..]);
        Assert.False(first.Config("DEL").TryGetProperty("network", out _));

        _cloud.Up(web, """{ "Properties": { "app_id": "a" }, "netin": [{ "host_port": 8080 }], "netout_rules": [{ "protocol": 0 }] }""", config: keys).Check();
        Assert.Equal(["ADD first", "ADD second"], first.Calls[4..6]);
        Assert.Equal("a", first.Config("ADD").GetProperty("metadata").GetProperty("app_id").GetString());
        Assert.Equal("""{"portMappings":[{"host_port":8080,"container_port":8080}],"netOutRules":[{"protocol":0}]}""", first.Config("ADD").GetProperty("runtimeConfig").GetRawText().Replace(" ", "", StringComparison.Ordinal));
        _cloud.Networker("down", web.Name, keys: keys).Check();

        File.Delete(Path.Combine(Host.ConfigDirectory, "90-list.conflist"));
        CommandResult warned = _cloud.Up(web, config: keys);
        Assert.Contains("cfnetworking: warning: ", warned.StandardError, StringComparison.Ordinal);
        Assert.Contains("only 10-a.conf is used", warned.StandardError, StringComparison.Ordinal);
        _cloud.Networker("down", web.Name, keys: keys).Check();
    }

    [Fact]
    public void Portmap_gets_ports_in_its_own_words()
    {
        _cloud.Network("10.conflist", $$"""{ "name": "n", "cniVersion": "1.0.0", "plugins": [{{_cloud.Ptp}}, { "type": "portmap", "backend": "nftables", "capabilities": { "portMappings": true } }] }""");
        TestNamespace web = Host.AddContainer();
        _cloud.Up(web, """{ "netin": [{ "host_port": 0, "container_port": 8080 }] }""").Check();
        using (EchoServer.Tcp(web, 8080))
            Assert.Equal(CloudHost.OutsideAddress, EchoServer.AskTcp(_cloud.Outside, CloudHost.HostAddress, 61000));
        _cloud.Networker("down", web.Name).Check();
    }

    [Theory]
    [InlineData("""{ "netin": [{}, {}, {}, {}] }""", "port pool exhausted")]
    [InlineData("""{ "netin": "banana" }""", "netin")]
    [InlineData("""{ "netout_rules": [{ "protocol": 1, "networks": [{ "start": "banana" }], "ports": [{ "start": 1 }] }] }""", "banana")]
    public void An_up_that_fails_leaves_nothing(string input, string text)
    {
        UseWrapperList();
        TestNamespace web = Host.AddContainer();
        _cloud.Up(web).Check();
        _cloud.Networker("down", web.Name).Check();
        Snapshot before = Snapshot.Take(Host);
        CommandResult up = _cloud.Up(web, input);
        Assert.Equal((1, ""), (up.ExitCode, up.StandardOutput));
        Assert.StartsWith("cfnetworking: ", up.StandardError, StringComparison.Ordinal);
        Assert.Contains(text, up.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain(before.Difference(Snapshot.Take(Host)), IsLeft);
    }

    [Theory]
    [InlineData("exec sleep 1000", "did not finish within 1 s")]
    [InlineData("""echo '{ "code": 42, "msg": "no room" }'; exit 1""", "no room")]
    public void A_plugin_that_fails_or_hangs_undoes_those_before_it(string body, string text)
    {
        string found = Path.Combine(Host.Directory, "bin");
        var broken = new ScriptPlugin(Host, "broken", $"""if [ "$CNI_COMMAND" = ADD ]; then {body}; fi""");
        foreach (string name in (string[])["ptp", "host-local"])
            File.CreateSymbolicLink(Path.Combine(found, name), Path.Combine(Plugin.OursDirectory, name));
        _cloud.Network("10.conflist", $$"""{ "name": "n", "cniVersion": "1.0.0", "plugins": [{{_cloud.Ptp}}, { "type": "broken" }] }""");
        TestNamespace web = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host);
        CommandResult up = _cloud.Up(web, """{ "netin": [{}] }""", config: $$"""{ "cni_plugin_dir": "{{found}}", "plugin_timeout_seconds": 1 }""");
        Assert.Equal((1, ""), (up.ExitCode, up.StandardOutput));
        Assert.Contains(text, up.StandardError, StringComparison.Ordinal);
        Assert.Equal(["ADD broken", "DEL broken"], broken.Calls);
        Assert.DoesNotContain(before.Difference(Snapshot.Take(Host)), IsLeft);
        Assert.Empty(Directory.GetFiles(_cloud.Mounts));
    }

    [Theory]
    [InlineData("store.json", 0, "store add: ")]
    [InlineData("store.json", 1, "store add: ")] // room for the number and not for the text
    [InlineData("ports.json", 0, "ports.json")]
    public void On_a_full_disk_nothing_is_half_done(string file, int pages, string text)
    {
        UseWrapperList();
        TestNamespace web = Host.AddContainer();
        _cloud.Up(web).Check();
        _cloud.Networker("down", web.Name).Check();
        string disk = Directory.CreateDirectory(Path.Combine(Host.Directory, "disk")).FullName;
        if (file == "store.json")
            _cloud.Network("30.conflist", File.ReadAllText(Path.Combine(Host.ConfigDirectory, "30.conflist")).Replace(_cloud.Datastore, Path.Combine(disk, file), StringComparison.Ordinal));
        _cloud.WriteConfig(today: true, file == "ports.json" ? $$"""{ "state_file": "{{disk}}/ports.json" }""" : "{}");
        Snapshot before = Snapshot.Take(Host);

        // A file system of four pages in a mount namespace of the networker's own; a file takes a page.
        CommandResult up = Host.Run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                $"mount -t tmpfs -o size=16k tmpfs {disk} && head -c {(4 - pages) * 4096} /dev/zero >{disk}/full; \"$@\" 3<\"$0\"; status=$?; cd {disk}; ls; cat {file} 2>/dev/null; exit $status", web.Path, .. _cloud.Line("up", web.Name)],
            """{ "Pid": 0, "netin": [{}] }""");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains(text, up.StandardError, StringComparison.Ordinal);
        Assert.Contains("No space left", up.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain(up.StandardOutput.Split('\n'), line => line.EndsWith(".new", StringComparison.Ordinal) || line.Contains(web.Name, StringComparison.Ordinal));
        Assert.DoesNotContain(before.Difference(Snapshot.Take(Host)), IsLeft);
        Assert.False(web.HasLink("eth0"));
    }

    [Fact]
    public void The_namespace_of_the_host_is_refused()
    {
        UseWrapperList();
        CommandResult up = _cloud.Up(Host, handle: "web");
        Assert.Equal(1, up.ExitCode);
        Assert.Contains("descriptor 3 is in the host's network namespace", up.StandardError, StringComparison.Ordinal);
        Assert.Contains("no network namespace", _cloud.Networker("up", "web", """{ "Pid": 4194303 }""").StandardError, StringComparison.Ordinal);
        Assert.Contains("up missing pid", _cloud.Networker("up", "web", "{}").StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Down_needs_neither_the_file_of_the_network_nor_the_namespace()
    {
        UseWrapperList();
        TestNamespace web = Host.AddContainer();
        _cloud.Up(web).Check();
        Host.Run("umount", Path.Combine(_cloud.Mounts, web.Name)).Check(); // as after a reboot
        File.Delete(Path.Combine(Host.ConfigDirectory, "30.conflist"));
        _cloud.Networker("down", web.Name).Check();
        Assert.Empty(_cloud.Elements("containers"));
        Assert.Equal("{}", File.ReadAllText(_cloud.Datastore));
        Assert.Empty(Directory.GetFiles(_cloud.Mounts));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void A_proxy_in_the_container_gets_what_applications_send(string backend)
    {
        if (backend == "iptables")
            Needs.IptablesNft();
        _cloud.Network("10.conf", $$"""{ "name": "n", "cniVersion": "1.0.0", {{_cloud.Ptp.Trim()[1..]}}""");
        TestNamespace web = Host.AddContainer();
        _cloud.Up(web, config: $$"""{ "backend": "{{backend}}", "proxy_redirect_cidr": "203.0.113.0/24", "proxy_port": 15001, "proxy_uid": 4711, "enable_ingress_proxy_redirect": true }""").Check();
        using (EchoServer.Tcp(web, 15001))
        {
            Assert.NotNull(EchoServer.AskTcp(web, "203.0.113.7", 80));
            Assert.NotNull(EchoServer.AskTcp(Host, "10.255.30.2", 9999));
        }

        string rules = web.Run("nft", "list", "ruleset").Check().StandardOutput + web.Run("iptables", "-t", "nat", "-S").StandardOutput;
        Assert.Contains("4711", rules, StringComparison.Ordinal);
        _cloud.Networker("down", web.Name).Check();
    }

    private static bool IsLeft(string fact) => !fact.Contains("store.json_version", StringComparison.Ordinal) && !fact.Contains("ports.json", StringComparison.Ordinal);

    private void UseWrapperList()
    {
        JsonObject plugin = JsonNode.Parse(_cloud.Wrapper("""{ "dns_servers": ["169.254.0.2"] }"""))!.AsObject();
        plugin.Remove("cniVersion");
        plugin.Remove("name");
        _cloud.Network("30.conflist", $$"""{ "name": "cf", "cniVersion": "1.0.0", "plugins": [{{plugin.ToJsonString()}}] }""");
    }
}
