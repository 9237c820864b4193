using System.Runtime.ExceptionServices;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>Work on packet filters that goes on while the caller does something else.</summary>
/// <remarks>Programs are waited for by threads of their own, which stay in the namespace of the thread that began.</remarks>
internal sealed class PendingWork : IDisposable
{
    private readonly List<(Thread Thread, ExceptionDispatchInfo?[] Failure)> _parts = [];
    private readonly Action<Exception>? _instead;
    private readonly List<IDisposable> _closing = [];
    private Exception? _failure;
    private bool _completed;

    /// <param name="instead">What to do when a part failed; null to report it.</param>
    internal PendingWork(Action<Exception>? instead = null) => _instead = instead;

    /// <summary>Does something at once; a failure is reported by <see cref="Complete"/>.</summary>
    internal void Do(Action part)
    {
        try
        {
            part();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            Add(failure);
        }
    }

    /// <summary>Takes over a socket and closes it last: after rules were deleted, closing waits until the kernel has freed them.</summary>
    internal T CloseLast<T>(T socket)
        where T : IDisposable
    {
        _closing.Add(socket);
        return socket;
    }

    /// <summary>Does something on a thread of its own.</summary>
    internal void Start(Action part)
    {
        var failure = new ExceptionDispatchInfo?[1];
        var thread = new Thread(
            () =>
            {
                try
                {
                    part();
                }
                catch (Exception error)
                {
                    failure[0] = ExceptionDispatchInfo.Capture(error);
                }
            },
            maxStackSize: 256 * 1024);
        thread.Start();
        _parts.Add((thread, failure));
    }

    /// <summary>Waits for all parts.</summary>
    /// <exception cref="Exception">What failed; all of it together when it was several parts.</exception>
    public void Complete()
    {
        Wait();
        if (_failure is not { } failure || _completed)
            return;
        _completed = true;
        if (_instead is null)
            throw failure;
        _instead(failure);
    }

    /// <summary>Waits for what is still at work, so that nothing goes on behind the caller's back.</summary>
    public void Dispose()
    {
        Wait();
        foreach (var socket in _closing)
            socket.Dispose();
    }

    private void Wait()
    {
        foreach (var (thread, failure) in _parts)
        {
            thread.Join();
            if (failure[0] is { } error)
                Add(error.SourceException);
        }

        _parts.Clear();
    }

    private void Add(Exception failure) => _failure = _failure is null ? failure : new AggregateException($"{_failure.Message}; {failure.Message}", _failure, failure);
}
