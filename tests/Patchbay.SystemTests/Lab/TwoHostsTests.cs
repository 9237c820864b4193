using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>A lab on each of two hosts, joined by a tunnel, as conlink's fifth example has it; what travels between the hosts is what tcpdump(8) says.</summary>
public sealed class TwoHostsTests : IDisposable
{
    private readonly TestHost _host = TestHost.Create();
    private readonly TestNamespace _other;

    public TwoHostsTests()
    {
        Needs.Program("tcpdump");
        _other = _host.AddContainer();
        _host.Run("sh", "-ec", $"ip link add u0 type veth peer name u0 netns {_other.Name}; ip addr add 192.0.2.1/24 dev u0; ip link set u0 up").Check();
        _other.Run("sh", "-ec", "ip addr add 192.0.2.2/24 dev u0; ip link set u0 up").Check();
    }

    public void Dispose() => _host.Dispose();

    // conlink's first language: an inner host and a switch, to which the tunnel belongs.
    private const string Old = """
        tunnels:
          - { type: KIND, intf: tun0, vni: 1001, remote: "${REMOTE}" }
        mininet-cfg:
          switches: [ { name: s1, opts: { stp: false } } ]
          hosts: [ { name: node1, opts: { ip: "${NODE_IP}/24" } } ]
          links: [ { left: node1, right: s1, opts: { intfName1: eth0, intfName2: node1-eth0 } } ]
          interfaces: [ { node: s1, name: tun0 } ]
        """;

    // Its present one, with a namespace in place of a container.
    private const string New = """
        nodes: [ { node: node1 } ]
        bridges: [ { bridge: s1, mode: linux } ]
        links: [ { node: node1, bridge: s1, dev: eth0, ip: "${NODE_IP}/24" } ]
        tunnels: [ { type: KIND, bridge: s1, vni: 1001, remote: "${REMOTE}" } ]
        """;

    [Theory]
    [InlineData("vxlan", 8472, Old)]
    [InlineData("vxlan", 8472, New)]
    [InlineData("geneve", 6081, Old)]
    [InlineData("geneve", 6081, New)]
    public void Nodes_of_two_hosts_reach_each_other_and_the_cable_carries_the_tunnel(string kind, int port, string file)
    {
        if (kind == "geneve")
            Needs.Geneve();
        string path = Path.Combine(_host.Directory, "network.yaml");
        File.WriteAllText(path, file.Replace("KIND", kind, StringComparison.Ordinal));
        (TestNamespace Host, string Lab, string Remote, string Ip)[] sides =
            [(_host, $"{_host.Name}-l", "192.0.2.2", "192.168.100.1"), (_other, $"{_host.Name}-r", "192.0.2.1", "192.168.100.2")];
        try
        {
            foreach (var side in sides)
                side.Host.Run([.. PatchbayProgram.Line, "lab", "up", "--detach", "--name", side.Lab, "--network-file", path], null, new Dictionary<string, string?> { ["REMOTE"] = side.Remote, ["NODE_IP"] = side.Ip }).Check();

            // By its port tcpdump would take vxlan for Cisco's OTV.
            string[] form = kind == "vxlan" ? ["-T", "vxlan"] : [];
            Process[] watching = [.. sides.Select(side => Listen(side.Host.Path, "u0", [.. form, $"udp port {port}"]))];
            Process within = Listen($"/run/netns/{sides[0].Lab}-node1", "eth0", ["icmp"]);
            Command.Run(["ip", "netns", "exec", sides[1].Lab + "-node1", "ping", "-c", "1", "-W", "30", "192.168.100.1"]).Check();

            // The answer comes last, and was asked for.
            const string Question = "192.168.100.2 > 192.168.100.1: ICMP echo request", Answer = "192.168.100.1 > 192.168.100.2: ICMP echo reply";
            foreach (Process each in watching)
            {
                string seen = Seen(each, Answer);
                Assert.Contains(Question, seen, StringComparison.Ordinal);
                Assert.Matches($@"192\.0\.2\.2\.\d+ > 192\.0\.2\.1\.{port}: ", seen);
                Assert.Matches($@"192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.{port}: ", seen);
                Assert.Contains(kind == "geneve" ? "Geneve, Flags [none], vni 0x3e9" : "VXLAN, flags [I] (0x08), vni 1001", seen, StringComparison.Ordinal);
            }

            Assert.Contains(Question, Seen(within, Answer), StringComparison.Ordinal);
        }
        finally
        {
            foreach (var side in sides)
                side.Host.Run([.. PatchbayProgram.Line, "lab", "down", "--name", side.Lab]).Check();
        }

        Assert.Equal(["lo", "u0"], _host.IpJson("link show").EnumerateArray().Select(link => link.GetProperty("ifname").GetString()!).Order());
    }

    private static Process Listen(string space, string link, string[] filter)
    {
        Process tcpdump = Command.Start(["nsenter", $"--net={space}", "--", "tcpdump", "-n", "-l", "-i", link, .. filter]);
        while (tcpdump.StandardError.ReadLine() is { } line)
        {
            if (line.StartsWith("listening on", StringComparison.Ordinal))
                return tcpdump;
        }

        throw new InvalidOperationException("tcpdump ended");
    }

    /// <summary>What tcpdump says up to a line that has the text.</summary>
    private static string Seen(Process tcpdump, string last)
    {
        var seen = new List<string>();
        using var limit = new CancellationTokenSource(Command.DefaultLimit);
        try
        {
            while (seen.Count == 0 || !seen[^1].Contains(last, StringComparison.Ordinal))
                seen.Add(tcpdump.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() ?? throw new InvalidOperationException("tcpdump ended"));
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"tcpdump does not see \"{last}\", but:\n{string.Join('\n', seen)}");
        }
        finally
        {
            tcpdump.Kill();
            tcpdump.WaitForExit();
        }

        return string.Join('\n', seen);
    }
}
