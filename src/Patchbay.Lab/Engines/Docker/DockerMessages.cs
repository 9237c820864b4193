using System.Text.Json.Serialization;

namespace Patchbay.Lab.Engines.Docker;

/// <summary>An element of <c>GET /containers/json</c>; of it only what leads to <see cref="ContainerDetails"/>, or tells a lab's own.</summary>
internal sealed record ContainerSummary(string Id, string? State, Dictionary<string, string>? Labels);

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

/// <summary>Body of <c>POST /containers/create?name=NAME</c>.</summary>
internal sealed record ContainerCreation
{
    public required string Image { get; init; }

    public required Dictionary<string, string> Labels { get; init; }

    public required HostConfig HostConfig { get; init; }

    public IReadOnlyList<string>? Cmd { get; init; }

    public IReadOnlyList<string>? Entrypoint { get; init; }

    public IReadOnlyList<string>? Env { get; init; }

    public string? Hostname { get; init; }

    public string? User { get; init; }

    public string? WorkingDir { get; init; }

    /// <summary>A terminal, and standard input that stays open: a shell that is the image's program waits then, and does not end.</summary>
    public bool Tty { get; init; } = true;

    public bool OpenStdin { get; init; } = true;
}

/// <summary>What of it concerns the host.</summary>
internal sealed record HostConfig
{
    public string NetworkMode { get; init; } = "none";

    public required IReadOnlyList<string> CapAdd { get; init; }

    public IReadOnlyList<string>? Binds { get; init; }

    public IReadOnlyList<string>? SecurityOpt { get; init; }

    public IReadOnlyDictionary<string, string>? Sysctls { get; init; }

    public IReadOnlyDictionary<string, string>? Tmpfs { get; init; }

    public bool Privileged { get; init; }
}

/// <summary>Its answer.</summary>
internal sealed record ContainerCreated(string Id);

/// <summary>Answer of <c>GET /images/NAME/json</c>; that there is one is enough.</summary>
internal sealed record ImageDetails(string Id);

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
[JsonSerializable(typeof(ContainerCreation))]
[JsonSerializable(typeof(ContainerCreated))]
[JsonSerializable(typeof(ImageDetails))]
[JsonSerializable(typeof(ExecCreation))]
[JsonSerializable(typeof(ExecCreated))]
[JsonSerializable(typeof(ExecStart))]
[JsonSerializable(typeof(ExecState))]
[JsonSerializable(typeof(Refusal))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class DockerJson : JsonSerializerContext;
