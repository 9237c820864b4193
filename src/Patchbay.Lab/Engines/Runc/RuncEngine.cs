using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Patchbay.Lab.Engines.Runc;

/// <summary>runc with nothing above it: its containers are in a directory, and hooks in their bundles tell of them, before their processes start.</summary>
/// <remarks>runc has no daemon that could tell when a process ends: <see cref="EngineEventKind.Died"/> comes with <c>runc delete</c> (poststop).</remarks>
internal sealed class RuncEngine : Engine
{
    /// <summary>Where root's runc remembers containers, unless told by <c>--root</c>.</summary>
    public const string DefaultRoot = "/run/runc";

    private readonly string _root;
    private readonly string _socket;
    private readonly TimeProvider _time;

    /// <param name="socket">Where hooks connect, <see cref="OciHook"/>.</param>
    /// <param name="root">runc's <c>--root</c>.</param>
    /// <param name="processes">Where its processes are seen.</param>
    /// <param name="time">Paces the attempts to listen where another lab does.</param>
    public RuncEngine(string socket, string root = DefaultRoot, ProcessTable? processes = null, TimeProvider? time = null)
        : base(processes ?? new ProcessTable())
    {
        Name = $"runc in {root}";
        (_root, _socket, _time) = (root, socket, time ?? TimeProvider.System);
    }

    public override string Name { get; }

    public override async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellation)
    {
        var found = new List<Instance>();
        if (!Directory.Exists(_root))
            return found; // no container yet
        foreach (var directory in Directory.EnumerateDirectories(_root).Order(StringComparer.Ordinal))
        {
            if (await ReadAsync(Path.Combine(directory, "state.json"), cancellation).ConfigureAwait(false) is { } instance)
                found.Add(instance);
        }

        return found;
    }

    public override async Task<Instance?> FindAsync(string idOrName, CancellationToken cancellation) =>
        (await ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(instance => instance.Id == idOrName);

    public override IAsyncEnumerable<EngineEvent> WatchAsync(CancellationToken cancellation) => Reconnection.Follow(ListenAsync, _time, cancellation);

    public override async Task<ExecResult> ExecAsync(Instance instance, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("runc", ["--root", _root, "exec", instance.Id, .. command]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new EngineException(Name, $"cannot run runc: {failure.Message}", failure);
        }

        using (process)
            return await ExecResult.OfAsync(process, cancellation).ConfigureAwait(false);
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async IAsyncEnumerable<EngineEvent> ListenAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        using var listener = new HookListener(Name, _socket);
        yield return new EngineEvent { Kind = EngineEventKind.Resynchronise };
        await foreach (var call in listener.CallsAsync(cancellation).ConfigureAwait(false))
        {
            var state = call.State;
            if (state.Status == "stopped")
                yield return new EngineEvent { Kind = EngineEventKind.Died, Id = state.Id, Release = call.ReleaseAsync };
            else if (Processes.StartTime(state.Pid) is { } started)
                yield return new EngineEvent { Kind = EngineEventKind.Started, Id = state.Id, Instance = Instance(state.Id, state.Pid, started, state.Annotations ?? []), Release = call.ReleaseAsync };
            else
                await call.ReleaseAsync($"there is no process {state.Pid}").ConfigureAwait(false);
        }
    }

    /// <summary>A container by what runc remembers of it; null when its process has ended.</summary>
    private async Task<Instance?> ReadAsync(string file, CancellationToken cancellation)
    {
        RuncState? state;
        try
        {
            state = JsonSerializer.Deserialize(await File.ReadAllBytesAsync(file, cancellation).ConfigureAwait(false), RuncJson.Default.RuncState);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null; // one that is being made, or deleted
        }
        catch (JsonException damage)
        {
            throw new EngineException(Name, $"\"{file}\" cannot be understood: {damage.Message}", damage);
        }

        if (state is null || state.StartTime == 0 || Processes.StartTime(state.Pid) != state.StartTime)
            return null;
        var labels = new Dictionary<string, string>();
        foreach (var label in state.Config?.Labels ?? [])
        {
            var (key, value) = label.Split('=', 2) is [var left, var right] ? (left, right) : (label, "");
            labels[key] = value;
        }

        return Instance(state.Id, state.Pid, state.StartTime, labels);
    }

    private Instance Instance(string id, int pid, ulong started, Dictionary<string, string> labels) =>
        new() { Id = id, Name = id, Pid = pid, StartTime = started, NamespacePath = Processes.NamespaceOf(pid), Labels = labels };
}
