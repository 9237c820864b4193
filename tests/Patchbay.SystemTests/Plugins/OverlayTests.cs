using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Two hosts joined by an overlay, a container on each: what is sent arrives whole.</summary>
public sealed class OverlayTests : IDisposable
{
    private readonly TestHost _one, _two;

    public OverlayTests()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        Needs.Vxlan();
        _one = TestHost.Create();
        _two = TestHost.Create();
        _one.To(_two);
        Join(_one, "up0", 1, 2);
        Join(_two, "far", 2, 1);
    }

    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
    }

    [Fact]
    public void Packets_of_the_containers_MTU_pass_unfragmented_and_larger_ones_do_not()
    {
        TestNamespace here = Add(_one, 1), there = Add(_two, 2);

        int mtu = here.Mtu("eth0");
        Assert.Equal((1450, 1450), (mtu, there.Mtu("eth0")));
        // ICMP and IP headers are within the MTU.
        Assert.True(here.PingsWhole("10.22.2.2", mtu - 28));
        Assert.False(here.PingsWhole("10.22.2.2", mtu - 28 + 1));
        Assert.True(here.PingsWhole("fd22:0:0:2::2", mtu - 48));
        Assert.False(here.PingsWhole("fd22:0:0:2::2", mtu - 48 + 1));
        // Nothing was fragmented on the way.
        Assert.Equal(("0", "0"), (Fragments(_one), Fragments(_two)));
    }

    [Fact]
    public void Without_the_hosts_MTU_they_would_not_pass()
    {
        TestNamespace here = Add(_one, 1, """ "mtu": 1500, """);
        Add(_two, 2, """ "mtu": 1500, """);

        Assert.Equal(1500, here.Mtu("eth0"));
        Assert.False(here.PingsWhole("10.22.2.2", 1500 - 28));
    }

    [Fact]
    public void Overhead_that_no_device_shows_is_told_and_fits()
    {
        // As if what carries the hosts' packets took 50 bytes of each: the cable lets no more through than the rest.
        _one.Ip("link del vx0", "route add 10.22.2.0/24 via 192.0.2.2");
        _two.Ip("link del vx0", "route add 10.22.1.0/24 via 192.0.2.1");
        TestNamespace here = Add(_one, 1, """ "mtuOverhead": 50, """), there = Add(_two, 2, """ "mtuOverhead": 50, """);
        Limit(_one, "up0");
        Limit(_two, "far");

        int mtu = here.Mtu("eth0");
        Assert.Equal((1450, 1450), (mtu, there.Mtu("eth0")));
        Assert.True(here.PingsWhole("10.22.2.2", mtu - 28));
        Assert.False(here.PingsWhole("10.22.2.2", mtu - 28 + 1));
    }

    // Drops packets of more than 1450 bytes, as a network would that has no more room for them.
    private static void Limit(TestHost host, string device) => host.Run(
        ["nft", "-f", "-"], $"table ip wire {{ chain out {{ type filter hook postrouting priority 0; oifname {device} ip length > 1450 drop\n}}\n}}\n").Check();

    private static string Fragments(TestHost host)
    {
        string[][] lines = [.. host.Run("cat", "/proc/net/snmp").Check().StandardOutput.Split('\n').Where(line => line.StartsWith("Ip:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return lines[1][Array.IndexOf(lines[0], "FragCreates")];
    }

    private static void Join(TestHost host, string device, int own, int other) => host.Ip(
        $"addr add 192.0.2.{own}/24 dev {device}",
        $"link add vx0 type vxlan id 42 dstport 4789 dev {device} local 192.0.2.{own} remote 192.0.2.{other}",
        "link set vx0 up",
        $"addr add 10.99.0.{own}/24 dev vx0",
        $"addr add fd99::{own}/64 dev vx0 nodad",
        $"route add 10.22.{other}.0/24 via 10.99.0.{other}",
        $"route add fd22:0:0:{other}::/64 via fd99::{other}",
        $"route add default via 192.0.2.{other}");

    private static TestNamespace Add(TestHost host, int number, string keys = "")
    {
        TestNamespace container = host.AddContainer();
        string config = $$"""
            { "cniVersion": "1.1.0", "name": "net", "type": "bridge", "isDefaultGateway": true, {{keys}}
              "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.{{number}}.0/24" }], [{ "subnet": "fd22:0:0:{{number}}::/64" }]] } }
            """;
        new Plugin(host, "bridge").Add(container, config).Check();
        return container;
    }
}
