using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Patchbay.Lab.Engines.Docker;

/// <summary>Docker, or Podman by the same interface, on its Unix socket.</summary>
internal sealed partial class DockerEngine : Engine
{
    /// <summary>Where Docker listens.</summary>
    public const string DockerSocket = "/run/docker.sock";

    /// <summary>Where Podman listens for root; for others below <c>/run/user/UID</c>.</summary>
    public const string PodmanSocket = "/run/podman/podman.sock";

    // Podman filters by its own word for the end, died, and then tells it by Docker's, die.
    private static readonly string[] Events = ["start", "die", "died", "pause", "unpause"];

    private const int InspectedAtOnce = 8;

    private readonly DockerClient _client;
    private readonly TimeProvider _time;

    /// <param name="kind">What to call it: docker, podman.</param>
    /// <param name="socket">Path of its socket.</param>
    /// <param name="processes">Where its processes are seen.</param>
    /// <param name="time">The clock; the engine's is compared with it.</param>
    public DockerEngine(string kind, string socket, ProcessTable? processes = null, TimeProvider? time = null)
        : base(processes ?? new ProcessTable())
    {
        Name = $"{kind} at {socket}";
        _client = new DockerClient(Name, socket);
        _time = time ?? TimeProvider.System;
    }

    public override string Name { get; }

    public override async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellation)
    {
        var filter = Filter(new() { ["status"] = ["running", "paused"] });
        var summaries = await _client.GetAsync($"containers/json?filters={filter}", DockerJson.Default.ListContainerSummary, cancellation).ConfigureAwait(false);
        var found = new Instance?[summaries.Count];
        await Parallel.ForAsync(
            0,
            summaries.Count,
            new ParallelOptions { MaxDegreeOfParallelism = InspectedAtOnce, CancellationToken = cancellation },
            async (i, token) => found[i] = await InspectAsync(summaries[i].Id, token).ConfigureAwait(false)).ConfigureAwait(false);
        return [.. found.OfType<Instance>()];
    }

    public override async Task<Instance?> FindAsync(string idOrName, CancellationToken cancellation)
    {
        // What can be no name could be an address of something else.
        if (idOrName.Length == 0 || !char.IsAsciiLetterOrDigit(idOrName[0]) || !idOrName.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.' or '-'))
            return null;
        var found = await InspectAsync(idOrName, cancellation).ConfigureAwait(false);
        // The engine also answers to the beginning of an id.
        return found is not null && (found.Name == idOrName || found.Id == idOrName) ? found : null;
    }

    public override IAsyncEnumerable<EngineEvent> WatchAsync(CancellationToken cancellation) => Reconnection.Follow(ConnectAsync, _time, cancellation);

    public override async Task<ExecResult> ExecAsync(Instance instance, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var created = await _client.PostAsync(
            $"containers/{Escape(instance.Id)}/exec",
            new ExecCreation(AttachStdout: true, AttachStderr: true, command),
            DockerJson.Default.ExecCreation,
            DockerJson.Default.ExecCreated,
            cancellation).ConfigureAwait(false);
        var exec = $"exec/{Escape(created.Id)}";
        var (output, error) = await _client.PostAsync(
            $"{exec}/start",
            new ExecStart(Detach: false, Tty: false),
            DockerJson.Default.ExecStart,
            stream => OutputDemultiplexer.ReadAsync(stream, cancellation),
            cancellation).ConfigureAwait(false);
        while (true)
        {
            // The streams end with the command, the engine's own account of it a moment later.
            var state = await _client.GetAsync($"{exec}/json", DockerJson.Default.ExecState, cancellation).ConfigureAwait(false);
            if (!state.Running)
                return new ExecResult(state.ExitCode ?? 0, output, error);
            await Task.Delay(TimeSpan.FromMilliseconds(10), _time, cancellation).ConfigureAwait(false);
        }
    }

    public override ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The kind of a line of <c>GET /events</c>, of whatever version; null for one that does not matter.</summary>
    internal static (EngineEventKind Kind, string Id)? Read(ReadOnlySpan<byte> line)
    {
        var message = JsonSerializer.Deserialize(line, DockerJson.Default.ContainerEvent);
        EngineEventKind? kind = (message?.Action ?? message?.Status) switch
        {
            "start" => EngineEventKind.Started,
            "die" or "died" => EngineEventKind.Died,
            "pause" => EngineEventKind.Paused,
            "unpause" => EngineEventKind.Unpaused,
            _ => null,
        };
        return kind is { } known && (message?.Actor?.Id ?? message?.Id) is { Length: > 0 } id ? (known, id) : null;
    }

    private async IAsyncEnumerable<EngineEvent> ConnectAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        // Docker begins its answer before it listens; what happens in between it remembers, and tells because of "since".
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var since = string.Create(CultureInfo.InvariantCulture, $"{now / 1000}.{now % 1000:000}000000");
        var filter = Filter(new() { ["type"] = ["container"], ["event"] = Events });
        using var response = await _client.StreamAsync($"events?since={since}&filters={filter}", cancellation).ConfigureAwait(false);
        yield return new EngineEvent { Kind = EngineEventKind.Resynchronise };
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        while (await ReadLineAsync(lines, cancellation).ConfigureAwait(false) is { } line)
        {
            if (Understood(line) is not { } read)
                continue;
            if (read.Kind != EngineEventKind.Started)
                yield return new EngineEvent { Kind = read.Kind, Id = read.Id };
            else if (await InspectAsync(read.Id, cancellation).ConfigureAwait(false) is { } instance)
                yield return new EngineEvent { Kind = read.Kind, Id = read.Id, Instance = instance };
        }
    }

    private (EngineEventKind Kind, string Id)? Understood(string line)
    {
        try
        {
            return Read(System.Text.Encoding.UTF8.GetBytes(line));
        }
        catch (JsonException failure)
        {
            throw new EngineException(Name, $"an event that cannot be understood, \"{line}\": {failure.Message}", failure);
        }
    }

    private async Task<string?> ReadLineAsync(StreamReader lines, CancellationToken cancellation)
    {
        try
        {
            return await lines.ReadLineAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException)
        {
            throw new EngineException(Name, $"the stream of events broke: {failure.Message}", failure);
        }
    }

    /// <summary>A container as it is now; null when it does not run, or is no more.</summary>
    private async Task<Instance?> InspectAsync(string id, CancellationToken cancellation)
    {
        ContainerDetails details;
        try
        {
            details = await _client.GetAsync($"containers/{Escape(id)}/json", DockerJson.Default.ContainerDetails, cancellation).ConfigureAwait(false);
        }
        catch (EngineException missing) when (missing.IsNotFound)
        {
            return null;
        }

        if (details.State.Pid <= 0 || Processes.StartTime(details.State.Pid) is not { } started)
            return null;
        return new Instance
        {
            Id = details.Id,
            Name = details.Name.TrimStart('/'),
            Pid = details.State.Pid,
            StartTime = started,
            NamespacePath = Processes.NamespaceOf(details.State.Pid),
            Labels = details.Config.Labels ?? [],
            IsPaused = details.State.Paused,
        };
    }

    private static string Filter(Dictionary<string, string[]> filter) => Escape(JsonSerializer.Serialize(filter, DockerJson.Default.DictionaryStringStringArray));

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
