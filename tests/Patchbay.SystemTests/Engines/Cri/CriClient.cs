using System.Globalization;
using System.Text.Json;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>A condition of the runtime: RuntimeReady or NetworkReady. The kubelet makes the node's Ready of them.</summary>
internal sealed record CriCondition(string Type, bool Status, string Reason, string Message);

/// <summary>The kubelet's calls to a container runtime for a pod's network: service runtime.v1.RuntimeService of the CRI, by its field numbers.</summary>
internal sealed class CriClient(string socket) : IDisposable
{
    private const string Service = "runtime.v1.RuntimeService";
    private readonly GrpcClient _grpc = new(socket);

    /// <summary>Runs a pod that is described as crictl's pod.json is, and returns its id.</summary>
    public string RunPodSandbox(JsonElement config) => Call("RunPodSandbox", new ProtoWriter().Add(1, PodSandboxConfig(config))).Text(1);

    public string RunPodSandbox(string config)
    {
        using var document = JsonDocument.Parse(config);
        return RunPodSandbox(document.RootElement);
    }

    public void StopPodSandbox(string id) => Call("StopPodSandbox", new ProtoWriter().Add(1, id));

    public void RemovePodSandbox(string id) => Call("RemovePodSandbox", new ProtoWriter().Add(1, id));

    public PodStatus PodSandboxStatus(string id)
    {
        ProtoReader response = Call("PodSandboxStatus", new ProtoWriter().Add(1, id).Add(2, 1));
        ProtoReader status = response.Message(1);
        ProtoReader network = status.Message(5);
        using var info = JsonDocument.Parse(response.Map(2).GetValueOrDefault("info", "{}"));
        return new PodStatus(status.Number(3) == 0, network.Text(1), [.. network.Messages(2).Select(ip => ip.Text(1))], info.RootElement.Clone());
    }

    /// <summary>The ids of all pods, and whether each is ready.</summary>
    public Dictionary<string, bool> ListPodSandbox() =>
        Call("ListPodSandbox", new ProtoWriter()).Messages(1).ToDictionary(pod => pod.Text(1), pod => pod.Number(3) == 0);

    public CriCondition Condition(string type) =>
        Call("Status", new ProtoWriter()).Message(1).Messages(1)
            .Select(each => new CriCondition(each.Text(1), each.Number(2) != 0, each.Text(3), each.Text(4)))
            .Single(each => each.Type == type);

    /// <summary>What containerd adds when asked to be verbose: "cniconfig", "lastCNILoadStatus".</summary>
    public Dictionary<string, string> Info() => Call("Status", new ProtoWriter().Add(1, 1)).Map(2);

    public (string Name, string Version) Version()
    {
        ProtoReader version = Call("Version", new ProtoWriter());
        return (version.Text(2), version.Text(3));
    }

    public void Dispose() => _grpc.Dispose();

    private ProtoReader Call(string method, ProtoWriter request) => _grpc.Call($"{Service}/{method}", request);

    private static ProtoWriter PodSandboxConfig(JsonElement config)
    {
        JsonElement metadata = config.GetProperty("metadata");
        ProtoWriter message = new ProtoWriter()
            .Add(1, new ProtoWriter().Add(1, Text(metadata, "name")).Add(2, Text(metadata, "uid")).Add(3, Text(metadata, "namespace")).Add(4, Number(metadata, "attempt")))
            .Add(2, Text(config, "hostname"))
            .Add(3, Text(config, "log_directory"))
            .Add(6, Map(config, "labels"))
            .Add(7, Map(config, "annotations"));
        if (config.TryGetProperty("dns_config", out JsonElement dns))
            message.Add(4, new ProtoWriter().Add(1, Texts(dns, "servers")).Add(2, Texts(dns, "searches")).Add(3, Texts(dns, "options")));
        foreach (JsonElement port in Items(config, "port_mappings"))
            message.Add(5, new ProtoWriter().Add(1, Number(port, "protocol")).Add(2, Number(port, "container_port")).Add(3, Number(port, "host_port")).Add(4, Text(port, "host_ip")));
        return message.Add(8, Linux(config.TryGetProperty("linux", out JsonElement linux) ? linux : default));
    }

    // LinuxPodSandboxConfig.security_context.namespace_options: network and pid; 0 is POD, 2 is NODE.
    private static ProtoWriter Linux(JsonElement linux)
    {
        var options = new ProtoWriter();
        if (linux.ValueKind == JsonValueKind.Object && linux.TryGetProperty("security_context", out JsonElement context)
            && context.TryGetProperty("namespace_options", out JsonElement names))
            options.Add(1, Number(names, "network")).Add(2, Number(names, "pid"));
        return new ProtoWriter().Add(2, new ProtoWriter().Add(1, options));
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement from, string name) => from.TryGetProperty(name, out JsonElement items) ? items.EnumerateArray() : default;

    private static IEnumerable<string> Texts(JsonElement from, string name) => Items(from, name).Select(each => each.GetString()!);

    private static string? Text(JsonElement from, string name) => from.TryGetProperty(name, out JsonElement text) ? text.GetString() : null;

    private static long Number(JsonElement from, string name) =>
        !from.TryGetProperty(name, out JsonElement number) ? 0
        : number.ValueKind == JsonValueKind.Number ? number.GetInt64()
        : throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{name} is not a number: {number}"));

    private static IEnumerable<KeyValuePair<string, string>> Map(JsonElement from, string name) =>
        from.TryGetProperty(name, out JsonElement map) ? map.EnumerateObject().Select(each => KeyValuePair.Create(each.Name, each.Value.GetString()!)) : [];
}
