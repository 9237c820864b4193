using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Interop;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>When waiting must end: at a time, on a cancellation, or never.</summary>
internal sealed unsafe class Deadline : IDisposable
{
    private readonly long _end;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenRegistration _registration;
    private readonly SafeFileHandle? _event;

    internal Deadline(TimeSpan? limit, CancellationToken cancellation)
    {
        _end = limit is { } span ? Environment.TickCount64 + (long)Math.Ceiling(span.TotalMilliseconds) : long.MaxValue;
        _cancellation = cancellation;
        if (!cancellation.CanBeCanceled)
            return;

        // poll(2) waits for files only, so the cancellation becomes one.
        _event = Libc.eventfd(0, Libc.O_CLOEXEC);
        if (_event.IsInvalid)
            throw new CniException(CniError.IoFailure, $"cannot create an event: {Marshal.GetLastPInvokeErrorMessage()}");
        _registration = cancellation.Register(static state => Signal((SafeFileHandle)state!), _event);
    }

    /// <summary>False when waiting may go on for ever.</summary>
    internal bool CanEnd => _end != long.MaxValue || _event is not null;

    /// <summary>What wakes <see cref="Poll"/> on a cancellation; an entry that poll(2) skips when there is none.</summary>
    internal Libc.PollFd Waker => new() { Fd = _event is null ? -1 : (int)_event.DangerousGetHandle(), Events = Libc.POLLIN };

    /// <summary>Waits until one of the files is ready; none of them is marked so when a signal came first.</summary>
    /// <param name="fds">The files, <see cref="Waker"/> among them.</param>
    internal void Poll(Span<Libc.PollFd> fds)
    {
        int left = Check();
        int ready;
        fixed (Libc.PollFd* start = fds)
            ready = Libc.poll(start, (nuint)fds.Length, left);
        if (ready >= 0)
            return;
        if (Marshal.GetLastPInvokeError() != Libc.EINTR)
            throw new CniException(CniError.IoFailure, $"cannot wait for a program: {Marshal.GetLastPInvokeErrorMessage()}");
        foreach (ref Libc.PollFd fd in fds)
            fd.Returned = 0;
    }

    /// <summary>Sleeps, less long when the end comes first.</summary>
    /// <param name="milliseconds">How long.</param>
    internal void Sleep(int milliseconds)
    {
        int left = Check();
        Libc.PollFd waker = Waker;
        _ = Libc.poll(&waker, 1, left < 0 ? milliseconds : Math.Min(left, milliseconds));
        Check();
    }

    /// <summary>Is there time left?</summary>
    /// <returns>Milliseconds; -1 for ever.</returns>
    /// <exception cref="TimeoutException">No.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal int Check()
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_end == long.MaxValue)
            return -1;
        long left = _end - Environment.TickCount64;
        return left > 0 ? (int)Math.Min(left, int.MaxValue) : throw new TimeoutException();
    }

    public void Dispose()
    {
        _registration.Dispose(); // waits for a callback that is running
        _event?.Dispose();
    }

    private static void Signal(SafeFileHandle to)
    {
        ulong one = 1;
        _ = Libc.write(to, (byte*)&one, sizeof(ulong));
    }
}
