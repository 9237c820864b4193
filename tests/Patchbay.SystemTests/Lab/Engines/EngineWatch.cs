using System.Threading.Channels;
using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>Listens to an engine for a test, which takes the events one by one.</summary>
internal sealed class EngineWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Channel<EngineEvent> _events = Channel.CreateUnbounded<EngineEvent>();
    private readonly Task _listening;

    public EngineWatch(Engine engine) => _listening = Task.Run(async () =>
    {
        try
        {
            await foreach (EngineEvent each in engine.WatchAsync(_end.Token))
                await _events.Writer.WriteAsync(each);
            _events.Writer.Complete();
        }
        catch (Exception failure)
        {
            _events.Writer.Complete(failure is OperationCanceledException ? null : failure);
        }
    });

    /// <summary>The next event of a kind; those before it are passed over.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="id">Whose; null for anybody's.</param>
    public async Task<EngineEvent> NextAsync(EngineEventKind kind, string? id = null)
    {
        var passed = new List<string>();
        using var limit = new CancellationTokenSource(Command.DefaultLimit);
        try
        {
            while (true)
            {
                EngineEvent next = await _events.Reader.ReadAsync(limit.Token);
                if (next.Kind == kind && (id is null || next.Id == id))
                    return next;
                passed.Add($"{next.Kind} {next.Id} {next.Reason}");
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"no {kind} of {id ?? "any"}, but: {string.Join("; ", passed)}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _listening;
        _end.Dispose();
    }
}
