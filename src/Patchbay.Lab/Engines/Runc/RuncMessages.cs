using System.Text.Json.Serialization;

namespace Patchbay.Lab.Engines.Runc;

/// <summary>What a hook reads from its standard input: the state of the OCI runtime specification.</summary>
internal sealed record OciState
{
    [JsonPropertyName("id")]
    public string Id { get; init; } = "";

    /// <summary><c>creating</c>, <c>created</c>, <c>running</c> or <c>stopped</c>.</summary>
    [JsonPropertyName("status")]
    public string Status { get; init; } = "";

    [JsonPropertyName("pid")]
    public int Pid { get; init; }

    [JsonPropertyName("annotations")]
    public Dictionary<string, string>? Annotations { get; init; }
}

/// <summary>What runc remembers of a container: ROOT/ID/state.json.</summary>
internal sealed record RuncState
{
    [JsonPropertyName("id")]
    public string Id { get; init; } = "";

    [JsonPropertyName("init_process_pid")]
    public int Pid { get; init; }

    [JsonPropertyName("init_process_start")]
    public ulong StartTime { get; init; }

    [JsonPropertyName("config")]
    public RuncConfig? Config { get; init; }
}

/// <summary>Its part <c>config</c>; annotations are in the labels, as KEY=VALUE.</summary>
internal sealed record RuncConfig([property: JsonPropertyName("labels")] IReadOnlyList<string>? Labels);

/// <summary>Code for these messages, made by the compiler.</summary>
[JsonSerializable(typeof(OciState))]
[JsonSerializable(typeof(RuncState))]
internal sealed partial class RuncJson : JsonSerializerContext;
