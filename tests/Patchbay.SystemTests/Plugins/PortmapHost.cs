using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A host with a bridge, containers on it, and a client on another cable; and portmap's configurations.</summary>
internal sealed class PortmapHost : IDisposable
{
    public const string HostV4 = "192.0.2.1";
    public const string HostV6 = "2001:db8::1";
    public const string ClientV4 = "192.0.2.2";
    public const string ClientV6 = "2001:db8::2";

    private TestNamespace? _client;

    public PortmapHost()
    {
        Plugin.NeedsOurs("portmap", "bridge", "host-local");
        Host = TestHost.Create();
        // A host asks for a neighbour by its link-local address only, and gives up after three seconds: as long as a new bridge may look whether another one has that address.
        Host.Run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad").Check();
    }

    public TestHost Host { get; }

    public Plugin Ours => new(Host, "portmap");

    public Plugin Theirs => ReferencePlugins.Plugin(Host, "portmap");

    /// <summary>Somebody beyond the host, to whom the host's addresses are 192.0.2.1 and 2001:db8::1.</summary>
    public TestNamespace Client => _client ??= MakeClient();

    public void Dispose() => Host.Dispose();

    /// <summary>A container with eth0 on the bridge, and what the bridge plugin said.</summary>
    public (TestNamespace Container, PluginResult Bridged) AddContainer(string ifName = "eth0", string network = "net", TestNamespace? container = null, string version = "1.0.0")
    {
        container ??= Host.AddContainer();
        return (container, new Plugin(Host, "bridge").Add(container, BridgeConfig(network, version), ifName).Check());
    }

    /// <summary>portmap's configuration behind the bridge.</summary>
    public static string Config(PluginResult? bridged, string mappings, string keys = """{ "backend": "nftables" }""", string network = "net", string version = "1.0.0")
    {
        JsonObject config = JsonNode.Parse($$"""{ "cniVersion": "{{version}}", "name": "{{network}}", "type": "portmap", "capabilities": { "portMappings": true } }""")!.AsObject();
        config["runtimeConfig"] = new JsonObject { ["portMappings"] = JsonNode.Parse(mappings) };
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            config[key] = value?.DeepClone();
        if (bridged is not null)
            config["prevResult"] = JsonNode.Parse(bridged.StandardOutput);
        return config.ToJsonString();
    }

    public static string Mapping(int host, int container, string protocol = "tcp", string? hostIp = null) =>
        $$"""{ "hostPort": {{host}}, "containerPort": {{container}}, "protocol": "{{protocol}}"{{(hostIp is null ? "" : $", \"hostIP\": \"{hostIp}\"")}} }""";

    public string Rules() => Host.Run("nft", "list", "ruleset").Check().StandardOutput;

    public string Table(string family = "ip") => Host.Run("nft", "list", "table", family, "cni_hostport").Check().StandardOutput;

    /// <summary>The tables and common chains as one ADD and DEL leave them, so that a snapshot knows them.</summary>
    public void Warm(string keys = """{ "backend": "nftables" }""")
    {
        (TestNamespace container, PluginResult bridged) = AddContainer("warm0");
        string config = Config(bridged, $"[{Mapping(1, 1)}]", keys);
        Ours.Add(container, config, "warm0").Check();
        Ours.Delete(container, config, "warm0").Check();
        new Plugin(Host, "bridge").Delete(container, BridgeConfig("net", "1.0.0"), "warm0").Check();
    }

    private string BridgeConfig(string network, string version) => Conf.Bridge(
        Host,
        $$"""{ "name": "{{network}}", "isGateway": true, "hairpinMode": true, "bridge": "cni-{{network}}" }""",
        version,
        network == "net" ? Conf.Dual : """[[{ "subnet": "10.23.0.0/24" }], [{ "subnet": "fd23::/64" }]]""",
        """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""");

    private TestNamespace MakeClient()
    {
        TestNamespace client = Host.AddContainer();
        Host.Run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", client.Name).Check();
        foreach ((TestNamespace space, string link, string v4, string v6) in new[] { (Host, "out0", HostV4, HostV6), (client, "eth0", ClientV4, ClientV6) })
        {
            space.Run("ip", "addr", "add", $"{v4}/24", "dev", link).Check();
            space.Run("ip", "addr", "add", $"{v6}/64", "dev", link, "nodad").Check();
            space.Run("ip", "link", "set", link, "up").Check();
        }

        client.Run("ip", "route", "add", "default", "via", HostV4).Check();
        client.Run("ip", "-6", "route", "add", "default", "via", HostV6).Check();
        return client;
    }
}
