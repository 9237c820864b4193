using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Patchbay.Lab.Engines.Containerd;

/// <summary>containerd on its Unix socket, one of its namespaces.</summary>
/// <remarks>A task is told when it is created: its namespaces exist, its process waits until whoever created it starts it.</remarks>
internal sealed class ContainerdEngine : Engine
{
    /// <summary>Where containerd listens.</summary>
    public const string DefaultSocket = "/run/containerd/containerd.sock";

    private const string Tasks = "containerd.services.tasks.v1.Tasks/";
    private const string Containers = "containerd.services.containers.v1.Containers/";
    private const string Events = "containerd.services.events.v1.Events/";
    private const string ProcessType = "types.containerd.io/opencontainers/runtime-spec/1/Process";

    // What clients of containerd write down as the name of a container, whose id is a number made by chance.
    private static readonly string[] NameLabels = ["nerdctl/name", "io.kubernetes.container.name"];

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly GrpcClient _grpc;
    private readonly string _space;
    private readonly TimeProvider _time;

    /// <param name="socket">Path of its socket.</param>
    /// <param name="space">The containerd namespace: <c>default</c>, <c>k8s.io</c>.</param>
    /// <param name="processes">Where its processes are seen.</param>
    /// <param name="time">Paces the attempts to connect.</param>
    public ContainerdEngine(string socket = DefaultSocket, string space = "default", ProcessTable? processes = null, TimeProvider? time = null)
        : base(processes ?? new ProcessTable())
    {
        Name = $"containerd at {socket}";
        _grpc = new GrpcClient(Name, socket, space);
        _space = space;
        _time = time ?? TimeProvider.System;
    }

    public override string Name { get; }

    public override async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellation)
    {
        var answer = await CallAsync(Tasks + "List", new ProtoWriter(), cancellation).ConfigureAwait(false);
        var found = new List<Instance>();
        foreach (var task in Understand("a list of tasks", answer, ContainerdMessages.Tasks))
        {
            if (task.HasProcess && await InstanceAsync(task, cancellation).ConfigureAwait(false) is { } instance)
                found.Add(instance);
        }

        return found;
    }

    public override async Task<Instance?> FindAsync(string idOrName, CancellationToken cancellation)
    {
        var all = await ListAsync(cancellation).ConfigureAwait(false);
        return all.FirstOrDefault(instance => instance.Id == idOrName) ?? all.FirstOrDefault(instance => instance.Name == idOrName);
    }

    public override IAsyncEnumerable<EngineEvent> WatchAsync(CancellationToken cancellation) => Reconnection.Follow(ConnectAsync, _time, cancellation);

    public override async Task<ExecResult> ExecAsync(Instance instance, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var (_, specification) = await ContainerAsync(instance.Id, cancellation).ConfigureAwait(false);
        // The shim appends to files that are there already; what it makes itself, by file://, would have both streams in one (pkg/process/io.go of containerd).
        var directory = Directory.CreateTempSubdirectory("patchbay-exec-");
        string output = Path.Combine(directory.FullName, "output"), error = Path.Combine(directory.FullName, "error");
        var exec = directory.Name;
        var process = new ProtoWriter().Text(1, instance.Id).Text(2, exec);
        try
        {
            foreach (var file in (ReadOnlySpan<string>)[output, error])
                File.Create(file).Dispose();
            var request = new ProtoWriter()
                .Text(1, instance.Id).Text(3, output).Text(4, error)
                .Message(6, ContainerdMessages.Any(ProcessType, ProcessOf(specification, command))).Text(7, exec);
            await CallAsync(Tasks + "Exec", request, cancellation).ConfigureAwait(false);
            int status;
            try
            {
                await CallAsync(Tasks + "Start", process, cancellation).ConfigureAwait(false);
                status = Understand("an exit status", await CallAsync(Tasks + "Wait", process, cancellation).ConfigureAwait(false), ContainerdMessages.ExitStatus);
            }
            catch (EngineException)
            {
                await CallAsync(Tasks + "DeleteProcess", process, CancellationToken.None).ConfigureAwait(false);
                throw;
            }

            // Waits for the last of the output, too.
            await CallAsync(Tasks + "DeleteProcess", process, cancellation).ConfigureAwait(false);
            return new ExecResult(status, await TextAsync(output, cancellation).ConfigureAwait(false), await TextAsync(error, cancellation).ConfigureAwait(false));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    public override ValueTask DisposeAsync()
    {
        _grpc.Dispose();
        return ValueTask.CompletedTask;
    }

    private async IAsyncEnumerable<EngineEvent> ConnectAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        // containerd does not say when it listens. So something is published that nobody else cares for, until it comes back.
        var mark = $"/patchbay/{Guid.NewGuid():N}";
        var subscription = new ProtoWriter().Text(1, $"namespace==\"{_space}\",topic~=\"^/tasks/\"").Text(1, $"topic==\"{mark}\"");
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var events = _grpc.StreamAsync(Events + "Subscribe", subscription, attempt.Token).GetAsyncEnumerator(attempt.Token);
        var first = events.MoveNextAsync().AsTask();
        try
        {
            do
                await CallAsync(Events + "Publish", new ProtoWriter().Text(1, mark).Message(2, ContainerdMessages.Any("google.protobuf.Empty", [])), cancellation).ConfigureAwait(false);
            while (await Task.WhenAny(first, Task.Delay(Patience, _time, cancellation)).ConfigureAwait(false) != first);
        }
        catch
        {
            // The stream cannot be left while it is being waited for.
            await attempt.CancelAsync().ConfigureAwait(false);
            await ((Task)first).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        if (!await first.ConfigureAwait(false))
            yield break;
        yield return new EngineEvent { Kind = EngineEventKind.Resynchronise };
        do
        {
            var (topic, inner) = Understand("an event", events.Current, ContainerdMessages.Envelope);
            if (await TranslateAsync(topic, inner, cancellation).ConfigureAwait(false) is { } told)
                yield return told;
        }
        while (await events.MoveNextAsync().ConfigureAwait(false));
    }

    private async Task<EngineEvent?> TranslateAsync(string topic, byte[] inner, CancellationToken cancellation)
    {
        switch (topic)
        {
            case "/tasks/create":
                var (container, pid) = Understand(topic, inner, ContainerdMessages.TaskEvent);
                var instance = await InstanceAsync(new ContainerdTask(container, pid, ContainerdTaskStatus.Created), cancellation).ConfigureAwait(false);
                return instance is null ? null : new EngineEvent { Kind = EngineEventKind.Started, Id = container, Instance = instance };
            case "/tasks/exit":
                var exit = Understand(topic, inner, ContainerdMessages.TaskExit);
                return exit.Process == exit.Container ? new EngineEvent { Kind = EngineEventKind.Died, Id = exit.Container, Pid = exit.Pid } : null;
            case "/tasks/paused":
                return new EngineEvent { Kind = EngineEventKind.Paused, Id = Understand(topic, inner, ContainerdMessages.TaskEvent).Container };
            case "/tasks/resumed":
                return new EngineEvent { Kind = EngineEventKind.Unpaused, Id = Understand(topic, inner, ContainerdMessages.TaskEvent).Container };
            default:
                return null;
        }
    }

    /// <summary>A task with what its container is called; null when either is no more.</summary>
    private async Task<Instance?> InstanceAsync(ContainerdTask task, CancellationToken cancellation)
    {
        if (Processes.StartTime(task.Pid) is not { } started)
            return null;
        Dictionary<string, string> labels;
        try
        {
            (labels, _) = await ContainerAsync(task.Container, cancellation).ConfigureAwait(false);
        }
        catch (EngineException missing) when (missing.IsNotFound)
        {
            return null;
        }

        return new Instance
        {
            Id = task.Container,
            Name = NameLabels.Select(label => labels.GetValueOrDefault(label)).FirstOrDefault(name => name is not null) ?? task.Container,
            Pid = task.Pid,
            StartTime = started,
            NamespacePath = Processes.NamespaceOf(task.Pid),
            Labels = labels,
            IsPaused = task.Status is ContainerdTaskStatus.Paused or ContainerdTaskStatus.Pausing,
        };
    }

    private async Task<(Dictionary<string, string> Labels, byte[] Specification)> ContainerAsync(string id, CancellationToken cancellation) =>
        Understand("a container", await CallAsync(Containers + "Get", new ProtoWriter().Text(1, id), cancellation).ConfigureAwait(false), ContainerdMessages.Container);

    private Task<byte[]> CallAsync(string method, ProtoWriter request, CancellationToken cancellation) => _grpc.CallAsync(method, request, cancellation);

    private delegate T Decoder<T>(ReadOnlySpan<byte> message);

    private T Understand<T>(string what, byte[] message, Decoder<T> decode)
    {
        try
        {
            return decode(message);
        }
        catch (InvalidDataException damage)
        {
            throw new EngineException(Name, $"{what} that cannot be understood: {damage.Message}", damage);
        }
    }

    /// <summary>The container's own process (user, environment, rights) with another command.</summary>
    private byte[] ProcessOf(byte[] specification, IReadOnlyList<string> command)
    {
        if (JsonNode.Parse(specification)?["process"] is not JsonObject process)
            throw new EngineException(Name, "a container whose specification has no process");
        process["args"] = new JsonArray([.. command.Select(word => JsonValue.Create(word))]);
        process["terminal"] = false;
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            process.WriteTo(writer);
        return buffer.ToArray();
    }

    private static async Task<string> TextAsync(string file, CancellationToken cancellation)
    {
        await using var stream = File.OpenRead(file);
        var kept = new byte[Math.Min(stream.Length, ExecResult.MostOutput)];
        await stream.ReadExactlyAsync(kept, cancellation).ConfigureAwait(false);
        return System.Text.Encoding.UTF8.GetString(kept);
    }
}
