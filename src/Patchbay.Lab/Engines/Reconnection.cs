using System.Runtime.CompilerServices;

namespace Patchbay.Lab.Engines;

/// <summary>Keeps listening to an engine that may go away and return.</summary>
internal static class Reconnection
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(2);

    /// <summary>Connects again and again; of each outage one <see cref="EngineEventKind.Lost"/> is told.</summary>
    /// <param name="connect">Events of one connection; begins with <see cref="EngineEventKind.Resynchronise"/> and ends, or throws <see cref="EngineException"/>, with it.</param>
    /// <param name="time">Paces the attempts.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async IAsyncEnumerable<EngineEvent> Follow(
        Func<CancellationToken, IAsyncEnumerable<EngineEvent>> connect, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var pause = First;
        var lost = false;
        while (!cancellation.IsCancellationRequested)
        {
            var reason = "the stream of events ended";
            await using (var events = connect(cancellation).GetAsyncEnumerator(cancellation))
            {
                while (true)
                {
                    try
                    {
                        if (!await events.MoveNextAsync().ConfigureAwait(false))
                            break;
                    }
                    catch (EngineException failure)
                    {
                        reason = failure.Message;
                        break;
                    }

                    (lost, pause) = (false, First);
                    yield return events.Current;
                }
            }

            if (cancellation.IsCancellationRequested)
                yield break;
            if (!lost)
            {
                lost = true;
                yield return new EngineEvent { Kind = EngineEventKind.Lost, Reason = reason };
            }

            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
            pause = pause + pause < Most ? pause + pause : Most;
        }
    }
}
