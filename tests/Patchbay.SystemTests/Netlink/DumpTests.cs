using System.Globalization;
using System.Text;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Lists that fill many datagrams, and lists that change while they are read.</summary>
public class DumpTests
{
    private const int Count = 2500;

    [Fact]
    public void Thousands_of_routes_are_listed_whole()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var expected = new HashSet<string>();
        var commands = new StringBuilder();
        for (var i = 0; i < Count; i++)
        {
            string destination = $"10.{i / 256}.{i % 256}.0/24";
            expected.Add(destination);
            commands.Append(CultureInfo.InvariantCulture, $"route add {destination} dev lo table 100\n");
        }

        host.Run(["ip", "-batch", "-"], stdin: commands.ToString()).Check();

        IReadOnlyList<Route> routes = route.ListRoutes(AddressFamily.IPv4, table: 100);

        Assert.Equal(Count, routes.Count);
        Assert.Equal(expected, routes.Select(r => r.Destination.ToString()!).ToHashSet());
    }

    [Fact]
    public void Thousands_of_links_are_made_and_listed()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        for (var i = 0; i < Count / 2; i++)
            batch.AddLink(new LinkSettings { Name = $"a{i}", Kind = new Veth(new LinkSettings { Name = $"b{i}" }) });
        route.Execute(batch);

        IReadOnlyList<Link> links = route.ListLinks();

        Assert.Equal(Count + 1, links.Count);
        Assert.Equal(
            host.IpJson("link show").EnumerateArray().Select(l => (l.Number("ifindex"), l.Text("ifname"))).Order(),
            links.Select(l => (l.Index, (string?)l.Name)).Order());
        Dictionary<int, Link> byIndex = links.ToDictionary(l => l.Index); // the order is the kernel's: by index today, by a hash of it before 6.6
        Assert.All(links, l => Assert.True(l.Name == "lo" || byIndex[l.LowerIndex].LowerIndex == l.Index, $"{l.Name} and its other end"));
    }

    [Fact]
    public void List_that_changes_while_it_is_read_is_whole_all_the_same()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        for (var i = 0; i < 150; i++)
            batch.AddLink(new LinkSettings { Name = $"a{i}", Kind = new Veth(new LinkSettings { Name = $"b{i}" }) });
        route.Execute(batch);
        using var stop = new CancellationTokenSource();
        var changer = new Thread(() =>
        {
            using var other = RouteSocket.Open(space);
            var change = new NetlinkBatch();
            change.AddLink(new LinkSettings { Name = "x0", Kind = new Veth(new LinkSettings { Name = "x1" }) });
            change.DeleteLink("x0");
            while (!stop.IsCancellationRequested)
                other.Execute(change);
        });
        changer.Start();
        int whole = 0, givenUp = 0;
        try
        {
            while (whole < 20 && givenUp < 20)
            {
                try
                {
                    string[] names = [.. route.ListLinks().Select(l => l.Name).Where(n => n[0] != 'x')];
                    Assert.Equal(301, names.Length);
                    Assert.Equal(301, names.Distinct().Count());
                    whole++;
                }
                catch (NetlinkException e) when (e.Message.Contains("the list changed", StringComparison.Ordinal))
                {
                    givenUp++; // said, not hidden
                }
            }
        }
        finally
        {
            stop.Cancel();
            changer.Join();
        }

        TestContext.Current.SendDiagnosticMessage($"{whole} whole lists, {givenUp} given up");
        Assert.Equal(301, route.ListLinks().Count);
    }
}
