using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Tells whoever sends it something, over TCP or UDP, from which address that came. Its sockets live in a namespace of the test.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Socket _socket;
    private readonly Task _work;

    private EchoServer(Socket socket, Action<Socket> serve)
    {
        _socket = socket;
        _work = Task.Factory.StartNew(() => Run(socket, serve), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public static EchoServer Tcp(TestNamespace space, int port) => Tcp(space.Path, port);

    public static EchoServer Tcp(string path, int port)
    {
        Socket socket = Open(path, () =>
        {
            var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            listener.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            listener.Listen(64);
            return listener;
        });
        return new EchoServer(socket, static listener =>
        {
            using Socket client = listener.Accept();
            client.Send(Encoding.ASCII.GetBytes(Text(client.RemoteEndPoint!)));
        });
    }

    public static EchoServer Udp(TestNamespace space, int port, bool ipv4 = true) => Udp(space.Path, port, ipv4);

    /// <summary>The same in a namespace that an engine made.</summary>
    public static EchoServer Udp(string path, int port, bool ipv4 = true)
    {
        IPAddress any = ipv4 ? IPAddress.Any : IPAddress.IPv6Any;
        Socket socket = Open(path, () =>
        {
            var receiver = new Socket(any.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            receiver.Bind(new IPEndPoint(any, port));
            return receiver;
        });
        return new EchoServer(socket, receiver =>
        {
            EndPoint from = new IPEndPoint(any, 0);
            receiver.ReceiveFrom(new byte[64], ref from);
            receiver.SendTo(Encoding.ASCII.GetBytes(Text(from)), from);
        });
    }

    /// <summary>Asks from a namespace; null when there is no answer.</summary>
    public static string? AskTcp(TestNamespace space, string address, int port)
    {
        IPAddress target = IPAddress.Parse(address);
        using Socket client = Open(space, () => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            using var limit = new CancellationTokenSource(Limit);
            client.ConnectAsync(new IPEndPoint(target, port), limit.Token).AsTask().GetAwaiter().GetResult();
            return Receive(client);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Asks from a namespace; null when there is no answer.</summary>
    public static string? AskUdp(TestNamespace space, string address, int port, int from = 0)
    {
        using Socket client = UdpClient(space, address, from);
        return AskUdp(client, address, port);
    }

    /// <summary>A socket that stays, and with it the connection that the kernel tracks.</summary>
    public static Socket UdpClient(TestNamespace space, string address, int from = 0)
    {
        IPAddress target = IPAddress.Parse(address);
        return Open(space, () =>
        {
            var client = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            client.Bind(new IPEndPoint(target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, from));
            return client;
        });
    }

    public static string? AskUdp(Socket client, string address, int port)
    {
        try
        {
            client.SendTo("?"u8, new IPEndPoint(IPAddress.Parse(address), port));
            return Receive(client);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _work.GetAwaiter().GetResult();
    }

    private static TimeSpan Limit => TimeSpan.FromSeconds(Needs.InVirtualMachine ? 30 : 3);

    private static string? Receive(Socket client)
    {
        client.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        byte[] answer = new byte[128];
        int count = client.Receive(answer);
        return count == 0 ? null : Encoding.ASCII.GetString(answer, 0, count);
    }

    private static string Text(EndPoint from)
    {
        IPAddress address = ((IPEndPoint)from).Address;
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }

    private static Socket Open(TestNamespace space, Func<Socket> open) => Open(space.Path, open);

    private static Socket Open(string path, Func<Socket> open)
    {
        using NetworkNamespace inside = NetworkNamespace.Open(path);
        return inside.Run(open);
    }

    private static void Run(Socket socket, Action<Socket> serve)
    {
        while (true)
        {
            try
            {
                serve(socket);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // A client that went away is no matter; the end of the listener is the end.
                if (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket or SocketError.InvalidArgument)
                    return;
            }
        }
    }
}
