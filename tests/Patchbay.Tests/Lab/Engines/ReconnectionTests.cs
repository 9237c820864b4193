using Patchbay.Lab.Engines;

namespace Patchbay.Tests.Lab.Engines;

/// <summary>An engine that comes and goes.</summary>
public class ReconnectionTests
{
    private static readonly EngineEvent Resynchronise = new() { Kind = EngineEventKind.Resynchronise };
    private static readonly EngineEvent Died = new() { Kind = EngineEventKind.Died, Id = "f00d" };

    [Fact]
    public async Task Each_outage_is_told_once()
    {
        var attempts = 0;
        var told = new List<string>();
        await foreach (var each in Reconnection.Follow(_ => Connect(++attempts), new Impatient(), default))
        {
            told.Add($"{each.Kind} {each.Id}{each.Reason}");
            if (told.Count == 6)
                break;
        }

        Assert.Equal(
            ["Lost engine: refused 1", "Resynchronise ", "Died f00d", "Lost the stream of events ended", "Resynchronise ", "Died f00d"],
            told);
        Assert.Equal(5, attempts); // refused, refused, connected, refused, connected
    }

    [Fact]
    public async Task Cancelled_it_ends()
    {
        using var cancellation = new CancellationTokenSource();
        var told = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Reconnection.Follow(_ => Connect(1), TimeProvider.System, cancellation.Token))
            {
                told++;
                await cancellation.CancelAsync();
            }
        });
        Assert.Equal(1, told);
    }

    private static async IAsyncEnumerable<EngineEvent> Connect(int attempt)
    {
        await Task.Yield();
        if (attempt is 1 or 2 or 4)
            throw new EngineException("engine", $"refused {attempt}");
        yield return Resynchronise;
        yield return Died;
    }

    /// <summary>A clock by which no pause takes any time.</summary>
    private sealed class Impatient : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
