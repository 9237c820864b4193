using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>A plugin that asks the daemon something: one question a connection.</summary>
internal sealed unsafe class ClientConnection : IDisposable
{
    private byte[] _buffer = new byte[4096];
    private int _length;

    internal ClientConnection(SafeFileHandle handle) => Handle = handle;

    internal SafeFileHandle Handle { get; }

    /// <summary>True when the connection is of no more use.</summary>
    internal bool IsDone { get; private set; }

    /// <summary>True once the question was read.</summary>
    internal bool HasAsked { get; private set; }

    /// <summary>Whether the process at the other end may ask: root, or the user that the daemon runs as.</summary>
    internal static bool IsTrusted(SafeFileHandle socket)
    {
        var peer = default(Libc.Credentials);
        uint length = (uint)sizeof(Libc.Credentials);
        return Libc.getsockopt(socket, Libc.SOL_SOCKET, Libc.SO_PEERCRED, &peer, &length) == 0 && (peer.UserId == 0 || peer.UserId == Libc.geteuid());
    }

    /// <summary>Reads what has come.</summary>
    /// <returns>The question, once it is whole.</returns>
    internal JsonView? Read()
    {
        while (true)
        {
            if (_length == _buffer.Length)
                Array.Resize(ref _buffer, _buffer.Length * 2);
            nint count;
            fixed (byte* to = _buffer)
                count = Libc.recv(Handle, to + _length, (nuint)(_buffer.Length - _length), Libc.MSG_DONTWAIT);
            if (count < 0 && Libc.LastError is Libc.EAGAIN or Libc.EINTR)
                return null;
            if (count <= 0)
            {
                IsDone = true; // hung up
                return null;
            }

            _length += (int)count;
            if (HasAsked || _length < Frame.HeadLength)
                continue;
            if (_buffer.AsSpan(0, Frame.HeadLength).SequenceEqual("CONN"u8))
            {
                // The reference plugin speaks HTTP here, and shows its user what it gets in place of "200 Connected to Go RPC".
                SendBytes("HTTP/1.0 501 This is the dhcp daemon of patchbay: install its dhcp plugin too\r\n\r\n"u8);
                IsDone = true;
                return null;
            }

            int whole = Frame.Length(_buffer);
            if (whole < 0)
            {
                IsDone = true;
                return null;
            }

            if (_length >= Frame.HeadLength + whole)
            {
                HasAsked = true;
                return JsonView.Parse(_buffer.AsMemory(Frame.HeadLength, whole), "question");
            }
        }
    }

    /// <summary>Sends a part of the answer.</summary>
    internal void Send(Action<Utf8JsonWriter> write) => SendBytes(Frame.Make(write));

    /// <summary>Sends the answer, or its last part.</summary>
    internal void Answer(Action<Utf8JsonWriter> write)
    {
        Send(write);
        IsDone = true;
    }

    internal void AnswerDone() => Answer(static writer => writer.WriteBoolean("ok"u8, true));

    internal void AnswerResult(CniResult result) => Answer(writer =>
    {
        writer.WritePropertyName("result"u8);
        result.Write(writer, SpecVersion.V110);
    });

    internal void AnswerError(CniException error) => Answer(writer =>
    {
        writer.WriteStartObject("error"u8);
        writer.WriteNumber("code"u8, error.Code);
        writer.WriteString("msg"u8, error.Text);
        writer.WriteEndObject();
    });

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    // An answer is smaller than the socket's buffer; a client that does not take it is not waited for.
    private void SendBytes(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* from = bytes)
        {
            if (Libc.send(Handle, from, (nuint)bytes.Length, Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL) != bytes.Length)
                IsDone = true;
        }
    }
}
