using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Patchbay.Lab.Life;

/// <summary>Answers every HTTP request with the state of the lab: status 200 when all links are connected, 503 while any is waited for.</summary>
internal sealed class HealthEndpoint : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly TcpListener _listener;
    private readonly string _lab;
    private readonly LabStatus _status;
    private readonly CancellationTokenSource _end = new();

    /// <exception cref="SocketException">The address is in use, or not of this machine.</exception>
    public HealthEndpoint(string lab, LabStatus status, IPEndPoint at)
    {
        _lab = lab;
        _status = status;
        _listener = new TcpListener(at);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Reads <c>8080</c>, <c>127.0.0.1:8080</c>, <c>[::1]:8080</c>; without an address, that of this host alone.</summary>
    public static bool TryParse(string text, out IPEndPoint at)
    {
        at = new IPEndPoint(IPAddress.Loopback, 0);
        if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            at.Port = port;
            return true;
        }

        if (!IPEndPoint.TryParse(text, out var parsed) || parsed.Port == 0)
            return false;
        at = parsed;
        return true;
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = AnswerAsync(await _listener.AcceptSocketAsync(_end.Token).ConfigureAwait(false));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return; // the end
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        using (client)
        {
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
                limit.CancelAfter(Patience);
                await ReadRequestAsync(client, limit.Token).ConfigureAwait(false);
                var body = _status.Write(_lab);
                var head = $"HTTP/1.1 {(_status.Connected ? "200 OK" : "503 Service Unavailable")}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
                await client.SendAsync(Encoding.ASCII.GetBytes(head), limit.Token).ConfigureAwait(false);
                await client.SendAsync(body, limit.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return; // whoever asked went away
            }
        }
    }

    // To the empty line; to close with bytes unread would reset the connection before the answer is read.
    private static async Task ReadRequestAsync(Socket client, CancellationToken cancellation)
    {
        var buffer = new byte[8192];
        var length = 0;
        while (length < buffer.Length)
        {
            var count = await client.ReceiveAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            length += count;
            if (count == 0 || buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
                return;
        }
    }
}
