using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>The system calls of a client of a UNIX-domain socket, named and typed as in section 2 of the manual.</summary>
internal static unsafe partial class Libc
{
    internal const int AF_UNIX = 1;
    internal const int SOCK_STREAM = 1;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOCK_NONBLOCK = 0x800;
    internal const int MSG_NOSIGNAL = 0x4000;
    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;
    internal const int ENOENT = 2, EINTR = 4, EAGAIN = 11, ECONNREFUSED = 111;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Returned;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int connect(SafeFileHandle socket, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint send(SafeFileHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recv(SafeFileHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int poll(PollFd* fds, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc")]
    internal static partial uint geteuid();
}
