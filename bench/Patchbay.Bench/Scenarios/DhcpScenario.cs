using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>bridge and dhcp: each program with a daemon and a DHCP server (dnsmasq) of its own, on the cable that is a port of the bridge.</summary>
internal sealed class DhcpScenario() : Scenario("dhcp")
{
    private static readonly Row Attached = new("dhcp", "bridge + dhcp, a lease from dnsmasq");
    private static readonly Row Memory = new("dhcp-daemon-memory", "dhcp daemon: peak memory", Row.Mebibytes);

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        if (Command.Locate("dnsmasq") is null)
        {
            foreach (var program in new[] { Peers.Ours, Peers.Reference })
                NotInstalled(session, Attached, program, "", Operations);
            return;
        }
        var daemons = new Dictionary<string, Background>();
        var servers = new List<Background>();
        try
        {
            Subject[] subjects =
            [
                .. new[] { Peers.Ours, Peers.Reference }.SelectMany(program => Plugin(session, Attached, program, "", "dhcp", Operations, (file, host) =>
                {
                    var socket = session.Workspace.NewPath("dhcp") + ".sock";
                    servers.Add(Server(session, host));
                    daemons[program] = Background.Start(host, _ => File.Exists(socket), file, "daemon", "-socketpath", socket);
                    return new CniSubject(program, "", host, Path.Combine(session.Peers.DirectoryOf(program), "bridge"), Configuration(socket), Operations);
                })),
            ];
            Alternation.Measure(session, Attached, subjects, containers: true, Leased);
            foreach (var (program, daemon) in daemons)
                session.Results.Of(Memory, "all leases", program, "").Values.Add(daemon.PeakMebibytes);
            Alternation.Summary(session, Memory);
        }
        finally
        {
            foreach (var each in servers.Concat(daemons.Values))
                each.Dispose();
            // Only now the kernel can take the daemons' namespaces down, and it does so in order.
            _ = session.Workspace.NewNamespace("after-dhcp");
            session.Workspace.RemoveNamespaces();
        }
    }

    // --no-ping: dnsmasq would look for three seconds whether the address answers before it offers it.
    private static Background Server(Session session, NetworkNamespace host)
    {
        var server = session.Workspace.NewNamespace("server");
        host.Run(() =>
        {
            Spawn.Expect(Command.Of("ip", "link", "add", "br0", "type", "bridge"));
            Spawn.Expect(Command.Of("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", server.Path));
            Spawn.Expect(Command.Of("ip", "link", "set", "uplink", "master", "br0", "up"));
            return Spawn.Expect(Command.Of("ip", "link", "set", "br0", "up"));
        });
        server.Run(() =>
        {
            Spawn.Expect(Command.Of("ip", "addr", "add", "10.88.0.1/16", "dev", "eth0"));
            return Spawn.Expect(Command.Of("ip", "link", "set", "eth0", "up"));
        });
        return Background.Start(
            server, said => said.Contains("DHCP, IP range", StringComparison.Ordinal), "dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground",
            "--log-facility=-", "--user=root", "--port=0", "--interface=eth0", "--no-ping", "--dhcp-authoritative", "--pid-file=",
            $"--dhcp-leasefile={session.Workspace.NewPath("leases")}", "--dhcp-range=10.88.1.0,10.88.9.255,255.255.0.0,1h");
    }

    private static string? Leased(Subject subject, string operation, Attachment attachment)
    {
        var addresses = attachment.Container!.Run(() => Workspace.HasInterface("eth0")
            ? System.Text.Encoding.UTF8.GetString(Spawn.Expect(Command.Of("ip", "-o", "-4", "addr", "show", "dev", "eth0")))
            : "");
        return operation switch
        {
            "ADD" when !addresses.Contains(" 10.88.", StringComparison.Ordinal) => $"eth0 has no address of the server after ADD: {addresses}",
            "DEL" when addresses.Length > 0 => "eth0 is still there after DEL",
            _ => null,
        };
    }

    private static string Configuration(string socket) =>
        $"{{'cniVersion':'1.0.0','name':'bench','type':'bridge','bridge':'br0','ipam':{{'type':'dhcp','daemonSocketPath':'{socket}'}}}}".Replace('\'', '"');
}
