using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>A cell of Cloud Foundry: an underlay with somebody outside, the networker's configuration, a network for it.</summary>
internal sealed class CloudHost : IDisposable
{
    public const string HostAddress = "192.0.2.10";
    public const string OutsideAddress = "192.0.2.1";
    public const string OtherOutside = "198.51.100.1";

    public CloudHost()
    {
        Plugin.NeedsOurs("cni-wrapper-plugin", "ptp", "host-local");
        Host = TestHost.Create();
        Data = Host.DataDirectory;
        Address = HostAddress;
        Outside = Host.AddContainer();
        Connect("under1");
        Host.Run("ip", "route", "add", "default", "via", OutsideAddress).Check();
        Outside.Run(["sh", "-ec", $"""
            ip addr add {OutsideAddress}/24 dev under1
            ip addr add {OtherOutside}/32 dev lo
            ip link set under1 up
            """]).Check();
    }

    /// <summary>One of several.</summary>
    /// <param name="address">Its address in 192.0.2.0/24.</param>
    /// <param name="data">The directory of what it keeps on disk.</param>
    /// <param name="network">What connects them.</param>
    /// <param name="port">The interface there that leads here; up, and without an address.</param>
    public CloudHost(string address, string data, TestNamespace network, string port)
    {
        Plugin.NeedsOurs("cni-wrapper-plugin", "flannel", "bridge", "host-local");
        Host = TestHost.Create();
        Data = Directory.CreateDirectory(data).FullName;
        Address = address;
        Outside = network;
        Connect(port);
        network.Run("ip", "link", "set", port, "up").Check();
    }

    public TestHost Host { get; }

    /// <summary>Where it keeps what it keeps.</summary>
    public string Data { get; }

    /// <summary>Its address in the underlay.</summary>
    public string Address { get; }

    /// <summary>Another machine, by the underlay.</summary>
    public TestNamespace Outside { get; }

    public string Datastore => Path.Combine(Data, "store.json");

    public string Mounts => Path.Combine(Data, "container-netns");

    public string StateFile => Path.Combine(Data, "ports.json");

    private string ConfigFile => Path.Combine(Host.Directory, "networker.json");

    public void Dispose() => Host.Dispose();

    /// <summary>A network by ptp, so that the host routes.</summary>
    public string Ptp => $$"""
        { "type": "ptp", "ipam": { "type": "host-local", "dataDir": "{{Host.DataDirectory}}/ipam", "subnet": "10.255.30.0/24", "routes": [{ "dst": "0.0.0.0/0" }] } }
        """;

    /// <summary>The wrapper's configuration.</summary>
    /// <param name="keys">More keys as a JSON object; one that is null here is left out.</param>
    /// <param name="version">cniVersion.</param>
    public string Wrapper(string keys = "{}", string version = "1.0.0")
    {
        JsonObject config = JsonNode.Parse($$"""
            { "cniVersion": "{{version}}", "name": "cf", "type": "cni-wrapper-plugin", "datastore": "{{Datastore}}", "instance_address": "{{Address}}", "underlay_ips": ["{{Address}}"],
              "no_masquerade_cidr_range": "10.255.0.0/16", "ingress_tag": "ffff0000", "vtep_name": "silk-vtep", "iptables_lock_file": "{{Host.Directory}}/iptables.lock",
              "iptables_denied_logs_per_sec": 1, "iptables_accepted_udp_logs_per_sec": 100, "policy_agent_force_poll_address": "", "delegate": {{Ptp}} }
            """)!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            if (value is null)
                config.Remove(key);
            else
                config[key] = value.DeepClone();
        }

        return config.ToJsonString();
    }

    /// <summary>Writes a file of the directory of networks.</summary>
    public void Network(string file, string text) => File.WriteAllText(Path.Combine(Host.ConfigDirectory, file), text);

    /// <summary>Runs the networker.</summary>
    /// <param name="action">up, down, …</param>
    /// <param name="handle">The container.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="today">Whether the configuration is of the newest era or of 2016.</param>
    /// <param name="keys">More keys of it, as a JSON object.</param>
    public CommandResult Networker(string action, string handle, string input = "null", bool today = true, string keys = "{}")
    {
        WriteConfig(today, keys);
        return Host.Run(Line(action, handle), input);
    }

    /// <summary>up for the namespace of a container, handed over as descriptor 3.</summary>
    public CommandResult Up(TestNamespace container, string keys = "{}", bool today = true, string config = "{}", string? handle = null)
    {
        WriteConfig(today, config);
        JsonObject input = JsonNode.Parse(keys)!.AsObject();
        input["Pid"] = 0;
        return Host.Run(["sh", "-c", """exec "$@" 3< "$0" """, container.Path, .. Line("up", handle ?? container.Name)], input.ToJsonString());
    }

    public List<string> Line(string action, string handle) =>
        [Path.Combine(Plugin.OursDirectory, "garden-external-networker"), "--configFile", ConfigFile, "--action", action, "--handle", handle];

    public void WriteConfig(bool today, string keys = "{}")
    {
        JsonObject config = JsonNode.Parse($$"""
            { "cni_plugin_dir": "{{Plugin.OursDirectory}}", "cni_config_dir": "{{Host.ConfigDirectory}}", "bind_mount_dir": "{{Mounts}}", "state_file": "{{StateFile}}",
              "start_port": 61000, "total_ports": 3, "cni_cache_dir": "{{Host.CacheDirectory}}", "iptables_lock_file": "{{Host.Directory}}/iptables.lock",
              {{(today ? """ "log_prefix": "cfnetworking", "proxy_port": 15001, "proxy_uid": 0 """ : """ "overlay_network": "10.255.0.0/16" """)}} }
            """)!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            config[key] = value?.DeepClone();
        File.WriteAllText(ConfigFile, config.ToJsonString());
    }

    /// <summary>A process that stays in the namespace of a container, and is there already.</summary>
    public static int ProcessIn(TestNamespace container)
    {
        Process process = container.Start(["sleep", "1000"]);
        string there = container.Run("readlink", "/proc/self/ns/net").Check().StandardOutput.Trim();
        string link = $"/proc/{process.Id}/ns/net";
        Assert.True(SpinWait.SpinUntil(() => new FileInfo(link).LinkTarget == there, Command.DefaultLimit), "nsenter did not enter");
        return process.Id;
    }

    /// <summary>The keys of an element of a map: "10.255.30.2 . under0".</summary>
    public string[] Keys(string map, string table = "cf_networking") =>
        [.. Elements(map, table).Select(element => Text(element[0]))];

    /// <summary>Keys and data of the elements of a map.</summary>
    public IReadOnlyList<JsonElement> Elements(string map, string table = "cf_networking")
    {
        CommandResult listed = Host.Run(["nft", "-j", "list", "map", "ip", table, map]);
        if (listed.ExitCode != 0)
            return [];
        foreach (JsonElement each in listed.Json.GetProperty("nftables").EnumerateArray())
        {
            if (each.TryGetProperty("map", out JsonElement found) && found.TryGetProperty("elem", out JsonElement elements))
                return [.. elements.EnumerateArray()];
        }

        return [];
    }

    /// <summary>Names of the chains of a table.</summary>
    public string[] Chains(string table = "cf_networking") =>
        [.. Host.NftJson("list chains").EnumerateArray().Where(each => each.TryGetProperty("chain", out JsonElement chain) && chain.GetProperty("table").GetString() == table)
            .Select(each => each.GetProperty("chain").GetProperty("name").GetString()!)];

    /// <summary>What iptables -S prints, of all tables.</summary>
    public string[] IptablesRules => [.. new[] { "filter", "nat", "mangle" }.SelectMany(table => Host.Run("iptables", "-t", table, "-S").Check().StandardOutput.Split('\n').Where(line => line.StartsWith("-A", StringComparison.Ordinal) || line.StartsWith("-N", StringComparison.Ordinal)).Select(line => $"{table} {line}"))];

    private void Connect(string port) => Host.Run(["sh", "-ec", $"""
        ip link add under0 type veth peer name {port} netns {Outside.Name}
        ip addr add {Address}/24 dev under0
        ip link set under0 up
        """]).Check();

    private static string Text(JsonElement key)
    {
        if (key.ValueKind == JsonValueKind.Object && key.TryGetProperty("elem", out JsonElement commented))
            return Text(commented.GetProperty("val"));
        if (key.ValueKind == JsonValueKind.Object && key.TryGetProperty("concat", out JsonElement parts))
            return string.Join(" . ", parts.EnumerateArray().Select(Text));
        return key.ToString();
    }
}
