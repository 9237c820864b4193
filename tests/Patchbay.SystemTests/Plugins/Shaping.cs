using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Containers on a bridge whose interfaces bandwidth limits, and what tc(8) tells of it.</summary>
internal sealed class Shaping : IDisposable
{
    public const string Limits = """{ "ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000 }""";

    public Shaping()
    {
        Needs.Tbf();
        Needs.Ifb();
        Needs.Ingress();
        Plugin.NeedsOurs("bandwidth", "bridge", "host-local");
        Host = TestHost.Create();
        Bandwidth = new Plugin(Host, "bandwidth");
        Bridge = new Plugin(Host, "bridge");
    }

    public TestHost Host { get; }

    public Plugin Bandwidth { get; }

    public Plugin Bridge { get; }

    public void Dispose() => Host.Dispose();

    /// <summary>A container's interface, not limited yet: what bridge tells, which is bandwidth's prevResult.</summary>
    public PluginResult Connect(TestNamespace container, string ifName = "eth0", string version = "1.0.0") =>
        Bridge.Add(container, Conf.Bridge(Host, version: version, ranges: Conf.IPv4), ifName).Check();

    public void Disconnect(TestNamespace container, string ifName = "eth0") => Bridge.Delete(container, Conf.Bridge(Host, ranges: Conf.IPv4), ifName).Check();

    /// <summary>bandwidth's configuration.</summary>
    /// <param name="keys">Its own keys, as a JSON object.</param>
    /// <param name="previous">The result before it; none when null.</param>
    /// <param name="version">cniVersion.</param>
    /// <param name="network">The network's name.</param>
    public static string Config(string keys, CommandResult? previous, string version = "1.0.0", string network = "net")
    {
        JsonObject config = JsonNode.Parse($$"""{ "cniVersion": "{{version}}", "name": "{{network}}", "type": "bandwidth" }""")!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            config[key] = value?.DeepClone();
        return previous is null ? config.ToJsonString() : Conf.WithResult(config.ToJsonString(), previous);
    }

    /// <summary>The host's name of the ifb that a result tells.</summary>
    public static string Ifb(CommandResult added) =>
        added.Json.GetProperty("interfaces").EnumerateArray().Select(each => each.Text("name")).Single(name => name.StartsWith("bwp", StringComparison.Ordinal));

    /// <summary>All queueing disciplines, filters and ifbs of the host as text, one a line; names that hold for one host only are told by their role.</summary>
    /// <param name="exact">False to compare two hosts: names of links are left out, and what some releases of the reference do twice counts once.</param>
    public string[] State(bool exact = true)
    {
        var lines = new List<string>();
        foreach (JsonElement qdisc in Host.TcJson("qdisc show").EnumerateArray())
        {
            string dev = qdisc.Text("dev");
            if (qdisc.Text("kind") == "noqueue")
                continue;
            JsonNode node = JsonNode.Parse(qdisc.GetRawText())!;
            node["dev"] = Role(dev);
            node.AsObject().Remove("refcnt");
            lines.Add(node.ToJsonString());
            if (qdisc.Text("kind") == "ingress")
                lines.AddRange(Host.TcJson($"filter show dev {dev} parent ffff:").EnumerateArray().Select(Filter));
        }

        lines.AddRange(Host.IpJson("link show type ifb").EnumerateArray().Where(link => link.Text("ifname").Length > 0).Select(link =>
            $"{Role(link.Text("ifname"))} mtu {link.Text("mtu")} up {link.IsUp()} qlen {link.Text("txqlen")} {(exact ? link.Text("ifalias") : "")}"));
        lines.Sort(StringComparer.Ordinal);
        return [.. lines];

        string Role(string dev) => exact ? dev : dev[..3];

        string Filter(JsonElement filter)
        {
            JsonNode node = JsonNode.Parse(filter.GetRawText())!;
            JsonArray? actions = node["options"]?["actions"]?.AsArray();
            if (actions is not null)
            {
                while (!exact && actions.Count > 1)
                    actions.RemoveAt(1);
                foreach (JsonNode? action in actions)
                {
                    action!["to_dev"] = Role(action["to_dev"]!.GetValue<string>());
                    action.AsObject().Remove("index");
                }
            }

            return node.ToJsonString();
        }
    }
}
