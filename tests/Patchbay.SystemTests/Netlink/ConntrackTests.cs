using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Connections are forgotten by the kernel, judged by conntrack(8).</summary>
public class ConntrackTests
{
    [Fact]
    public void Connections_are_deleted_by_original_port()
    {
        using var host = Tracked();
        using var conntrack = Open(host);

        Assert.Equal(2, conntrack.List(new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53 }).Count);
        conntrack.Delete(new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53 });

        Assert.Equal(["tcp 10.0.0.1 10.0.0.9 53", "udp 10.0.0.1 10.0.0.9 54", "udp fd00::1 fd00::9 53", "udp fd00::2 fd00::8 53"], Entries(host));
    }

    [Fact]
    public void Connections_are_deleted_by_port_and_destination()
    {
        using var host = Tracked();
        using var conntrack = Open(host);

        conntrack.Delete(
            new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53, Destination = IPAddress.Parse("10.0.0.9") },
            new ConntrackFilter(IPv4: false) { Protocol = 17, DestinationPort = 53, Destination = IPAddress.Parse("fd00::9") });

        Assert.Equal(["tcp 10.0.0.1 10.0.0.9 53", "udp 10.0.0.1 10.0.0.9 54", "udp 10.0.0.2 10.0.0.8 53", "udp fd00::2 fd00::8 53"], Entries(host));
    }

    [Fact]
    public void Connections_are_deleted_by_address_on_either_side()
    {
        using var host = Tracked();
        using var conntrack = Open(host);

        conntrack.Delete([.. ConntrackFilter.Touching(IPAddress.Parse("10.0.0.9")), .. ConntrackFilter.Touching(IPAddress.Parse("fd00::1"))]);

        Assert.Equal(["udp 10.0.0.2 10.0.0.8 53", "udp fd00::2 fd00::8 53"], Entries(host));
    }

    [Fact]
    public void Connections_are_deleted_by_translated_destination()
    {
        using var host = Tracked();
        using var conntrack = Open(host);
        host.Run("conntrack", "-I", "-p", "udp", "-s", "10.0.0.3", "-d", "10.0.0.4", "--sport", "9", "--dport", "80", "-g", "10.0.0.77", "-t", "600").Check();

        conntrack.Delete(new ConntrackFilter(IPv4: true) { ReplySource = IPAddress.Parse("10.0.0.77") });

        Assert.Equal(6, Entries(host).Count);
    }

    [Fact]
    public void Connections_get_other_marks()
    {
        using var host = Tracked();
        using var conntrack = Open(host);

        conntrack.SetMarks(new ConntrackFilter(IPv4: true) { Protocol = 17 }, entry => entry.Original.DestinationPort == 53 ? 0xcf0f1234 : 0);

        Assert.Equal(2, host.Run("conntrack", "-L", "-m", "0xcf0f1234").Check().StandardOutput.Split("dport=53 ").Length - 1);
        Assert.Equal(6, Entries(host).Count);
    }

    [Fact]
    public void Nothing_to_delete_is_no_error_and_a_filter_for_everything_is_refused()
    {
        using var host = TestHost.Create();
        using var conntrack = Open(host);

        conntrack.Delete(new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53 });
        Assert.Throws<InvalidOperationException>(() => conntrack.Delete(new ConntrackFilter(IPv4: true)));
    }

    private static ConntrackSocket Open(TestNamespace host)
    {
        using var space = NetworkNamespace.Open(host.Path);
        return ConntrackSocket.Open(space);
    }

    private static TestHost Tracked()
    {
        var host = TestHost.Create();
        Needs.Program("conntrack");
        Insert("udp", "10.0.0.1", "10.0.0.9", "53");
        Insert("udp", "10.0.0.2", "10.0.0.8", "53");
        Insert("udp", "10.0.0.1", "10.0.0.9", "54");
        Insert("tcp", "10.0.0.1", "10.0.0.9", "53");
        Insert("udp", "fd00::1", "fd00::9", "53");
        Insert("udp", "fd00::2", "fd00::8", "53");
        return host;

        void Insert(string protocol, string source, string destination, string port) =>
            host.Run(["conntrack", "-I", "-p", protocol, "-s", source, "-d", destination, "--sport", "1000", "--dport", port, "-t", "600", .. protocol == "tcp" ? ["--state", "ESTABLISHED"] : Array.Empty<string>()]).Check();
    }

    private static List<string> Entries(TestNamespace host)
    {
        var lines = new List<string>();
        foreach (var family in new[] { "ipv4", "ipv6" })
            lines.AddRange(host.Run("conntrack", "-L", "-f", family).Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Brief));
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    // udp 17 599 src=10.0.0.1 dst=10.0.0.9 sport=1000 dport=53 …
    private static string Brief(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return $"{words[0]} {Value("src=")} {Value("dst=")} {Value("dport=")}";
        string Value(string key) => words.First(w => w.StartsWith(key, StringComparison.Ordinal))[key.Length..];
    }
}
