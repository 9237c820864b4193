namespace Patchbay.Lab.Engines;

/// <summary>What runs the containers that a lab links: Docker, Podman, containerd, runc, or nothing but named namespaces.</summary>
/// <remarks>
/// The order that misses nothing: begin <see cref="WatchAsync"/>, and at each <see cref="EngineEventKind.Resynchronise"/>, the first of which comes as
/// soon as the engine listens, compare <see cref="ListAsync"/> with what is known. An instance may then be told twice; its <see cref="Instance.Key"/> says so.
/// </remarks>
internal abstract class Engine(ProcessTable processes) : IAsyncDisposable
{
    /// <summary>Where the engine's processes are seen.</summary>
    protected ProcessTable Processes { get; } = processes;

    /// <summary>What it is and where, for messages: <c>docker at /run/docker.sock</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Instances whose process runs, is paused, or is about to run; one that ends meanwhile is left out.</summary>
    /// <exception cref="EngineException">The engine does not answer, or not as it should.</exception>
    public abstract Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellation);

    /// <summary>One instance by its id or its name; null when none of that name runs.</summary>
    /// <exception cref="EngineException">The engine does not answer, or not as it should.</exception>
    public abstract Task<Instance?> FindAsync(string idOrName, CancellationToken cancellation);

    /// <summary>What happens to instances, until cancelled: an engine that goes away is waited for, and told as <see cref="EngineEventKind.Lost"/>.</summary>
    public abstract IAsyncEnumerable<EngineEvent> WatchAsync(CancellationToken cancellation);

    /// <summary>Whether this very run of the container goes on. An event that says "died" of one for which this holds is of an earlier run.</summary>
    public virtual bool IsRunning(Instance instance) => Processes.StartTime(instance.Pid) == instance.StartTime;

    /// <summary>Runs a command inside an instance, as the engine's own <c>exec</c> does, to its end.</summary>
    /// <param name="instance">Where.</param>
    /// <param name="command">The program and its arguments; no shell is in between.</param>
    /// <param name="cancellation">Ends the waiting; engines have no way to end the command.</param>
    /// <exception cref="EngineException">The engine cannot run it.</exception>
    public abstract Task<ExecResult> ExecAsync(Instance instance, IReadOnlyList<string> command, CancellationToken cancellation);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
