using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.Bench.Report;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>yggoverlay with real nodes: its calls, the way from ADD to the first answer of a container of another host, and what TCP reaches between them.</summary>
internal sealed class YggScenario() : Scenario("ygg")
{
    internal const string Start = "VERSION";
    internal static readonly Row Attached = new("ygg", "yggoverlay on a bridge, dual stack");
    private static readonly Row Answer = new("ygg-first-answer", "yggoverlay: from ADD to the first answer over TCP across the mesh");
    private static readonly Row Transfer = new("ygg-transfer", "TCP across the mesh, one stream", Row.Megabits);

    // The start of the process is among them, so that the rest can be told from it.
    private static readonly string[] Operations = ["ADD", Start, "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        if (!YggNode.IsInstalled || session.Peers.Plugin(Peers.Ours, "yggoverlay") is not { } plugin)
        {
            NotInstalled(session, Attached, Peers.Ours, "", Operations);
            return;
        }

        var (one, two) = YggNode.Pair(session);
        // A tmpfs, as /run is on a host.
        var state = session.Workspace.NewPath("ygg");
        Directory.CreateDirectory(state);
        Spawn.Expect(Command.Of("mount", "-t", "tmpfs", "tmpfs", state));
        try
        {
            Across(session, Subject(session, plugin, one, $"{state}/across-one"), Subject(session, plugin, two, $"{state}/across-two"), one, two);
            List<Subject> measured = [Subject(session, plugin, one, $"{state}/measured")];
            BridgeScenario.KeepNeighbour(session, Attached, measured);
            // Last, for it removes all namespaces.
            Alternation.Measure(session, Attached, measured, containers: true, (_, operation, attachment) => operation == "ADD" ? Reached(attachment, one.Address) : null);
        }
        finally
        {
            one.Dispose();
            two.Dispose();
            Spawn.Expect(Command.Of("umount", state));
            // Only now the kernel can take the nodes' namespaces down, and it does so in order.
            _ = session.Workspace.NewNamespace("after-ygg");
            session.Workspace.RemoveNamespaces();
        }
    }

    private static ChainedSubject Subject(Session session, string plugin, YggNode node, string state) => new(
        Peers.Ours, "", node.Host, plugin, BridgeScenario.Configuration("", session.Workspace.NewPath("ipam")),
        $"{{'cniVersion':'1.0.0','name':'bench','type':'yggoverlay','missingName':'containerid','adminSocket':'{node.AdminSocket}','dataDir':'{state}'}}".Replace('\'', '"'),
        Operations);

    private static string? Reached(Attachment attachment, string address)
    {
        var ping = attachment.Container!.Run(() => Spawn.Run(Command.Of("ping", "-c", "1", "-W", "5", address)));
        return ping.ExitCode == 0 ? null : $"the node does not answer after ADD: {ping.Message}";
    }

    private static void Across(Session session, ChainedSubject local, ChainedSubject remote, YggNode one, YggNode two)
    {
        var server = new Attachment(1, session.Workspace.NewNamespace("server"));
        _ = Expect(remote, "ADD", server);
        var address = MeshAddress(server);
        Session.Log($"{Answer.Id}: {Answer.Title}");
        using (var socket = server.Container!.Run(Listener))
        {
            var port = ((IPEndPoint)socket.LocalEndPoint!).Port;
            for (var round = 0; round < session.Options.Runs; round++)
                FirstAnswer(session, local, new Attachment(round + 2, session.Workspace.NewNamespace("client")), new IPEndPoint(IPAddress.Parse(address), port));
        }

        Alternation.Summary(session, Answer);
        Session.Log($"{Transfer.Id}: {Transfer.Title}");
        var client = new Attachment(1, session.Workspace.NewNamespace("client"));
        _ = Expect(local, "ADD", client);
        using var inContainer = Iperf(server.Container!);
        using var onHost = Iperf(two.Host);
        var containers = session.Results.Of(Transfer, "transfer", Peers.Ours, "container to container");
        var hosts = session.Results.Of(Transfer, "transfer", "yggdrasil", "host to host");
        for (var round = 0; round < Math.Clamp(session.Options.Runs / 3, 1, 5); round++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            containers.Values.Add(client.Container!.Run(() => Rate(address)));
            hosts.Values.Add(one.Host.Run(() => Rate(two.Address)));
        }

        containers.Note = $"{Figure.Ratio(containers.Statistics.Median / hosts.Statistics.Median)} host to host";
        Alternation.Summary(session, Transfer);
        _ = Expect(local, "DEL", client);
        _ = Expect(remote, "DEL", server);
    }

    private static void FirstAnswer(Session session, ChainedSubject local, Attachment client, IPEndPoint server)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        local.Host.Run(() =>
        {
            local.Before("ADD", client);
            return true;
        });
        var start = Stopwatch.GetTimestamp();
        client.AddResult = local.Host.Run(() => Spawn.Expect(local.Call("ADD", client)));
        var answered = client.Container!.Run(() =>
        {
            // The system gives up by itself after two minutes (tcp(7), tcp_syn_retries).
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server);
            return Stopwatch.GetElapsedTime(start);
        });
        session.Results.Of(Answer, "answer", Peers.Ours, "").Values.Add(answered.TotalMilliseconds);
        _ = Expect(local, "DEL", client);
    }

    private static Outcome Expect(ChainedSubject subject, string operation, Attachment attachment)
    {
        var outcome = subject.Host.Run(() => subject.Do(operation, attachment));
        return outcome.ExitCode == 0 ? outcome : throw new BenchException($"yggoverlay {operation}: {outcome.Message}");
    }

    private static string MeshAddress(Attachment attachment) => JsonNode.Parse(attachment.AddResult)!["ips"]!.AsArray()
        .Select(ip => ip!["address"]!.GetValue<string>().Split('/')[0]).Single(address => IPAddress.Parse(address).GetAddressBytes()[0] == 3);

    // Its queue takes all connections; nobody accepts them.
    private static Socket Listener()
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        socket.Listen(1000);
        return socket;
    }

    private static Background Iperf(NetworkNamespace space) =>
        Background.Start(space, said => said.Contains("Server listening", StringComparison.Ordinal), "iperf3", "--server", "--forceflush");

    private static double Rate(string address)
    {
        var answer = Spawn.Expect(Command.Of("iperf3", "--json", "--client", address, "--time", "3", "--omit", "1"));
        using var document = JsonDocument.Parse(answer);
        return document.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
