using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>Closes sockets whose closing makes the kernel wait (of nf_tables after deletions, of packet(7) always: a grace period of RCU, some 10 ms) without waiting too.</summary>
/// <remarks>
/// A socket that lies in the queue of another one, which lies in its own, is closed by the kernel's collector of such rings, in a
/// thread of the kernel (net/unix/garbage.c; before Linux 6.8 the collector ran in the last who closed, who then waits after all).
/// </remarks>
public static unsafe class BackgroundClose
{
    /// <summary>Closes a socket. What was sent is on its way in any case; what has come in and was not read is lost.</summary>
    /// <param name="socket">The socket, which this process must hold alone; it is disposed of.</param>
    public static void Close(SafeFileHandle socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (!socket.IsClosed)
            LayIntoRing(socket);
        socket.Dispose();
    }

    private static void LayIntoRing(SafeFileHandle socket)
    {
        var pair = stackalloc int[2];
        if (Libc.socketpair(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0, pair) != 0)
            return;
        using var sender = new SafeFileHandle(pair[0], ownsHandle: true);
        using var ring = new SafeFileHandle(pair[1], ownsHandle: true);
        byte nothing = 0;
        var vector = new Libc.IoVector { Base = &nothing, Length = 1 };
        var descriptors = new Libc.TwoDescriptors
        {
            Length = (nuint)sizeof(Libc.TwoDescriptors),
            Level = Libc.SOL_SOCKET,
            Type = Libc.SCM_RIGHTS,
            First = (int)socket.DangerousGetHandle(),
            Second = pair[1],
        };
        var message = new Libc.MessageHeader
        {
            Vectors = &vector,
            VectorCount = 1,
            Control = &descriptors,
            ControlLength = (nuint)sizeof(Libc.TwoDescriptors),
        };
        // Where this is refused, the socket is closed as usual. It goes before the ring: the collector must be the last who holds it.
        Libc.sendmsg(sender, &message, 0);
        socket.Dispose();
    }
}
