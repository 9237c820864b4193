using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>A netlink socket of the kernel, netlink(7). It stays in the namespace in which it was opened.</summary>
internal sealed unsafe class KernelChannel : NetlinkChannel
{
    // include/uapi/linux/netlink.h
    private const int NETLINK_ADD_MEMBERSHIP = 1;
    private const int NETLINK_CAP_ACK = 10;
    private const int NETLINK_EXT_ACK = 11;
    private const int NETLINK_GET_STRICT_CHK = 12;

    // Errors and answers of one batch wait here until it was carried out whole; what does not fit is lost (ENOBUFS). Each takes about
    // 1 KiB of the kernel's book-keeping, so the usual 208 KiB end at some 200 requests. Memory is taken only when used.
    private const int ReceiveBufferLength = 8 << 20;

    private readonly SafeFileHandle _socket;
    private int _sendBufferLength;

    private KernelChannel(SafeFileHandle socket, uint portId)
    {
        _socket = socket;
        PortId = portId;
    }

    internal override uint PortId { get; }

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="NetlinkException">The kernel lacks the protocol, or there are no descriptors left.</exception>
    internal static KernelChannel Open(NetlinkFamily family)
    {
        var fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, (int)family);
        if (fd < 0)
            throw Failed($"open netlink socket ({family})");
        var socket = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            var address = new Libc.SockAddrNetlink { Family = Libc.AF_NETLINK };
            if (Libc.bind(socket, &address, (uint)sizeof(Libc.SockAddrNetlink)) < 0)
                throw Failed($"bind netlink socket ({family})");
            var length = (uint)sizeof(Libc.SockAddrNetlink);
            if (Libc.getsockname(socket, &address, &length) < 0)
                throw Failed($"ask netlink socket for its port ({family})");

            // Texts in errors, and errors that do not carry the whole request back; kernels before 4.12 know neither and need neither.
            Option(socket, NETLINK_EXT_ACK, 1);
            Option(socket, NETLINK_CAP_ACK, 1);
            // Beyond net.core.rmem_max where CAP_NET_ADMIN allows it.
            if (!Option(socket, Libc.SO_RCVBUFFORCE, ReceiveBufferLength, Libc.SOL_SOCKET))
                Option(socket, Libc.SO_RCVBUF, ReceiveBufferLength, Libc.SOL_SOCKET);
            if (family == NetlinkFamily.Route)
                Option(socket, NETLINK_GET_STRICT_CHK, 1); // dumps are filtered by the kernel (4.20)
            return new KernelChannel(socket, address.PortId);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Subscribes to a group of notifications (RTNLGRP_*).</summary>
    internal void Join(uint group)
    {
        if (!Option(_socket, NETLINK_ADD_MEMBERSHIP, (int)group))
            throw Failed($"subscribe to netlink group {group}");
    }

    internal override void Send(ReadOnlySpan<byte> datagram)
    {
        fixed (byte* bytes = datagram)
        {
            nint sent;
            do
                sent = Libc.send(_socket, bytes, (nuint)datagram.Length, 0);
            while (sent < 0 && (Libc.LastError == Errno.Interrupted || (Libc.LastError == Errno.MessageTooLong && MakeRoomFor(datagram.Length))));
            if (sent < 0)
                throw Failed($"send {datagram.Length} bytes to the kernel");
        }
    }

    internal override int Receive(Span<byte> buffer, int timeoutMilliseconds = -1)
    {
        var deadline = Environment.TickCount64 + timeoutMilliseconds;
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                if (timeoutMilliseconds >= 0 && !Poll(deadline))
                    return 0;
                var from = default(Libc.SockAddrNetlink);
                var fromLength = (uint)sizeof(Libc.SockAddrNetlink);
                var received = Libc.recvfrom(_socket, bytes, (nuint)buffer.Length, Libc.MSG_TRUNC, &from, &fromLength);
                if (received < 0 && Libc.LastError == Errno.Interrupted)
                    continue;
                if (received < 0)
                    throw Failed("receive from the kernel");
                if (from.PortId != 0)
                    continue; // another process talks to us, not the kernel
                if (received > buffer.Length)
                    throw new NetlinkException("receive from the kernel", $"a datagram of {received} bytes does not fit into {buffer.Length}");
                return (int)received;
            }
        }
    }

    public override void Dispose() => _socket.Dispose();

    internal override void DisposeInBackground() => BackgroundClose.Close(_socket);

    private bool Poll(long deadline)
    {
        var held = false;
        _socket.DangerousAddRef(ref held);
        try
        {
            while (true)
            {
                var poll = new Libc.PollFd { Fd = (int)_socket.DangerousGetHandle(), Events = Libc.POLLIN };
                var ready = Libc.poll(&poll, 1, (int)Math.Max(0, deadline - Environment.TickCount64));
                if (ready >= 0)
                    return ready > 0;
                if (Libc.LastError != Errno.Interrupted)
                    throw Failed("wait for the kernel");
            }
        }
        finally
        {
            _socket.DangerousRelease();
        }
    }

    // The kernel takes a datagram only whole and only below the size of the send buffer (net/netlink/af_netlink.c, netlink_sendmsg).
    // SO_SNDBUFFORCE goes beyond net.core.wmem_max but needs CAP_NET_ADMIN in the first user namespace.
    private bool MakeRoomFor(int length) => _sendBufferLength < length
        && (Option(_socket, Libc.SO_SNDBUFFORCE, _sendBufferLength = length, Libc.SOL_SOCKET) || Option(_socket, Libc.SO_SNDBUF, length, Libc.SOL_SOCKET));

    private static bool Option(SafeFileHandle socket, int name, int value, int level = Libc.SOL_NETLINK) =>
        Libc.setsockopt(socket, level, name, &value, sizeof(int)) == 0;

    private static NetlinkException Failed(string operation) => new(operation, Libc.LastError);
}
