using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Lab.Wiring;

/// <summary>Ends processes for good: asks, waits, and forces those that do not listen. By descriptor, so that no number that was given out again is hit.</summary>
internal static class ProcessEnd
{
    /// <param name="pids">The processes.</param>
    /// <param name="patience">How long they have before they are forced; a second unless told.</param>
    /// <param name="force">Not asked at all: they are not to tidy up.</param>
    public static void Of(IReadOnlyList<int> pids, TimeSpan? patience = null, bool force = false)
    {
        var handles = new List<SafeFileHandle>();
        foreach (var pid in pids)
        {
            var fd = Libc.pidfd_open(pid, 0);
            if (fd >= 0)
                handles.Add(new SafeFileHandle(fd, ownsHandle: true));
        }

        foreach (var handle in handles)
            _ = Libc.pidfd_send_signal(handle, force ? Libc.SIGKILL : Libc.SIGTERM, 0, 0);
        var started = Stopwatch.GetTimestamp();
        foreach (var handle in handles)
        {
            using (handle)
            {
                if (Libc.WaitForInput(handle, (patience ?? TimeSpan.FromSeconds(1)) - Stopwatch.GetElapsedTime(started)))
                    continue;
                _ = Libc.pidfd_send_signal(handle, Libc.SIGKILL, 0, 0);
                Libc.WaitForInput(handle, TimeSpan.FromSeconds(5));
            }
        }
    }
}
