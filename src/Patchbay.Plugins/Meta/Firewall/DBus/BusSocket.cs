using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>A stream to a UNIX-domain socket on which nothing takes longer than what is left until a deadline.</summary>
internal sealed unsafe class BusSocket : IDisposable
{
    private const int PathOffset = 2; // offsetof(struct sockaddr_un, sun_path)
    private const int AddressSize = 110;

    private readonly SafeFileHandle _socket;
    private readonly long _deadline;

    private BusSocket(SafeFileHandle socket, long deadline)
    {
        _socket = socket;
        _deadline = deadline;
    }

    /// <summary>Connects.</summary>
    /// <param name="path">The socket's path; one that begins with a zero is a name in the abstract namespace (unix(7)).</param>
    /// <param name="limit">How long all that is done with it may take.</param>
    /// <exception cref="BusException">Nobody listens there (<see cref="BusException.IsAbsent"/>), or connecting failed.</exception>
    internal static BusSocket Connect(string path, TimeSpan limit)
    {
        var deadline = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        var shown = path.Replace('\0', '@');
        Span<byte> address = stackalloc byte[AddressSize];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)Libc.AF_UNIX);
        var size = Encoding.UTF8.GetByteCount(path);
        if (size == 0 || size >= AddressSize - PathOffset)
            throw new BusException($"the address of the D-Bus socket \"{shown}\" is empty or too long");
        Encoding.UTF8.GetBytes(path, address[PathOffset..]);
        var descriptor = Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK, 0);
        if (descriptor < 0)
            throw Failure("cannot make a socket", Marshal.GetLastPInvokeError());
        var socket = new BusSocket(new SafeFileHandle(descriptor, ownsHandle: true), deadline);
        try
        {
            // A name in the abstract namespace has no terminating zero; a path may have one.
            var length = PathOffset + size + (path[0] == '\0' ? 0 : 1);
            while (true)
            {
                int result;
                fixed (byte* bytes = address)
                    result = Libc.connect(socket._socket, bytes, (uint)length);
                if (result == 0)
                    return socket;
                var error = Marshal.GetLastPInvokeError();
                if (error == Libc.EINTR)
                    continue;
                if (error != Libc.EAGAIN)
                    throw Failure($"cannot connect to the system bus at \"{shown}\"", error, error is Libc.ENOENT or Libc.ECONNREFUSED);
                // The listener's queue is full, and nothing tells when it is not: look again soon (unix(7), connect(2)).
                socket.Wait(0, maximum: 10);
            }
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal void Send(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            nint sent;
            fixed (byte* bytes = data)
                sent = Libc.send(_socket, bytes, (nuint)data.Length, Libc.MSG_NOSIGNAL);
            if (sent >= 0)
                data = data[(int)sent..];
            else
                Await(Libc.POLLOUT, "send");
        }
    }

    /// <summary>Receives what there is, at least one byte.</summary>
    internal int Receive(Span<byte> buffer)
    {
        while (true)
        {
            nint received;
            fixed (byte* bytes = buffer)
                received = Libc.recv(_socket, bytes, (nuint)buffer.Length, 0);
            if (received > 0)
                return (int)received;
            if (received == 0)
                throw new BusException("the system bus has closed the connection");
            Await(Libc.POLLIN, "receive");
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Await(short events, string what)
    {
        var error = Marshal.GetLastPInvokeError();
        if (error == Libc.EAGAIN)
            Wait(events, int.MaxValue);
        else if (error != Libc.EINTR)
            throw Failure($"cannot {what} on the system bus", error);
    }

    private void Wait(short events, int maximum)
    {
        var left = _deadline - Environment.TickCount64;
        if (left <= 0)
            throw new BusException("no answer from the system bus in time") { IsTimeout = true };
        var poll = new Libc.PollFd { Fd = (int)_socket.DangerousGetHandle(), Events = events };
        _ = Libc.poll(&poll, events == 0 ? 0u : 1u, (int)Math.Min(left, maximum));
    }

    private static BusException Failure(string what, int error, bool absent = false) =>
        new($"{what}: {Marshal.GetPInvokeErrorMessage(error)}") { IsAbsent = absent };
}
