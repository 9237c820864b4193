using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>The system calls of the dhcp plugin and its daemon, named and typed as in section 2 of the manual. System.Net.Sockets would be half a megabyte.</summary>
internal static unsafe partial class Libc
{
    internal const int AF_UNIX = 1, AF_INET = 2, AF_PACKET = 17;
    internal const int SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1, SO_BROADCAST = 6, SO_PEERCRED = 17, SO_BINDTODEVICE = 25, SO_ATTACH_FILTER = 26, SO_REUSEADDR = 2, SO_RCVBUF = 8;
    internal const int SOL_PACKET = 263, PACKET_AUXDATA = 8;
    internal const int MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
    internal const short POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 0x10, POLLRDHUP = 0x2000;
    internal const int EPERM = 1, ENOENT = 2, EINTR = 4, EAGAIN = 11, EACCES = 13, EMFILE = 24, ENFILE = 23, ENETDOWN = 100, ECONNREFUSED = 111;
    internal const int CLOCK_BOOTTIME = 7;
    internal const int EFD_CLOEXEC = 0x80000, EFD_NONBLOCK = 0x800;

    private const int O_DIRECTORY_X86 = 0x10000, O_DIRECTORY_ARM = 0x4000, O_CLOEXEC = 0x80000;

    /// <summary>unix(7); the path ends with a zero.</summary>
    internal struct SockAddrUnix
    {
        internal const int PathLength = 108;

        internal ushort Family;
        internal fixed byte Path[PathLength];
    }

    /// <summary>packet(7).</summary>
    internal struct SockAddrLink
    {
        internal ushort Family;
        internal ushort Protocol; // big-endian
        internal int Index;
        internal ushort HardwareType;
        internal byte PacketType;
        internal byte AddressLength;
        internal fixed byte Address[8];
    }

    /// <summary>ip(7); port and address big-endian.</summary>
    internal struct SockAddrIn
    {
        internal ushort Family;
        internal ushort Port;
        internal uint Address;
        internal ulong Zero;
    }

    internal struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Returned;
    }

    /// <summary>unix(7), SO_PEERCRED.</summary>
    internal struct Credentials
    {
        internal int ProcessId;
        internal uint UserId;
        internal uint GroupId;
    }

    /// <summary>recvmsg(2).</summary>
    internal struct MessageHeader
    {
        internal void* Name;
        internal uint NameLength;
        internal void* Vectors;
        internal nuint VectorCount;
        internal void* Control;
        internal nuint ControlLength;
        internal int Flags;
    }

    internal struct Vector
    {
        internal void* Base;
        internal nuint Length;
    }

    internal static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>The error of the last call: <c>cannot WHAT: No such file or directory</c>.</summary>
    internal static IOException Failure(string what, int? error = null) => new($"cannot {what}: {Marshal.GetPInvokeErrorMessage(error ?? LastError)}", error ?? LastError);

    internal static SafeFileHandle Socket(int family, int type, int protocol, string what)
    {
        int fd = socket(family, type | SOCK_CLOEXEC, protocol);
        return fd < 0 ? throw Failure(what) : new SafeFileHandle(fd, ownsHandle: true);
    }

    internal static int Option(SafeFileHandle socket, int level, int name, int value) => setsockopt(socket, level, name, &value, sizeof(int));

    /// <exception cref="IOException">The path is too long for an address.</exception>
    internal static SockAddrUnix UnixAddress(string path)
    {
        var address = new SockAddrUnix { Family = AF_UNIX };
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length is 0 or >= SockAddrUnix.PathLength || bytes.Contains((byte)0))
            throw new IOException($"\"{path}\" cannot be the path of a socket: it must have 1 to {SockAddrUnix.PathLength - 1} bytes");
        bytes.CopyTo(new Span<byte>(address.Path, SockAddrUnix.PathLength));
        return address;
    }

    /// <summary>poll(2), again after a signal; a negative time waits for ever.</summary>
    internal static int Poll(Span<PollFd> fds, int milliseconds)
    {
        fixed (PollFd* first = fds)
        {
            int ready;
            do
                ready = poll(first, (nuint)fds.Length, milliseconds);
            while (ready < 0 && LastError == EINTR);
            return ready;
        }
    }

    internal static bool Wait(SafeFileHandle fd, short events, int milliseconds)
    {
        bool held = false;
        fd.DangerousAddRef(ref held);
        try
        {
            PollFd one = new() { Fd = (int)fd.DangerousGetHandle(), Events = events };
            return Poll(new Span<PollFd>(ref one), milliseconds) > 0;
        }
        finally
        {
            fd.DangerousRelease();
        }
    }

    /// <summary>What was renamed in a directory stays so after a power loss. Where that is not known (some file systems) there is nothing more to do.</summary>
    internal static void SyncDirectory(string path)
    {
        int flag = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? O_DIRECTORY_ARM : O_DIRECTORY_X86;
        int fd = open(path, flag | O_CLOEXEC, 0);
        if (fd < 0)
            return;
        using var directory = new SafeFileHandle(fd, ownsHandle: true);
        _ = fsync(directory);
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int bind(SafeFileHandle fd, void* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int connect(SafeFileHandle fd, void* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int listen(SafeFileHandle fd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int accept4(SafeFileHandle fd, void* address, uint* length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setsockopt(SafeFileHandle fd, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getsockopt(SafeFileHandle fd, int level, int name, void* value, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint send(SafeFileHandle fd, void* bytes, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint sendto(SafeFileHandle fd, void* bytes, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recv(SafeFileHandle fd, void* bytes, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recvmsg(SafeFileHandle fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int eventfd(uint value, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint read(SafeFileHandle fd, void* bytes, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(SafeFileHandle fd, void* bytes, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fsync(SafeFileHandle fd);

    [LibraryImport("libc")]
    internal static partial uint umask(uint mask);

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int clock_gettime(int clock, long* time);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollFd* fds, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);
}
