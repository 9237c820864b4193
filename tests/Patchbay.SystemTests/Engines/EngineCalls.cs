using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>
/// The calls that an engine has libcni make for one network: which plugins, in which order, with which variables and what on standard
/// input. Written from libcni 1.3, so that engines that do not run here can be replayed; nothing of our runtime side takes part.
/// </summary>
/// <param name="host">The node.</param>
/// <param name="list">The network as the engine writes it.</param>
/// <param name="directory">CNI_PATH; ours when null.</param>
internal sealed class EngineCalls(TestHost host, JsonObject list, string? directory = null)
{
    private readonly Dictionary<(string Id, string IfName), JsonNode> _cache = [];

    /// <summary>Reads a list of examples/engines and moves its files below the host's directory: the defaults are the machine's.</summary>
    public static JsonObject Read(TestHost host, string example)
    {
        JsonObject list = JsonNode.Parse(File.ReadAllText(Repository.PathOf($"examples/engines/{example}")))!.AsObject();
        foreach (JsonObject plugin in list["plugins"]!.AsArray().Select(each => each!.AsObject()))
        {
            if (plugin["ipam"] is JsonObject ipam)
                ipam["dataDir"] = host.DataDirectory;
            if (plugin["type"]!.GetValue<string>() == "flannel")
                (plugin["subnetFile"], plugin["dataDir"], plugin["ipam"]) =
                    (Path.Combine(host.Directory, "subnet.env"), Path.Combine(host.DataDirectory, "flannel"), new JsonObject { ["dataDir"] = host.DataDirectory });
        }

        return list;
    }

    /// <summary>As engines name a container or a sandbox: 64 hexadecimal digits.</summary>
    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>go-cni, which containerd, nerdctl and Nomad use, has no JSON names on the fields of its types.</summary>
    public static JsonObject GoCniPorts(params (int Host, int Container, string Protocol, string HostIp)[] ports) => new()
    {
        ["portMappings"] = new JsonArray([.. ports.Select(each => new JsonObject
        {
            ["HostPort"] = each.Host, ["ContainerPort"] = each.Container, ["Protocol"] = each.Protocol, ["HostIP"] = each.HostIp,
        })]),
    };

    /// <summary>ADD, first to last, each with the result of the one before; the result of the last is kept. Ends with the first that fails.</summary>
    public PluginResult Add(EngineAttachment attachment)
    {
        PluginResult? result = null;
        foreach (JsonObject plugin in Plugins)
        {
            result = Run("ADD", plugin, attachment, result is null ? null : JsonNode.Parse(result.StandardOutput));
            if (result.ExitCode != 0)
                return result;
        }

        _cache[(attachment.Id, attachment.IfName)] = JsonNode.Parse(result!.StandardOutput)!;
        return result;
    }

    /// <summary>CHECK, first to last, each with the kept result.</summary>
    public IEnumerable<PluginResult> Check(EngineAttachment attachment) =>
        [.. Plugins.Select(plugin => Run("CHECK", plugin, attachment, Cached(attachment)))];

    /// <summary>DEL, last to first, each with the kept result if there is one; ends with the first that fails, and else forgets the result.</summary>
    public PluginResult Delete(EngineAttachment attachment)
    {
        PluginResult? result = null;
        foreach (JsonObject plugin in Plugins.Reverse())
        {
            result = Run("DEL", plugin, attachment, Cached(attachment));
            if (result.ExitCode != 0)
                return result;
        }

        Forget(attachment);
        return result!;
    }

    /// <summary>What happens to the kept result when somebody empties /var/lib/cni.</summary>
    public void Forget(EngineAttachment attachment) => _cache.Remove((attachment.Id, attachment.IfName));

    /// <summary>Hands the kept results to other plugins, as when those of a node are exchanged.</summary>
    public EngineCalls With(string newDirectory)
    {
        var other = new EngineCalls(host, list, newDirectory);
        foreach (((string Id, string IfName) key, JsonNode result) in _cache)
            other._cache[key] = result;
        return other;
    }

    /// <summary>STATUS for each plugin.</summary>
    public IEnumerable<PluginResult> Status() => [.. Plugins.Select(plugin => Run("STATUS", plugin, EngineAttachment.None, null))];

    /// <summary>GC: libcni first deletes what it keeps and nobody wants, then calls every plugin. It writes no list at all as <c>null</c>.</summary>
    public IEnumerable<PluginResult> Collect(IEnumerable<EngineAttachment>? valid, IEnumerable<EngineAttachment> stale)
    {
        foreach (EngineAttachment each in stale)
            Delete(each).Check();
        return [.. Plugins.Select(plugin =>
        {
            JsonObject with = plugin.DeepClone().AsObject();
            foreach (string key in (string[])["cni.dev/valid-attachments", "cni.dev/attachments"])
                with[key] = valid is null ? null : new JsonArray([.. valid.Select(each => new JsonObject { ["containerID"] = each.Id, ["ifname"] = each.IfName })]);
            return Run("GC", with, EngineAttachment.None, null);
        })];
    }

    /// <summary>VERSION as libcni asks: with words for plugins of before the specification, which wanted all variables.</summary>
    public IEnumerable<PluginResult> Versions() => [.. Plugins.Select(plugin => new Plugin(host, plugin["type"]!.GetValue<string>(), directory)
        .Invoke("VERSION", """{"cniVersion":"1.1.0"}""", "dummy", "dummy", "dummy", "", new Dictionary<string, string?> { ["CNI_PATH"] = "dummy" }))];

    private IEnumerable<JsonObject> Plugins => list["plugins"]!.AsArray().Select(each => each!.AsObject());

    private JsonNode? Cached(EngineAttachment attachment) => _cache.GetValueOrDefault((attachment.Id, attachment.IfName));

    private PluginResult Run(string command, JsonObject plugin, EngineAttachment attachment, JsonNode? result)
    {
        JsonObject config = plugin.DeepClone().AsObject();
        (config["name"], config["cniVersion"]) = (list["name"]!.DeepClone(), list["cniVersion"]!.DeepClone());
        var runtimeConfig = new JsonObject();
        foreach ((string name, JsonNode? wanted) in plugin["capabilities"]?.AsObject() ?? [])
            if (wanted!.GetValue<bool>() && attachment.Capabilities?[name] is { } value)
                runtimeConfig[name] = value.DeepClone();
        if (runtimeConfig.Count > 0)
            config["runtimeConfig"] = runtimeConfig;
        if (result is not null)
            config["prevResult"] = result.DeepClone();
        // libcni sets every variable in every call: what there is nothing to say about is empty.
        return new Plugin(host, plugin["type"]!.GetValue<string>(), directory)
            .Invoke(command, config.ToJsonString(), attachment.Id, attachment.Netns, attachment.IfName, attachment.Args);
    }
}

/// <summary>What an engine tells of one attachment.</summary>
/// <param name="Id">CNI_CONTAINERID.</param>
/// <param name="Netns">CNI_NETNS; empty where the engine does not know it any more.</param>
/// <param name="IfName">CNI_IFNAME.</param>
/// <param name="Args">CNI_ARGS.</param>
/// <param name="Capabilities">By name; each plugin gets those that it declares.</param>
internal sealed record EngineAttachment(string Id, string Netns, string IfName = "eth0", string Args = "", JsonObject? Capabilities = null)
{
    public static EngineAttachment None { get; } = new("", "", "");

    /// <summary>As Kubernetes' runtimes name a pod.</summary>
    public static string PodArgs(string id, string name, string space = "default") => string.Create(
        CultureInfo.InvariantCulture,
        $"IgnoreUnknown=1;K8S_POD_NAMESPACE={space};K8S_POD_NAME={name};K8S_POD_INFRA_CONTAINER_ID={id};K8S_POD_UID={id[..8]}-0000-4000-8000-{id[..12]}");
}
