using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A container that our bridge has attached, for plugins that are chained behind it.</summary>
internal sealed class Attached : IDisposable
{
    public const string Default = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";

    private readonly string _version;

    /// <param name="type">The chained plugin.</param>
    /// <param name="version">cniVersion of all.</param>
    /// <param name="ranges">host-local's.</param>
    /// <param name="ifName">The interface.</param>
    public Attached(string type, string version = "1.0.0", string ranges = Conf.Dual, string ifName = "eth0")
    {
        Plugin.NeedsOurs(type, "bridge", "host-local");
        _version = version;
        Host = TestHost.Create();
        Container = Host.AddContainer();
        IfName = ifName;
        BridgeConfig = Conf.Bridge(Host, version: version, ranges: ranges, routes: Default);
        Result = new Plugin(Host, "bridge").Add(Container, BridgeConfig, ifName).Check();
        Ours = new Plugin(Host, type);
    }

    public TestHost Host { get; }

    public TestNamespace Container { get; }

    public string IfName { get; }

    public string BridgeConfig { get; }

    /// <summary>What the bridge answered.</summary>
    public PluginResult Result { get; }

    /// <summary>The plugin under test.</summary>
    public Plugin Ours { get; }

    public Plugin Reference => ReferencePlugins.Plugin(Host, Ours.Type);

    /// <summary>A configuration of the chained plugin.</summary>
    /// <param name="keys">Its keys.</param>
    /// <param name="result">prevResult; the bridge's when null.</param>
    /// <param name="type">The plugin; the one under test when null.</param>
    /// <param name="version">cniVersion, where it is another than the bridge's.</param>
    public string Config(string keys = "{}", CommandResult? result = null, string? type = null, string? version = null)
    {
        JsonObject config = JsonNode.Parse(WithoutResult(keys, type))!.AsObject();
        config["cniVersion"] = version ?? _version;
        config["prevResult"] = JsonNode.Parse((result ?? Result).StandardOutput);
        if (version is not null)
            config["prevResult"]!["cniVersion"] = version;
        return config.ToJsonString();
    }

    public string WithoutResult(string keys = "{}", string? type = null)
    {
        JsonObject config = JsonNode.Parse(keys)!.AsObject();
        config["cniVersion"] = _version;
        config["name"] ??= "net";
        config["type"] = type ?? Ours.Type;
        return config.ToJsonString();
    }

    public PluginResult Add(string config, string? args = null) => Ours.Add(Container, config, IfName, args: args);

    public PluginResult Check(string config) => Ours.Check(Container, config, IfName);

    public PluginResult Delete(string config) => Ours.Delete(Container, config, IfName);

    /// <summary>What the bridge's own CHECK says of the result that the whole chain ended in.</summary>
    public PluginResult CheckBridge(CommandResult result) => new Plugin(Host, "bridge").Check(Container, Conf.WithResult(BridgeConfig, result), IfName);

    /// <summary>ip in the container, which must succeed.</summary>
    public void Ip(string arguments) => Container.Run(["ip", .. arguments.Split(' ')]).Check();

    /// <summary>Rules beside the kernel's own, as <c>from 10.22.0.2 lookup 100</c>.</summary>
    public string[] Rules() =>
    [
        .. ((string[])["-4", "-6"]).SelectMany(family => Container.IpJson($"{family} rule show").EnumerateArray())
            .Where(rule => rule.Text("table") is not ("local" or "main" or "default") && rule.Text("l3mdev").Length == 0)
            .Select(rule => $"from {rule.Text("src")} lookup {rule.Text("table")}").Order(StringComparer.Ordinal),
    ];

    /// <summary>All routes of a table, the kernel's own too, as <c>default via 10.22.0.1</c>.</summary>
    public string[] Table(string table) =>
    [
        .. ((string[])["-4", "-6"])
            .SelectMany(family => Container.Run("ip", "-j", family, "route", "show", "table", table) is { ExitCode: 0 } shown ? shown.Json.EnumerateArray() : [])
            .Where(route => route.Text("type") is "" or "unicast")
            .Select(route => route.Text("dst") + (route.Text("gateway") is { Length: > 0 } gateway ? $" via {gateway}" : "")
                + (route.Text("prefsrc") is { Length: > 0 } source ? $" src {source}" : ""))
            .Order(StringComparer.Ordinal),
    ];

    public void Dispose() => Host.Dispose();
}
