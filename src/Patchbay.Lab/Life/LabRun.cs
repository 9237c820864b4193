using System.Threading.Channels;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;

namespace Patchbay.Lab.Life;

/// <summary>Keeps a lab as its files say, while containers come and go.</summary>
/// <remarks>One loop does all of it: an event changes what runs, and what runs is compared with what is there, as at the beginning.</remarks>
internal sealed class LabRun(LabSession session, IReadOnlyList<Engine> engines, string? project, LabStatus status, Action<string> log)
{
    private readonly ContainerSet _containers = new(session.Config, project, session.Topology.Lab);
    private readonly LabContainers _made = new(session.Config, session.Topology.Lab);
    private readonly Channel<(Engine Engine, EngineEvent Event)> _events = Channel.CreateUnbounded<(Engine, EngineEvent)>();
    private readonly HashSet<Engine> _listed = [];
    private readonly RetryPause _pause = new();
    private Task? _retry;
    private string _told = "";
    private string? _toldProblem;
    private bool _healthy;
    private bool _connected;

    // conlink's words, for which its users' scripts wait

    /// <summary>Said when all links are there.</summary>
    public const string AllConnected = "All links connected";

    private const string Healthy = "Reached healthy state";

    /// <summary>What a look and its changes came to.</summary>
    /// <param name="Nodes">The nodes that got something, whose commands are due.</param>
    /// <param name="Problem">Why it failed; null when it did not.</param>
    private sealed record Made(HashSet<string> Nodes, string? Problem);

    /// <summary>Called once, when all links are there.</summary>
    public Action? Connected { get; init; }

    /// <summary>Called once, when that has been said.</summary>
    public Action? Announced { get; init; }

    /// <summary>How many commands failed so far.</summary>
    public int FailedCommands { get; private set; }

    /// <summary>Makes the lab, and follows the engines until cancelled, or, without any, until it is made.</summary>
    /// <param name="timeout">How long containers may be waited for; null for ever.</param>
    /// <param name="cancellation">Ends it; the lab stays.</param>
    /// <exception cref="TimeoutException">A container did not come.</exception>
    public async Task RunAsync(TimeSpan? timeout, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await _made.StartAsync(engines, end.Token).ConfigureAwait(false);
        // What needs no container is made at once, and its failure is the lab's.
        var made = await FirstAsync().ConfigureAwait(false);
        if (engines.Count == 0)
        {
            end.Token.ThrowIfCancellationRequested();
            await FinishAsync(made, end.Token).ConfigureAwait(false);
            log(Healthy);
            return;
        }

        FailedCommands += await RunCommandsAsync(made, end.Token).ConfigureAwait(false);
        var watches = engines.Select(engine => WatchAsync(engine, end.Token)).ToList();
        var never = new TaskCompletionSource().Task;
        var deadline = timeout is { } limit ? Task.Delay(limit, end.Token) : never;
        Task next = never;
        try
        {
            while (true)
            {
                if (next == never || next.IsCompleted)
                    next = _events.Reader.WaitToReadAsync(end.Token).AsTask();
                var first = await Task.WhenAny(next, deadline, _retry ?? never).ConfigureAwait(false);
                end.Token.ThrowIfCancellationRequested();
                if (first == deadline)
                    throw new TimeoutException($"still waiting for {string.Join(", ", status.Reasons)} after {timeout}");
                if (first == next)
                    await HandleAsync(end.Token).ConfigureAwait(false);
                else
                    await MakeAsync([], end.Token).ConfigureAwait(false);
                if (status.Connected)
                    deadline = never;
            }
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(watches).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Takes in what is there of events, and makes it so once for all of them.</summary>
    private async Task HandleAsync(CancellationToken cancellation)
    {
        var changed = false;
        var held = new List<EngineEvent>();
        while (_events.Reader.TryRead(out var next))
        {
            var (engine, told) = next;
            switch (told.Kind)
            {
                case EngineEventKind.Resynchronise:
                    await ListAsync(engine, cancellation).ConfigureAwait(false);
                    changed = true; // the first look also tells what is waited for
                    break;
                case EngineEventKind.Started when told.Instance is { } instance:
                    changed |= _containers.Add(engine, instance);
                    break;
                case EngineEventKind.Died:
                    changed |= _containers.Remove(engine, told.Id);
                    break;
                case EngineEventKind.Lost:
                    log($"{engine.Name} cannot be reached: {told.Reason}");
                    break;
            }

            if (told.IsHeld)
                held.Add(told);
        }

        if (!changed)
        {
            foreach (var each in held)
                await each.Release!(null).ConfigureAwait(false);
            return;
        }

        await MakeAsync(held, cancellation).ConfigureAwait(false);
    }

    private async Task MakeAsync(List<EngineEvent> held, CancellationToken cancellation)
    {
        var made = Reconcile(throws: false);
        // No event need follow on what failed: somebody's interface was in the way, and is removed.
        _retry = made.Problem is null ? null : Task.Delay(_pause.Next(), cancellation);
        // A process that was held back runs now, and its commands with it.
        foreach (var each in held)
            await each.Release!(made.Problem).ConfigureAwait(false);
        if (!_healthy)
            log(Healthy);
        _healthy = true;
        await FinishAsync(made, cancellation).ConfigureAwait(false);
    }

    private async Task ListAsync(Engine engine, CancellationToken cancellation)
    {
        try
        {
            _containers.Replace(engine, await engine.ListAsync(cancellation).ConfigureAwait(false));
            _listed.Add(engine);
        }
        catch (EngineException error)
        {
            log($"{error.Message}"); // it is gone again: the watch tells, and then that it is back
        }
    }

    private async Task FinishAsync(Made made, CancellationToken cancellation)
    {
        FailedCommands += await RunCommandsAsync(made, cancellation).ConfigureAwait(false);
        var first = !status.Connected;
        status.Set(session.Topology.Missing, session.Topology.Links.Count, made.Problem);
        if (!first || !status.Connected || _connected)
            return;
        _connected = true;
        Connected?.Invoke();
        log(AllConnected);
        Announced?.Invoke();
    }

    private Task<int> RunCommandsAsync(Made made, CancellationToken cancellation) =>
        new CommandRunner(session.Topology, session.Places, _containers, log).RunAsync(made.Nodes.Contains, cancellation);

    private async Task<Made> FirstAsync()
    {
        try
        {
            return Reconcile(throws: true);
        }
        catch
        {
            await _made.UndoAsync().ConfigureAwait(false);
            throw;
        }
    }

    private Made Reconcile(bool throws)
    {
        LabPlan plan;
        try
        {
            session.SetContainers(_containers.Running);
            var keepStrays = !engines.All(_listed.Contains);
            plan = session.Plan(keepStrays);
            session.Apply(plan, keepStrays);
        }
        catch (Exception error) when (!throws && error is NetlinkException or PlanException or OvsdbException or LabFileException or FileNotFoundException or MissingFeatureException or AggregateException)
        {
            // A container that died in the middle of it is told of next, and is no failure. What is tried again and again is told once.
            if (_containers.Running.All(each => File.Exists(each.NamespacePath)) && _toldProblem != error.Message)
                log($"cannot be wired, and is tried again: {_toldProblem = error.Message}");
            Tell(session.Topology.Missing);
            return new Made([], error.Message);
        }

        _pause.Reset();
        _toldProblem = null;

        var due = plan.Structure.SelectMany(change => change switch
        {
            AddNode node => [node.Node.Name],
            AddLink { Link: var link } => link.Peer is null ? [link.End.Node] : new[] { link.End.Node, link.Peer.Node },
            _ => [],
        }).Where(node => node.Length > 0).ToHashSet(StringComparer.Ordinal);
        foreach (var node in due.Where(node => session.Topology.FindNode(node) is { Kind: NodeKind.Container }).Order(StringComparer.Ordinal))
            log($"{node}: links connected");
        Tell(session.Topology.Missing);
        return new Made(due, null);
    }

    private void Tell(IReadOnlyList<string> waiting)
    {
        var text = string.Join(", ", waiting);
        if (text == _told)
            return;
        _told = text;
        if (text.Length > 0)
            log($"still waiting for {text}");
    }

    private async Task WatchAsync(Engine engine, CancellationToken cancellation)
    {
        await foreach (var told in engine.WatchAsync(cancellation).ConfigureAwait(false))
            await _events.Writer.WriteAsync((engine, told), cancellation).ConfigureAwait(false);
    }
}
