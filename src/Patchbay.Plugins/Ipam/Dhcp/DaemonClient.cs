using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>The plugin's side of the daemon's socket: one question.</summary>
internal sealed unsafe class DaemonClient : IDisposable
{
    private const int AnswerMilliseconds = 10_000;

    private readonly SafeFileHandle _socket;
    private readonly string _path;

    private DaemonClient(SafeFileHandle socket, string path) => (_socket, _path) = (socket, path);

    /// <summary>Reaches the daemon.</summary>
    /// <param name="path">Its socket.</param>
    /// <param name="problem">Why there is none.</param>
    /// <returns>Null when nobody listens there.</returns>
    internal static DaemonClient? TryConnect(string path, out IOException? problem)
    {
        try
        {
            problem = null;
            var address = Libc.UnixAddress(path);
            var socket = Libc.Socket(Libc.AF_UNIX, Libc.SOCK_STREAM, 0, "open a socket");
            if (Libc.connect(socket, &address, (uint)sizeof(Libc.SockAddrUnix)) == 0)
                return new DaemonClient(socket, path);
            problem = Libc.Failure($"reach the DHCP daemon at {path}");
            socket.Dispose();
        }
        catch (IOException error)
        {
            problem = error;
        }

        return null;
    }

    /// <summary>Reaches the daemon.</summary>
    /// <exception cref="CniException">Nobody listens there; the text says how to start one.</exception>
    internal static DaemonClient Connect(string path, uint code = CniError.Internal) => TryConnect(path, out var problem)
        ?? throw new CniException(code, $"error dialing DHCP daemon: {problem!.Message}: start it with \"dhcp daemon -socketpath {path}\" or by its systemd units", inner: problem);

    /// <summary>ADD.</summary>
    /// <returns>The result.</returns>
    internal CniResult Allocate(LeaseKey key, string netns, ClientSettings settings)
    {
        Send("allocate", writer =>
        {
            WriteKey(writer, key);
            writer.WriteString("netns"u8, netns);
            Lease.WriteSettings(writer, settings);
        });
        // First how long it may take, by the daemon's own options.
        long limit = Receive(AnswerMilliseconds).Integer("limitMilliseconds", 0, int.MaxValue / 2) ?? 0;
        return Result(Receive((int)limit + AnswerMilliseconds));
    }

    /// <summary>CHECK.</summary>
    /// <returns>The result that an ADD would have now.</returns>
    internal CniResult Check(LeaseKey key, string netns)
    {
        Send("check", writer =>
        {
            WriteKey(writer, key);
            writer.WriteString("netns"u8, netns);
        });
        return Result(Receive(AnswerMilliseconds));
    }

    /// <summary>DEL.</summary>
    internal void Release(LeaseKey key)
    {
        Send("release", writer => WriteKey(writer, key));
        Receive(AnswerMilliseconds);
    }

    /// <summary>GC.</summary>
    internal void Collect(string network, IReadOnlyList<CniAttachment> keep)
    {
        Send("collect", writer =>
        {
            writer.WriteString("network"u8, network);
            writer.WriteStartArray("keep"u8);
            foreach (var attachment in keep)
            {
                writer.WriteStartObject();
                writer.WriteString("containerId"u8, attachment.ContainerId);
                writer.WriteString("ifName"u8, attachment.IfName);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
        Receive(AnswerMilliseconds);
    }

    /// <summary>STATUS.</summary>
    internal void Ping()
    {
        Send("ping", static _ => { });
        Receive(AnswerMilliseconds);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static void WriteKey(Utf8JsonWriter writer, LeaseKey key)
    {
        writer.WriteString("network"u8, key.Network);
        writer.WriteString("containerId"u8, key.ContainerId);
        writer.WriteString("ifName"u8, key.IfName);
    }

    private static CniResult Result(JsonView answer) =>
        CniResult.Read(answer.Object("result") ?? throw answer.Error("has no \"result\""), SpecVersion.V110);

    private void Send(string operation, Action<Utf8JsonWriter> write)
    {
        byte[] bytes = Frame.Make(writer =>
        {
            writer.WriteString("op"u8, operation);
            write(writer);
        });
        if (bytes.Length > Frame.MaxLength)
            throw new CniException(CniError.Internal, $"dhcp: a request of {bytes.Length} bytes is more than the daemon takes ({Frame.MaxLength})");
        fixed (byte* first = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint count = Libc.Wait(_socket, Libc.POLLOUT, AnswerMilliseconds)
                    ? Libc.send(_socket, first + done, (nuint)(bytes.Length - done), Libc.MSG_NOSIGNAL | Libc.MSG_DONTWAIT) : throw Silent(AnswerMilliseconds);
                if (count < 0 && Libc.LastError is Libc.EINTR or Libc.EAGAIN)
                    continue;
                if (count < 0)
                    return; // it hung up; perhaps it said why
                done += (int)count;
            }
        }
    }

    private JsonView Receive(int milliseconds)
    {
        long deadline = Environment.TickCount64 + milliseconds;
        byte[] head = Read(Frame.HeadLength, deadline, milliseconds);
        int length = Frame.Length(head);
        if (length < 0)
            throw new CniException(CniError.Internal, $"dhcp: what listens at {_path} is not patchbay's DHCP daemon (it answers \"{System.Text.Encoding.Latin1.GetString(head)}…\"): run \"dhcp daemon\" of the same file as the plugin");
        JsonView answer;
        try
        {
            answer = JsonView.Parse(Read(length, deadline, milliseconds), "answer of the DHCP daemon");
        }
        catch (JsonException error)
        {
            throw new CniException(CniError.Internal, $"dhcp: the daemon at {_path} answers nonsense: {error.Message}", inner: error);
        }

        if (answer.Object("error") is { } failure)
            throw new CniException((uint)(failure.Integer("code", 0, uint.MaxValue) ?? CniError.Internal), failure.String("msg") ?? "");
        return answer;
    }

    private byte[] Read(int length, long deadline, int milliseconds)
    {
        byte[] bytes = new byte[length];
        fixed (byte* first = bytes)
        {
            for (int done = 0; done < length;)
            {
                if (!Libc.Wait(_socket, Libc.POLLIN, (int)Math.Max(0, deadline - Environment.TickCount64)))
                    throw Silent(milliseconds);
                nint count = Libc.recv(_socket, first + done, (nuint)(length - done), 0);
                if (count < 0 && Libc.LastError == Libc.EINTR)
                    continue;
                if (count <= 0)
                    throw new CniException(CniError.TryAgainLater, $"dhcp: the daemon at {_path} ended before it answered");
                done += (int)count;
            }
        }

        return bytes;
    }

    private CniException Silent(int milliseconds) =>
        new(CniError.TryAgainLater, $"dhcp: the daemon at {_path} does not answer within {milliseconds / 1000} s");
}
