using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

public class MonitorTests
{
    private const int Limit = 30_000;

    [Fact]
    public void Links_addresses_and_routes_are_reported()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var monitor = RouteMonitor.Open(space, RouteGroup.Link, RouteGroup.IPv4Address, RouteGroup.IPv4Route, RouteGroup.IPv4Rule, RouteGroup.Neighbour);
        host.Run(
            "sh",
            "-c",
            """
            ip link add br0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master br0 && ip link set br0 up
            ip addr add 10.1.2.3/24 dev br0 && ip route add 10.5.0.0/16 via 10.1.2.1 && ip rule add pref 100 lookup 7
            ip neigh add 10.1.2.9 lladdr 0a:58:0a:01:02:09 dev br0
            ip link set v0 nomaster && ip link del v0 && ip addr del 10.1.2.3/24 dev br0
            """).Check();
        var seen = new List<string>();

        // The address goes last: with it all that came before has been said.
        while (!seen.Contains("- 10.1.2.3/24"))
            Assert.True(monitor.Receive(Limit, c => seen.Add($"{(c.Deleted ? "-" : "+")} {(c.Subject is Link link ? link.Name : c.Subject)}")), string.Join(", ", seen));

        string[] expected = ["+ br0", "+ v0", "+ 10.1.2.3/24", "+ 10.5.0.0/16 via 10.1.2.1 dev 2", "+ 100: from all lookup 7", "+ 10.1.2.9 dev 2", "- v0", "- 10.1.2.3/24"];
        Assert.Equal(expected, expected.OrderBy(seen.IndexOf));
        Assert.All(expected, e => Assert.Contains(e, seen));
        Assert.Single(seen, "- v0"); // leaving the bridge is none
    }

    [Fact]
    public void Time_runs_out_where_nothing_happens()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var monitor = RouteMonitor.Open(space, RouteGroup.IPv4Rule);

        Assert.False(monitor.Receive(0, c => Assert.Fail($"{c}")));
        Assert.False(monitor.Receive(20, c => Assert.Fail($"{c}")));
    }
}
