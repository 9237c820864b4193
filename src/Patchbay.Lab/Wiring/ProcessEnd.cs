using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Lab.Wiring;

/// <summary>Ends processes for good: asks, waits, and forces those that do not listen. By descriptor, so that no number that was given out again is hit.</summary>
internal static class ProcessEnd
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public static void Of(IReadOnlyList<int> pids)
    {
        var handles = new List<SafeFileHandle>();
        foreach (var pid in pids)
        {
            var fd = Libc.pidfd_open(pid, 0);
            if (fd >= 0)
                handles.Add(new SafeFileHandle(fd, ownsHandle: true));
        }

        foreach (var handle in handles)
            _ = Libc.pidfd_send_signal(handle, Libc.SIGTERM, 0, 0);
        var started = Stopwatch.GetTimestamp();
        foreach (var handle in handles)
        {
            using (handle)
            {
                if (Libc.WaitForInput(handle, Patience - Stopwatch.GetElapsedTime(started)))
                    continue;
                _ = Libc.pidfd_send_signal(handle, Libc.SIGKILL, 0, 0);
                Libc.WaitForInput(handle, TimeSpan.FromSeconds(5));
            }
        }
    }
}
