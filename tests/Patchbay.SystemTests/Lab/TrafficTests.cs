using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>Packets go where a file says: forwarded ports, addresses behind addresses, wires, tunnels, VLANs.</summary>
public class TrafficTests
{
    // Debian's own: a version manager's in the PATH may be a shell script.
    private const string Python = "/usr/bin/python3";

    [Fact]
    public void Forwarded_ports_lead_to_their_node_from_outside_and_from_here()
    {
        Needs.Program("curl");
        using LabHost lab = new();
        TestNamespace outside = Outside(lab.Host);
        Snapshot before = Snapshot.Take(lab.Host);
        string page = Path.Combine(lab.Host.Directory, "page");
        File.WriteAllText(page, "a page");
        lab.Up($$"""
            nodes: [{node: web, replicas: 2}]
            links: [{node: web, bridge: lan, ip: [10.2.0.1/24, "fd00:2::1/64"], forward: ["8080:80/tcp", "5353:53/udp"]}]
            commands: [{node: web, background: true, command: [busybox, httpd, -f, -p, "80", -h, {{lab.Host.Directory}}]}]
            """);

        foreach (string url in (string[])["http://192.0.2.1:8080/page", "http://192.0.2.1:8081/page", "http://[fd00:77::1]:8081/page"])
        {
            Assert.Equal("a page", Fetch(outside, url));
            Assert.Equal("a page", Fetch(lab.Host, url));
        }

        Assert.Equal("udp", Answer(lab, outside));
        Assert.Equal(0, lab.Lab("plan", lab.Write(File.ReadAllText(Path.Combine(lab.Host.Directory, "lab.yaml")))).ExitCode);
        lab.Lab("down").Check();
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    [Fact]
    public void An_address_stands_for_another_behind_it()
    {
        using LabHost lab = new();
        lab.Up("""
            nodes: [{node: gate, ip: 10.99.0.1/32}, client]
            links:
              - {node: gate, bridge: lan, ip: 192.0.2.1/24, nat: 10.99.0.1}
              - {node: client, bridge: lan, ip: 192.0.2.2/24}
            """);

        lab.Ping("client", "192.0.2.1");

        // The node answers from the address behind, and the client sees the one before it.
        const string Server = "import socket; s = socket.create_server(('10.99.0.1', 7)); print('ready', flush=True); s.accept()[0].sendall(b'behind')";
        Assert.Equal("behind", Served(lab, "gate", Server, () => lab.In("client", "busybox", "nc", "-w", "10", "192.0.2.1", "7").Check().StandardOutput));
        JsonElement rules = Command.Run(["nsenter", $"--net={lab.PathOf("gate")}", "--", "nft", "-j", "list", "ruleset"]).Check().Json.GetProperty("nftables");
        Assert.Contains(rules.EnumerateArray(), each => each.TryGetProperty("table", out JsonElement table) && table.GetProperty("name").GetString()!.StartsWith("patchbay_", StringComparison.Ordinal));
    }

    [Fact]
    public void A_patch_passes_what_a_bridge_keeps()
    {
        using LabHost lab = new();
        lab.Up("""
            nodes: [a, b]
            bridges: [{bridge: wire, mode: patch}]
            links: [{node: a, bridge: wire, ip: 10.0.0.1/24}, {node: b, bridge: wire, ip: 10.0.0.2/24}]
            """);

        lab.Ping("a", "10.0.0.2");

        Assert.Contains("action order 1: mirred", lab.Host.Run("tc", "filter", "show", "dev", "a-eth0", "parent", "ffff:").Check().StandardOutput, StringComparison.Ordinal);
        // A frame for 01:80:c2:00:00:0e (LLDP), which no bridge forwards.
        Received(lab, "b", 0, () => SendFrame(lab, "a", "0180c200000e020000000001" + "88cc" + "0207040200000000010403014106020078" + "0000"));
        lab.Up(File.ReadAllText(Path.Combine(lab.Host.Directory, "lab.yaml")));
        Assert.Equal(1, lab.Host.Run("tc", "filter", "show", "dev", "a-eth0", "parent", "ffff:").Check().StandardOutput.Split("mirred (Egress", StringSplitOptions.None).Length - 1);
    }

    [Fact]
    public void Vxlan_joins_two_hosts()
    {
        Needs.Vxlan();
        Tunnel("vxlan");
    }

    [Fact]
    public void Geneve_joins_two_hosts()
    {
        Needs.Geneve();
        Tunnel("geneve");
    }

    [Fact]
    public void Vlans_keep_nodes_of_one_bridge_apart()
    {
        Needs.BridgeVlanFiltering();
        using LabHost lab = new();
        lab.Up("""
            nodes: [a, b, c]
            bridges: [{bridge: lan, vlan-filtering: true}]
            links:
              - {node: a, bridge: lan, ip: 10.0.0.1/24, vlan: 10}
              - {node: b, bridge: lan, ip: 10.0.0.2/24, vlan: 10}
              - {node: c, bridge: lan, ip: 10.0.0.3/24, vlan: 20, trunk: [30, "31"]}
            """);

        lab.Ping("a", "10.0.0.2");
        Assert.NotEqual(0, lab.In("a", "ping", "-c", "1", "-W", "1", "10.0.0.3").ExitCode);
        JsonElement vlans = lab.Host.BridgeJson("vlan show dev c-eth0")[0].GetProperty("vlans");
        // Neighbours with equal flags are shown as a range.
        Assert.Equal([20, 30, 31], vlans.EnumerateArray().SelectMany(vlan => vlan.TryGetProperty("vlanEnd", out JsonElement end)
            ? Enumerable.Range(vlan.GetProperty("vlan").GetInt32(), end.GetInt32() - vlan.GetProperty("vlan").GetInt32() + 1)
            : [vlan.GetProperty("vlan").GetInt32()]));
        Assert.Equal(0, lab.Lab("plan", lab.Write(File.ReadAllText(Path.Combine(lab.Host.Directory, "lab.yaml")))).ExitCode);
    }

    [Fact]
    public void Macvlans_are_on_an_interface_of_the_host()
    {
        Needs.Macvlan();
        using LabHost lab = new();
        TestNamespace outside = Outside(lab.Host);

        lab.Up("nodes: [a]\nlinks: [{node: a, type: macvlan, mode: bridge, outer-dev: up0, ip: 192.0.2.9/24}]");

        lab.Ping("a", "192.0.2.2");
        Assert.Equal("macvlan", lab.Ip("a", "link show dev eth0")[0].GetProperty("linkinfo").GetProperty("info_kind").GetString());
        Assert.Equal(0, lab.Lab("plan", lab.Write(File.ReadAllText(Path.Combine(lab.Host.Directory, "lab.yaml")))).ExitCode);
        lab.Lab("down").Check();
        Assert.True(outside.HasLink("up1"));
    }

    [Theory]
    [InlineData("dummy", "")]
    [InlineData("vlan", ", outer-dev: up0, vlanid: 5")]
    [InlineData("ipvlan", ", outer-dev: up0, mode: l2")]
    public void Other_kinds_of_links_are_made(string kind, string options)
    {
        (kind switch { "dummy" => (Action)Needs.Dummy, "vlan" => Needs.Vlan, _ => Needs.Ipvlan })();
        using LabHost lab = new();
        Outside(lab.Host);
        Snapshot before = Snapshot.Take(lab.Host);

        lab.Up($"nodes: [a]\nlinks: [{{node: a, type: {kind}{options}, ip: 198.51.100.1/24}}]");

        JsonElement link = lab.Ip("a", "addr show dev eth0")[0];
        Assert.Equal(kind, link.GetProperty("linkinfo").GetProperty("info_kind").GetString());
        Assert.Equal("198.51.100.1", link.GetProperty("addr_info")[0].GetProperty("local").GetString());
        Assert.Equal(0, lab.Lab("plan", lab.Write(File.ReadAllText(Path.Combine(lab.Host.Directory, "lab.yaml")))).ExitCode);
        lab.Lab("down").Check();
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    private static void Tunnel(string kind)
    {
        using LabHost one = new();
        using LabHost two = new();
        // A cable between the hosts, and what goes over it.
        one.Host.Run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", two.Host.Name).Check();
        foreach ((LabHost host, int number) in (ReadOnlySpan<(LabHost, int)>)[(one, 1), (two, 2)])
        {
            host.Host.Run("ip", "addr", "add", $"192.0.2.{number}/24", "dev", "up0").Check();
            host.Host.Run("ip", "link", "set", "up0", "up").Check();
        }

        foreach ((LabHost host, int number) in (ReadOnlySpan<(LabHost, int)>)[(one, 1), (two, 2)])
        {
            host.Up($"""
                nodes: [node]
                links: [{"{"}node: node, bridge: s1, ip: 192.168.100.{number}/24{"}"}]
                tunnels: [{"{"}type: {kind}, bridge: s1, vni: 1001, remote: 192.0.2.{3 - number}{"}"}]
                """);
        }

        two.Ping("node", "192.168.100.1");
        Assert.Equal("s1", one.Host.IpJson($"link show dev {kind}-1001")[0].GetProperty("master").GetString());
        Assert.Equal(0, one.Lab("plan", one.Write(File.ReadAllText(Path.Combine(one.Host.Directory, "lab.yaml")))).ExitCode);
        one.Lab("down").Check();
        Assert.False(one.Host.HasLink($"{kind}-1001"));
    }

    /// <summary>Another machine: 192.0.2.2 and fd00:77::2 behind an interface up0 here.</summary>
    private static TestNamespace Outside(TestHost host)
    {
        TestNamespace outside = host.AddContainer();
        host.Run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", outside.Name).Check();
        host.Run("ip", "addr", "add", "192.0.2.1/24", "dev", "up0").Check();
        host.Run("ip", "addr", "add", "fd00:77::1/64", "dev", "up0", "nodad").Check();
        host.Run("ip", "link", "set", "up0", "up").Check();
        outside.Run("ip", "addr", "add", "192.0.2.2/24", "dev", "up1").Check();
        outside.Run("ip", "addr", "add", "fd00:77::2/64", "dev", "up1", "nodad").Check();
        outside.Run("ip", "link", "set", "up1", "up").Check();
        return outside;
    }

    // The server may not listen yet: it is a command in the background.
    private static string Fetch(TestNamespace from, string url) => from.Run("curl", "-sg", "-m", "10", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", url).Check().StandardOutput;

    private static string Answer(LabHost lab, TestNamespace outside)
    {
        const string Server = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 53)); print('ready', flush=True); s.sendto(b'udp', s.recvfrom(9)[1])";
        const string Client = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20); s.connect(('192.0.2.1', 5353)); s.send(b'?'); print(s.recv(9).decode())";
        return Served(lab, "web_1", Server, () => outside.Run(Python, "-c", Client).Check().StandardOutput).Trim();
    }

    /// <summary>Does something while a server listens in a node.</summary>
    private static string Served(LabHost lab, string node, string server, Func<string> ask)
    {
        using Process process = Process.Start(new ProcessStartInfo("nsenter", [$"--net={lab.PathOf(node)}", "--", Python, "-c", server]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal("ready", process.NextLine());
            return ask();
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
    }

    private static void SendFrame(LabHost lab, string node, string hex)
    {
        const string Send = "import socket,sys;s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind(('eth0',0));s.send(bytes.fromhex(sys.argv[1]).ljust(60,b'\\0'))";
        lab.In(node, Python, "-c", Send, hex).Check();
    }

    /// <summary>Runs an action and waits until a frame of LLDP has come in.</summary>
    private static void Received(LabHost lab, string node, int expected, Action send)
    {
        const string Receive = "import socket;s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,socket.htons(0x88cc));s.bind(('eth0',0x88cc));s.settimeout(30);print('ready',flush=True);print(s.recv(99)[:6].hex(),flush=True)";
        using Process listener = Process.Start(new ProcessStartInfo("nsenter", [$"--net={lab.PathOf(node)}", "--", Python, "-c", Receive]) { RedirectStandardOutput = true })!;
        Assert.Equal("ready", listener.NextLine());
        send();
        Assert.Equal("0180c200000e", listener.NextLine());
        listener.WaitForExit();
        Assert.Equal(expected, listener.ExitCode);
    }
}
