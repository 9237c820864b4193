using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Network configurations, as the tests vary them.</summary>
internal static class Conf
{
    public const string IPv4 = """[[{ "subnet": "10.22.0.0/24" }]]""";

    public const string IPv6 = """[[{ "subnet": "fd22::/64" }]]""";

    public const string Dual = """[[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "fd22::/64" }]]""";

    /// <summary>A configuration with host-local.</summary>
    /// <param name="host">Whose data directory to use.</param>
    /// <param name="type">The plugin.</param>
    /// <param name="keys">More keys as a JSON object; one that is null here is left out.</param>
    /// <param name="version">cniVersion.</param>
    /// <param name="ranges">host-local's.</param>
    /// <param name="routes">host-local's.</param>
    public static string Make(
        TestHost host, string type, string keys = "{}", string version = "1.0.0", string ranges = Dual, string routes = "[]")
    {
        JsonObject config = JsonNode.Parse($$"""
            {
              "cniVersion": "{{version}}", "name": "net", "type": "{{type}}",
              "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "ranges": {{ranges}}, "routes": {{routes}} }
            }
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

    public static string Bridge(
        TestHost host, string keys = """{ "isGateway": true }""", string version = "1.0.0", string ranges = Dual, string routes = "[]") =>
        Make(host, "bridge", keys, version, ranges, routes);

    public static string Ptp(TestHost host, string keys = "{}", string version = "1.0.0", string ranges = Dual, string routes = "[]") =>
        Make(host, "ptp", keys, version, ranges, routes);

    /// <summary>What a runtime sends to CHECK, and to DEL from 0.4.0 on: the configuration with the result of the ADD.</summary>
    public static string WithResult(string config, CommandResult added)
    {
        JsonObject with = JsonNode.Parse(config)!.AsObject();
        with["prevResult"] = JsonNode.Parse(added.StandardOutput);
        return with.ToJsonString();
    }

    /// <summary>The plugins of a list as a runtime hands them out: each with the list's name and version, and with this host's data directory.</summary>
    public static IReadOnlyList<string> OfList(TestHost host, string file)
    {
        JsonObject list = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        var configs = new List<string>();
        foreach (JsonNode? plugin in list["plugins"]?.AsArray() ?? [list])
        {
            JsonObject config = plugin!.DeepClone().AsObject();
            config["name"] = list["name"]!.DeepClone();
            config["cniVersion"] = list["cniVersion"]!.DeepClone();
            if (config["ipam"] is JsonObject ipam)
                ipam["dataDir"] = host.DataDirectory;
            configs.Add(config.ToJsonString());
        }

        return configs;
    }

    /// <summary>A result as a value to compare: Ethernet addresses, MTUs and what is random in names do not count.</summary>
    public static string Comparable(CommandResult added, params TestNamespace[] containers)
    {
        JsonObject result = JsonNode.Parse(added.StandardOutput)!.AsObject();
        foreach (JsonNode? each in result["interfaces"]?.AsArray() ?? [])
        {
            JsonObject link = each!.AsObject();
            Assert.Matches("^([0-9a-f]{2}:){5}[0-9a-f]{2}$", link["mac"]!.GetValue<string>());
            link.Remove("mac");
            link.Remove("mtu");
            if (link["name"]!.GetValue<string>().StartsWith("veth", StringComparison.Ordinal))
                link["name"] = "veth";
            if (containers.Any(container => container.Path == link["sandbox"]?.GetValue<string>()))
                link["sandbox"] = "the container";
        }

        // Some releases of the reference forget the family of the addresses in some plugins.
        foreach (JsonNode? ip in result["ips"]?.AsArray() ?? [])
            ip!.AsObject().Remove("version");

        // 1.0.0 leaves an empty one out; some releases of the reference print it all the same.
        if (result["dns"] is JsonObject { Count: 0 })
            result.Remove("dns");
        return Sorted(result).ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    private static JsonNode Sorted(JsonNode node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Sorted(p.Value!)))),
        JsonArray a => new JsonArray([.. a.Select(each => Sorted(each!))]),
        _ => node.DeepClone(),
    };
}
