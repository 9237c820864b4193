using System.Net.Sockets;
using System.Text;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>An admin socket with one answer for everybody, in place of a node: of a generation that is not there, or of none.</summary>
internal sealed class ScriptedNode : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<string> _questions = [];

    /// <param name="path">Where it listens.</param>
    /// <param name="answer">What it says and then hangs up; null for nothing, ever.</param>
    public ScriptedNode(string path, string? answer)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        if (answer is not null)
            _ = Task.Run(() => Serve(Encoding.UTF8.GetBytes(answer)));
    }

    /// <summary>What it was asked, a text for each connection.</summary>
    public string[] Questions
    {
        get
        {
            lock (_questions)
                return [.. _questions];
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task Serve(byte[] answer)
    {
        try
        {
            while (true)
            {
                using Socket client = await _listener.AcceptAsync();
                byte[] request = new byte[4096];
                int count = await client.ReceiveAsync(request);
                lock (_questions)
                    _questions.Add(Encoding.UTF8.GetString(request, 0, count));
                await client.SendAsync(answer);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
