using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>Containers that the flannel and bridge plugins connect, on two hosts of an overlay.</summary>
public sealed class OverlayContainerTests : IDisposable
{
    private static readonly string Connections = Repository.PathOf("tests/Patchbay.SystemTests/Policy/connections.py");
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public void Containers_of_the_flannel_plugin_reach_each_other_with_their_own_addresses_and_their_tags()
    {
        Plugin.NeedsOurs("flannel", "bridge", "host-local");
        Needs.Program("python3");
        Needs.Program("tcpdump");
        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24", "192.0.2.2 10.255.2.0/24");
        _hosts.StartAgent(1);
        _hosts.StartAgent(2);
        (TestNamespace a, string addressOfA) = _hosts.AddContainer(1);
        (TestNamespace b, string addressOfB) = _hosts.AddContainer(2);
        Assert.StartsWith("10.255.2.", addressOfB, StringComparison.Ordinal);
        Process server = b.Start(["python3", Connections, "serve", "tcp/8080", "udp/53"]);
        Assert.Equal("ready", server.NextLine());
        Wait.Until("the other container", () => a.Run("ping", "-c", "1", "-W", "1", addressOfB).ExitCode == 0);

        // What a policy agent does on host 1, and what one on host 2 looks at.
        Nft(_hosts.One, $"table ip probe {{ chain out {{ type filter hook forward priority 0; ip saddr {addressOfA} meta mark set 0x1234\n}}\n}}");
        Nft(_hosts.Two, $"table ip probe {{ chain in {{ type filter hook forward priority 0; ip saddr {addressOfA} ip daddr {addressOfB} meta mark 0x1234 tcp dport 8080 counter\n}}\n}}");
        Process dump = _hosts.Two.Start(["tcpdump", "-i", "up0", "-c", "1", "-l", "-nn", "-x", $"udp dst port 4789 and src 192.0.2.1"]);
        while (dump.StandardError.ReadLine() is { } line && !line.Contains("listening on", StringComparison.Ordinal))
        {
        }

        string[] reached = a.Run("python3", Connections, "try", $"{addressOfB}:tcp/8080", $"{addressOfB}:udp/53").Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal([$"{addressOfB}:tcp/8080 yes", $"{addressOfB}:udp/53 yes"], reached.Order(StringComparer.Ordinal));
        Assert.DoesNotContain("packets 0 ", _hosts.Two.Run("nft", "list", "table", "ip", "probe").Check().StandardOutput, StringComparison.Ordinal);
        // IP 20 and UDP 8 bytes, then VXLAN: flags G and I, the policy's id, VNI 1 (draft-smith-vxlan-group-policy).
        string vxlan = Hex(dump.StandardOutput.ReadToEnd())[(2 * 28)..(2 * 36)];
        Assert.Equal("8800123400000100", vxlan);

        int mtu = a.Mtu("eth0");
        Assert.Equal((1450, 1450), (mtu, b.Mtu("eth0")));
        Assert.True(a.PingsWhole(addressOfB, mtu - 28));
        Assert.False(a.PingsWhole(addressOfB, mtu - 28 + 1));
    }

    private static void Nft(TestHost host, string rules) => host.Run(["nft", "-f", "-"], $"{rules}\n").Check();

    // tcpdump -x: "\t0x0000:  4500 0086 …"
    private static string Hex(string dump) => string.Concat(dump.Split('\n').Where(line => line.StartsWith("\t0x", StringComparison.Ordinal))
        .SelectMany(line => line.Split(':', 2)[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}
