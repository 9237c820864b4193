using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Libc = Patchbay.Plugins.Ipam.Dhcp.Libc;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>Asks the host's Yggdrasil node about itself over its admin socket: one connection, one question. The server has no time limit, so there is one here.</summary>
internal static unsafe class AdminClient
{
    private const int EINPROGRESS = 115;
    private const int SO_ERROR = 4;
    private const int LongestAnswer = 1 << 20;

    /// <summary>Asks the first endpoint that somebody listens at.</summary>
    /// <param name="configured">The only one to ask; null for the usual ones.</param>
    /// <param name="milliseconds">How long to wait in all.</param>
    /// <exception cref="CniException">Code 11: nobody listens, or answers in time; 999: the answer makes no sense.</exception>
    internal static NodeInfo Ask(AdminEndpoint? configured, int milliseconds)
    {
        var deadline = Environment.TickCount64 + milliseconds;
        var failures = new List<string>();
        foreach (var endpoint in configured is null ? AdminEndpoint.Defaults : [configured])
        {
            using var socket = Connect(endpoint, deadline, milliseconds, out var error);
            if (socket is null)
            {
                failures.Add($"{endpoint.Text}: {Marshal.GetPInvokeErrorMessage(error)}");
                continue;
            }

            Send(socket, endpoint, deadline, milliseconds);
            return NodeInfo.Parse(Receive(socket, endpoint, deadline, milliseconds), endpoint.Text);
        }

        throw new CniException(CniError.TryAgainLater, $"yggoverlay: no Yggdrasil node answers on this host ({string.Join("; ", failures)}): start yggdrasil{(configured is null ? ", or set \"adminSocket\" to its AdminListen" : ", or correct \"adminSocket\"")}");
    }

    private static SafeFileHandle? Connect(AdminEndpoint endpoint, long deadline, int milliseconds, out int error)
    {
        var socket = Libc.Socket(endpoint.Family, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK, 0, "open a socket");
        error = 0;
        fixed (byte* address = endpoint.Address)
        {
            if (Libc.connect(socket, address, (uint)endpoint.Address.Length) == 0)
                return socket;
        }

        error = Libc.LastError;
        if (error == EINPROGRESS)
        {
            if (!Libc.Wait(socket, Libc.POLLOUT, Left(deadline)))
                throw Silent(endpoint, milliseconds);
            int result = 0;
            uint length = sizeof(int);
            _ = Libc.getsockopt(socket, Libc.SOL_SOCKET, SO_ERROR, &result, &length);
            error = result;
        }

        if (error == 0)
            return socket;
        socket.Dispose();
        return error is Libc.EAGAIN ? throw Silent(endpoint, milliseconds) : null; // unix(7): its queue of connections is full
    }

    private static void Send(SafeFileHandle socket, AdminEndpoint endpoint, long deadline, int milliseconds)
    {
        var request = NodeInfo.Request;
        fixed (byte* first = request)
        {
            for (var done = 0; done < request.Length;)
            {
                if (!Libc.Wait(socket, Libc.POLLOUT, Left(deadline)))
                    throw Silent(endpoint, milliseconds);
                var count = Libc.send(socket, first + done, (nuint)(request.Length - done), Libc.MSG_NOSIGNAL);
                if (count < 0 && Libc.LastError is Libc.EINTR or Libc.EAGAIN)
                    continue;
                if (count < 0)
                    return; // it hung up: perhaps it said why
                done += (int)count;
            }
        }
    }

    // The answer ends where its JSON value ends, or with the stream; some generations leave the connection open for a while.
    private static ReadOnlyMemory<byte> Receive(SafeFileHandle socket, AdminEndpoint endpoint, long deadline, int milliseconds)
    {
        var answer = new ArrayBufferWriter<byte>(4096);
        while (!IsComplete(answer.WrittenSpan))
        {
            if (answer.WrittenCount > LongestAnswer)
                throw NodeInfo.Nonsense(endpoint.Text, $"its answer is longer than {LongestAnswer} bytes");
            if (!Libc.Wait(socket, Libc.POLLIN, Left(deadline)))
                throw Silent(endpoint, milliseconds);
            nint count;
            var room = answer.GetSpan(4096);
            fixed (byte* at = room)
                count = Libc.recv(socket, at, (nuint)room.Length, 0);
            if (count < 0 && Libc.LastError is Libc.EINTR or Libc.EAGAIN)
                continue;
            if (count <= 0)
            {
                return answer.WrittenCount > 0 ? answer.WrittenMemory
                    : throw new CniException(CniError.TryAgainLater, $"yggoverlay: the Yggdrasil node at {endpoint.Text} hung up without an answer: is it starting or stopping?");
            }

            answer.Advance((int)count);
        }

        return answer.WrittenMemory;
    }

    private static bool IsComplete(ReadOnlySpan<byte> json)
    {
        // The brace that ends an object is the first byte at which a reader can be through.
        if (json.TrimEnd(" \r\n\t"u8) is not [.., (byte)'}'])
            return false;
        var reader = new Utf8JsonReader(json, isFinalBlock: false, default);
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 0 && reader.TokenType == JsonTokenType.EndObject)
                    return true;
            }
        }
        catch (JsonException)
        {
            return true; // the parser says what is wrong
        }

        return false;
    }

    private static int Left(long deadline) => (int)Math.Max(0, deadline - Environment.TickCount64);

    private static CniException Silent(AdminEndpoint endpoint, int milliseconds) =>
        new(CniError.TryAgainLater, $"yggoverlay: the Yggdrasil node at {endpoint.Text} does not answer within {milliseconds} ms: is it hanging? Restart it, or raise \"timeoutMs\"");
}
