using System.Text.Json.Serialization;

namespace Patchbay.Lab.Engines.Docker;

/// <summary>An element of <c>GET /containers/json</c>; of it only what leads to <see cref="ContainerDetails"/>.</summary>
internal sealed record ContainerSummary(string Id);

/// <summary>Answer of <c>GET /containers/ID/json</c>.</summary>
internal sealed record ContainerDetails(string Id, string Name, ContainerState State, ContainerConfig Config);

internal sealed record ContainerState(int Pid, bool Running, bool Paused);

internal sealed record ContainerConfig(Dictionary<string, string>? Labels);

/// <summary>A line of <c>GET /events</c>. Since API 1.52 it has no <c>status</c> and <c>id</c>; before 1.22 it had nothing else.</summary>
internal sealed record ContainerEvent
{
    public string? Action { get; init; }

    public EventActor? Actor { get; init; }

    [JsonPropertyName("status")]
    public string? Status { get; init; }

    [JsonPropertyName("id")]
    public string? Id { get; init; }
}

internal sealed record EventActor([property: JsonPropertyName("ID")] string? Id);

/// <summary>Body of <c>POST /containers/ID/exec</c>.</summary>
internal sealed record ExecCreation(bool AttachStdout, bool AttachStderr, IReadOnlyList<string> Cmd);

/// <summary>Its answer.</summary>
internal sealed record ExecCreated(string Id);

/// <summary>Body of <c>POST /exec/ID/start</c>.</summary>
internal sealed record ExecStart(bool Detach, bool Tty);

/// <summary>Answer of <c>GET /exec/ID/json</c>.</summary>
internal sealed record ExecState(bool Running, int? ExitCode);

/// <summary>Body of any refusal; Podman has more in it.</summary>
internal sealed record Refusal([property: JsonPropertyName("message")] string? Message);

/// <summary>Code for these messages, made by the compiler.</summary>
[JsonSerializable(typeof(List<ContainerSummary>))]
[JsonSerializable(typeof(ContainerDetails))]
[JsonSerializable(typeof(ContainerEvent))]
[JsonSerializable(typeof(ExecCreation))]
[JsonSerializable(typeof(ExecCreated))]
[JsonSerializable(typeof(ExecStart))]
[JsonSerializable(typeof(ExecState))]
[JsonSerializable(typeof(Refusal))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
internal sealed partial class DockerJson : JsonSerializerContext;
