using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Libc = Patchbay.Plugins.Ipam.Dhcp.Libc;

namespace Patchbay.Plugins.Sockets;

/// <summary>A stream to a server, over TCP or a UNIX-domain socket. Everything that is done with it waits until one deadline, then throws <see cref="TimeoutException"/>.</summary>
internal sealed unsafe class StreamConnection : IDisposable
{
    private const int EINPROGRESS = 115;
    private const int SO_ERROR = 4;

    private readonly SafeFileHandle _socket;
    private readonly long _deadline;

    private StreamConnection(SafeFileHandle socket, long deadline) => (_socket, _deadline) = (socket, deadline);

    /// <summary>Connects.</summary>
    /// <param name="family">AF_UNIX, AF_INET or AF_INET6.</param>
    /// <param name="address">struct sockaddr_un, sockaddr_in or sockaddr_in6.</param>
    /// <param name="deadline">In milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <param name="error">Why there is no connection.</param>
    /// <returns>The connection; null when nobody listens there.</returns>
    internal static StreamConnection? Connect(int family, byte[] address, long deadline, out int error)
    {
        var connection = new StreamConnection(Libc.Socket(family, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK, 0, "open a socket"), deadline);
        try
        {
            error = connection.Begin(address);
            if (error == EINPROGRESS)
                error = connection.Finish();
        }
        catch (TimeoutException)
        {
            connection.Dispose();
            throw;
        }

        if (error == 0)
            return connection;
        connection.Dispose();
        return error is Libc.EAGAIN ? throw new TimeoutException() : null; // unix(7): its queue of connections is full
    }

    /// <summary>Sends all of it; less when the server has hung up, which it may have said why.</summary>
    internal void Send(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            Wait(Libc.POLLOUT);
            nint count;
            fixed (byte* first = data)
                count = Libc.send(_socket, first, (nuint)data.Length, Libc.MSG_NOSIGNAL);
            if (count < 0 && Libc.LastError is Libc.EINTR or Libc.EAGAIN)
                continue;
            if (count < 0)
                return;
            data = data[(int)count..];
        }
    }

    /// <summary>Receives what there is.</summary>
    /// <returns>Bytes; 0 at the end of the stream, which an error is too.</returns>
    internal int Receive(Span<byte> room)
    {
        while (true)
        {
            Wait(Libc.POLLIN);
            nint count;
            fixed (byte* at = room)
                count = Libc.recv(_socket, at, (nuint)room.Length, 0);
            if (count < 0 && Libc.LastError is Libc.EINTR or Libc.EAGAIN)
                continue;
            return (int)Math.Max(count, 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private int Begin(byte[] address)
    {
        fixed (byte* bytes = address)
            return Libc.connect(_socket, bytes, (uint)address.Length) == 0 ? 0 : Libc.LastError;
    }

    private int Finish()
    {
        Wait(Libc.POLLOUT);
        int result = 0;
        uint length = sizeof(int);
        _ = Libc.getsockopt(_socket, Libc.SOL_SOCKET, SO_ERROR, &result, &length);
        return result;
    }

    private void Wait(short events)
    {
        if (!Libc.Wait(_socket, events, (int)Math.Clamp(_deadline - Environment.TickCount64, 0, int.MaxValue)))
            throw new TimeoutException();
    }
}
