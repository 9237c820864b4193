using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>A policy agent as the wrapper sees it: answers what a test tells it to, and remembers what it was asked.</summary>
internal sealed class AgentDouble : IDisposable
{
    private readonly Socket _listener;
    private readonly Task _work;
    private readonly Func<string, string?> _answer;
    private readonly List<string> _asked = [];

    /// <param name="space">Where it listens, at 127.0.0.1.</param>
    /// <param name="answer">Status line and body by path: "200 OK\r\n\r\n"; null to say nothing.</param>
    public AgentDouble(TestNamespace space, Func<string, string?> answer)
    {
        _answer = answer;
        using NetworkNamespace inside = NetworkNamespace.Open(space.Path);
        _listener = inside.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.Listen(16);
            return socket;
        });
        _work = Task.Factory.StartNew(Serve, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}";

    /// <summary>The paths that it was asked for, in order.</summary>
    public string[] Asked
    {
        get
        {
            lock (_asked)
                return [.. _asked];
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _work.GetAwaiter().GetResult();
    }

    private void Serve()
    {
        var silent = new List<Socket>();
        try
        {
            while (true)
            {
                Socket client = _listener.Accept();
                var request = new byte[4096];
                int count = client.Receive(request);
                if (count == 0)
                {
                    client.Dispose(); // somebody who only looks whether anybody listens
                    continue;
                }

                string path = Encoding.ASCII.GetString(request, 0, count).Split(' ')[1];
                lock (_asked)
                    _asked.Add(path);
                if (_answer(path) is not { } answer)
                {
                    silent.Add(client);
                    continue;
                }

                client.Send(Encoding.ASCII.GetBytes($"HTTP/1.1 {answer}"));
                client.Shutdown(SocketShutdown.Send);
                client.Dispose();
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            silent.ForEach(each => each.Dispose());
        }
    }
}
