using System.Net;
using Patchbay.Lab.Plan;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Lab;

/// <summary>What is compared with what should be; no kernel is asked.</summary>
public class PlannerTests
{
    private static readonly Topology Lab = LabText.Topology("nodes: [a]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.1/24, mtu: 1400, route: default via 10.0.0.9}]");

    [Fact]
    public void Nothing_there_means_that_all_is_made() =>
        Assert.Equal("+ node a\n+ bridge lan\n+ link a:eth0 -- lan (a-eth0) 10.0.0.1/24", Plan(new() { Nodes = new Dictionary<string, ObservedNode> { [""] = Node("") } }));

    [Fact]
    public void As_it_should_be_means_no_change() => Assert.Equal("", Plan(Seen()));

    [Fact]
    public void What_differs_is_changed_in_place() => Assert.Equal(
        "~ interface a:eth0: mtu 1400, up, -10.0.0.7/24, +10.0.0.1/24, +route default via 10.0.0.9",
        Plan(Seen(eth0: device => device with
        {
            Link = device.Link with { Mtu = 1500, Flags = LinkFlags.None },
            Routes = [],
            Addresses = [Address("10.0.0.7", Ownership.Protocol), Address("10.0.0.8", 0)],
        })));

    [Fact]
    public void A_link_that_is_gone_is_made_again_and_its_other_end_removed() =>
        Assert.Equal("- interface a-eth0\n+ link a:eth0 -- lan (a-eth0) 10.0.0.1/24", Plan(Seen(eth0: _ => null)));

    [Fact]
    public void What_the_files_do_not_have_is_removed()
    {
        Observation seen = Seen();
        Dictionary<string, ObservedNode> nodes = new(seen.Nodes);
        nodes[""] = nodes[""] with
        {
            Devices = new Dictionary<string, ObservedDevice>(nodes[""].Devices)
            {
                ["old"] = new() { Owned = true, Link = Link(9, "old", "veth", Lab.Ownership.Mark("", "old")) },
                ["theirs"] = new() { Link = Link(10, "theirs", "veth", "other") },
            },
        };

        Assert.Equal("- node b\n- interface old", Plan(seen with { Nodes = nodes, StrayNamespaces = ["test-b"] }));
    }

    [Fact]
    public void Somebody_elses_things_are_refused()
    {
        Dictionary<string, ObservedNode> nodes = new() { [""] = Node("", new ObservedDevice { Link = Link(5, "lan", "bridge", "patchbay+other+0123456789abcdef") }) };

        PlanException error = Assert.Throws<PlanException>(() => Planner.Compare(Lab, new Observation { Nodes = nodes }));

        Assert.Contains("here has an interface \"lan\" already, of the lab \"other\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_host_lends_is_given_and_given_back_and_never_deleted()
    {
        Topology lent = LabText.Topology("nodes: [a]\nlinks: [{node: a, type: link, outer-dev: up0, dev: out}]");
        ObservedDevice loopback = new() { Owned = true, Link = Link(1, "lo", null, lent.Nodes[1].Loopback!.Mark) with { Flags = LinkFlags.Up | LinkFlags.Loopback } };
        ObservedDevice home = new() { Link = Link(7, "up0", "veth", "other") with { Group = 0 } };
        ObservedDevice away = new() { Owned = true, Loan = new Loan(1, true, default, 1500, "up0"), Link = home.Link with { Name = "out" } };

        Assert.Equal("+ loan up0 as a:out", Compare(lent, Node("", home), Node("a", loopback)));
        Assert.Equal("", Compare(lent, Node(""), Node("a", loopback, away)));
        Assert.Equal("- loan up0 as a:out", Compare(LabText.Topology("nodes: [a]"), Node(""), Node("a", loopback, away)));
        // Where the kernel put it when its node ended.
        Assert.Equal("- loan up0 as out\n+ loan up0 as a:out", Compare(lent, Node("", away), Node("a", loopback)));
        Assert.Contains("here is no interface \"up0\" to lend to a", Assert.Throws<PlanException>(() => Compare(lent, Node(""), Node("a", loopback))).Message, StringComparison.Ordinal);

        static string Compare(Topology lab, params ObservedNode[] nodes) => Planner.Compare(lab, new Observation { Nodes = nodes.ToDictionary(node => node.Name) }).ToString();
    }

    private static string Plan(Observation seen) => Planner.Compare(Lab, seen).ToString();

    private static Observation Seen(Func<ObservedDevice, ObservedDevice?>? eth0 = null)
    {
        Segment lan = Lab.Segments[0];
        LabLink link = Lab.Links[0];
        ObservedDevice bridge = Own(4, lan.Device!, "bridge");
        ObservedDevice port = Own(5, link.Peer!, "veth");
        ObservedDevice end = Own(2, link.End, "veth") with
        {
            Addresses = [Address("10.0.0.1", Ownership.Protocol)],
            Routes = [link.End.Routes[0] with { Link = 2 }],
        };
        ObservedDevice loopback = new() { Owned = true, Link = Link(1, "lo", null, Lab.Nodes[1].Loopback!.Mark) with { Flags = LinkFlags.Up | LinkFlags.Loopback } };
        ObservedDevice?[] ofA = [loopback, eth0 is null ? end : eth0(end)];
        return new Observation
        {
            Nodes = new Dictionary<string, ObservedNode>
            {
                [""] = Node("", bridge, port with { Link = port.Link with { Master = 4 } }),
                ["a"] = Node("a", [.. ofA.OfType<ObservedDevice>()]),
            },
        };
    }

    private static ObservedNode Node(string name, params ObservedDevice[] devices) => new() { Name = name, Devices = devices.ToDictionary(device => device.Link.Name) };

    private static ObservedDevice Own(int index, Device device, string kind) =>
        new() { Owned = true, Link = Link(index, device.Name, kind, device.Mark) with { Mtu = device.Mtu ?? 1500, Address = device.Mac } };

    private static Link Link(int index, string name, string? kind, string mark) =>
        new() { Index = index, Name = name, Kind = kind, Flags = LinkFlags.Up, Group = Lab.Ownership.Group, AlternativeNames = [mark] };

    private static InterfaceAddress Address(string address, byte protocol) =>
        new() { Link = 2, Address = IPAddress.Parse(address), PrefixLength = 24, Protocol = protocol };
}
