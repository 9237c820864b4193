using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>What published ports cost packets: UDP connections per second that a client opens through the last of so many.</summary>
internal sealed class PortmapPacketScenario() : Scenario("portmap-packets")
{
    private const int Connections = 3000;
    private const int FirstPort = 10_000;
    private const string HostAddress = "192.0.2.1";
    private const string Operation = "connect";

    // The rules of the iptables backend are those of the reference, which would take hours to make so many.
    private static readonly (Row Row, int Ports)[] Rows =
    [
        (new("portmap-packets-1", "new connections through 1 mapped port", Row.PerSecond), 1),
        (new("portmap-packets-10000", "new connections through the last of 10,000 mapped ports", Row.PerSecond), 10_000),
    ];

    internal override void Run(Session session)
    {
        foreach (var (row, ports) in Rows)
        {
            Session.Log($"{row.Id}: {row.Title}");
            foreach (var backend in new[] { "nftables", "iptables" })
            {
                session.Cancellation.ThrowIfCancellationRequested();
                if (session.Peers.Plugin(Peers.Ours, "portmap") is { } plugin)
                    Measure(session, session.Results.Of(row, Operation, Peers.Ours, backend), plugin, backend, ports);
                else
                    NotInstalled(session, row, Peers.Ours, backend, [Operation]);
            }

            session.Workspace.RemoveNamespaces();
            Alternation.Summary(session, row);
        }
    }

    private static void Measure(Session session, Series series, string plugin, string backend, int ports)
    {
        var host = session.Workspace.NewHost("host-packets");
        var client = session.Workspace.NewNamespace("client");
        var attachment = new Attachment(1, session.Workspace.NewNamespace("container"));
        _ = host.Run(() => Connect(session, client, plugin, attachment, backend, ports));
        using var server = attachment.Container!.Run(() => Receiver(FirstPort + ports - 1));
        for (var round = 0; round <= Math.Clamp(session.Options.Runs / 3, 1, 5); round++)
        {
            var rate = client.Run(() => Rate(FirstPort + ports - 1));
            var arrived = Arrived(server);
            if (arrived < Connections)
                series.Note = $"{Connections - arrived} of {Connections} packets were lost";
            if (round > 0)
                series.Values.Add(rate);
        }
    }

    private static bool Connect(Session session, NetworkNamespace client, string plugin, Attachment attachment, string backend, int ports)
    {
        Ip("link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", client.Path);
        Ip("addr", "add", $"{HostAddress}/24", "dev", "out0");
        Ip("link", "set", "out0", "up");
        _ = client.Run(() =>
        {
            Ip("addr", "add", "192.0.2.2/24", "dev", "eth0");
            Ip("link", "set", "eth0", "up");
            return true;
        });
        var directory = Path.GetDirectoryName(plugin)!;
        var bridged = Add(Path.Combine(directory, "bridge"), BridgeScenario.Configuration("", session.Workspace.NewPath("ipam")));
        var last = FirstPort + ports - 1;
        _ = Add(plugin, string.Create(CultureInfo.InvariantCulture, $$"""
            {"cniVersion":"1.0.0","name":"bench","type":"portmap","backend":"{{backend}}","runtimeConfig":{"portMappings":[
            {"hostPort":{{FirstPort}},"hostPortEnd":{{last}},"containerPort":{{FirstPort}},"protocol":"udp","hostIP":"0.0.0.0"}]},"prevResult":{{Encoding.UTF8.GetString(bridged)}} }
            """));
        return true;

        byte[] Add(string file, string configuration) => Spawn.Expect(new Command(
            file,
            [],
            [Command.SearchPath, "CNI_COMMAND=ADD", $"CNI_CONTAINERID={attachment.ContainerId}", $"CNI_NETNS={attachment.NetnsPath}", "CNI_IFNAME=eth0", $"CNI_PATH={directory}"],
            Encoding.UTF8.GetBytes(configuration)));
    }

    private static void Ip(params string[] arguments) => Spawn.Expect(Command.Of("ip", arguments));

    private static Socket Receiver(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 8 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        return socket;
    }

    private static double Rate(int port)
    {
        var target = new IPEndPoint(IPAddress.Parse(HostAddress), port);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Connections; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            _ = socket.SendTo("?"u8, target);
        }

        return Connections / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static int Arrived(Socket server)
    {
        var count = 0;
        Span<byte> buffer = stackalloc byte[16];
        while (server.Poll(100_000, SelectMode.SelectRead))
        {
            _ = server.Receive(buffer);
            count++;
        }

        return count;
    }
}
