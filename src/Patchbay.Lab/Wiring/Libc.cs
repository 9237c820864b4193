using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Lab.Wiring;

/// <summary>The system calls of this folder, named and typed as in section 2 of the manual.</summary>
internal static unsafe partial class Libc
{
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;
    private const int EINTR = 4;
    private const int AT_FDCWD = -100;
    private const uint STATX_INO = 0x100;
    private const short POLLIN = 1;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int pidfd_open(int pid, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int pidfd_send_signal(SafeFileHandle pidfd, int signal, nint info, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* statx);

    /// <summary>The inode of what a path leads to; null when nothing is there.</summary>
    internal static ulong? InodeOf(string path)
    {
        var buffer = stackalloc byte[256]; // struct statx: stx_ino at 32
        return statx(AT_FDCWD, path, 0, STATX_INO, buffer) == 0 ? *(ulong*)(buffer + 32) : null;
    }

    /// <summary>Waits until a descriptor can be read, which that of a process can when it has ended.</summary>
    internal static bool WaitForInput(SafeFileHandle handle, TimeSpan limit)
    {
        var deadline = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (true)
        {
            var each = new PollFd { Fd = (int)handle.DangerousGetHandle(), Events = POLLIN };
            var ready = poll(&each, 1, (int)Math.Max(0, deadline - Environment.TickCount64));
            if (ready >= 0 || Marshal.GetLastPInvokeError() != EINTR)
                return ready > 0;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Returned;
    }
}
