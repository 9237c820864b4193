using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

public class TopologyTests
{
    [Fact]
    public void Replicas_count_addresses_and_ports_up()
    {
        Topology lab = LabText.Topology("""
            services: {web: {image: x, scale: 2}}
            x-network: {links: [{service: web, bridge: lan, ip: [10.0.0.255/16, "fd00::ff/64"], mac: "02:00:00:00:00:ff", forward: "8000:80/tcp"}]}
            """, Web(1), Web(2));

        LabLink second = lab.Links[1];
        Assert.Equal("10.0.1.0/16 fd00::100/64", string.Join(' ', second.End.Addresses));
        Assert.Equal("02:00:00:00:01:00", $"{second.End.Mac}");
        Assert.Equal("web_2-eth0", second.Peer!.Name);
        Assert.All(second.Forwards, forward => Assert.Equal(8001, forward.Port));
        Assert.Equal(["10.0.1.0", "fd00::100"], second.Forwards.Select(forward => $"{forward.Address}"));
        Assert.Empty(lab.Missing);
    }

    [Fact]
    public void What_does_not_run_is_missing()
    {
        Topology lab = LabText.Topology("""
            services: {web: {scale: 3}}
            x-network: {links: [{service: web, bridge: lan}, {container: db, bridge: lan}]}
            """, Web(2));

        Assert.Equal(["web_1", "web_3", "db"], lab.Missing);
        Assert.Single(lab.Links);
    }

    [Fact]
    public void Templates_fill_in_and_are_not_counted_up()
    {
        Topology lab = LabText.Topology("""
            nodes: [{node: n, replicas: 2}]
            links: [{node: n, bridge: lan, dev: "e{INDEX}", outer-dev: "{NAME}.{INDEX0}", ip: "10.{INDEX}.0.9/24", route: "default via 10.{INDEX}.0.1 src {IP}"}]
            """);

        Device second = lab.Links[1].End;
        Assert.Equal("n_2:e2", $"{second}");
        Assert.Equal("n_2.1", lab.Links[1].Peer!.Name);
        Assert.Equal("10.2.0.9/24", $"{second.Addresses[0]}");
        Assert.Equal("10.2.0.9", $"{second.Routes[0].PreferredSource}");
    }

    [Fact]
    public void Long_names_are_shortened_without_collisions()
    {
        Topology lab = LabText.Topology("""
            nodes: [averylongnodename]
            links: [{node: averylongnodename, bridge: lan, dev: eth-s1}, {node: averylongnodename, bridge: lan, dev: eth-s2}]
            """);

        Assert.All(lab.Links, link => Assert.InRange(link.Peer!.Name.Length, 1, 15));
        Assert.Equal(2, lab.Links.Select(link => link.Peer!.Name).Distinct().Count());
    }

    [Fact]
    public void Addresses_of_interfaces_are_the_same_each_time()
    {
        const string Text = "nodes: [a]\nlinks: [{node: a, bridge: lan}]";

        Assert.Equal(LabText.Topology(Text).Links[0].End.Mac, LabText.Topology(Text).Links[0].End.Mac);
        Assert.StartsWith("c2:", $"{LabText.Topology(Text).Links[0].End.Mac}", StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_links_are_merged_and_the_later_wins()
    {
        LabConfig config = LabText.Config("""
            services:
              web: {x-network: {links: [{bridge: lan, netem: delay 40ms, route: [10.1.0.0/16]}]}}
            x-network: {links: [{service: web, bridge: lan, netem: delay 200ms, mtu: 1400, route: 10.2.0.0/16}]}
            """);

        LinkConfig link = Assert.Single(config.Links);
        Assert.Equal("delay 40ms", link.End.Egress!.Netem[0].Text);
        Assert.Equal(1400, link.End.Mtu);
        Assert.Equal(["10.2.0.0/16", "10.1.0.0/16"], link.End.Routes.Select(route => route.Text));
    }

    [Fact]
    public void Services_that_a_profile_switches_off_have_no_links()
    {
        const string Text = """
            services: {a: {profiles: [extra]}, b: {}}
            x-network: {links: [{service: a, bridge: lan}, {service: b, bridge: lan}]}
            """;
        LabSource file = new("lab.yaml", Text, IsCompose: true);

        Assert.Equal("b", Assert.Single(LabFiles.Read([file], [], _ => null).Config.Links).End.Owner.Name);
        Assert.Equal(2, LabFiles.Read([file], ["extra"], _ => null).Config.Links.Count);
    }

    [Fact]
    public void Defaults_are_for_what_a_thing_does_not_say()
    {
        Topology lab = LabText.Topology("""
            defaults: {links: {mtu: 1400, netem: rate 1mbit}, bridges: {stp: true}, nodes: {forwarding: true}}
            nodes: [a, {node: b, forwarding: false}]
            links: [{node: a, bridge: lan}, {node: b, bridge: lan, mtu: 9000}]
            """);

        Assert.Equal([1400, 9000], lab.Links.Select(link => link.End.Mtu));
        Assert.All(lab.Links, link => Assert.Equal(125_000UL, link.End.Egress!.Rate));
        Assert.True(lab.Segments[0].SpanningTree);
        Assert.Equal(["1", "0"], lab.Nodes.Skip(1).Select(node => node.Sysctls[0].Value));
    }

    [Fact]
    public void Links_beside_a_tunnel_leave_room_for_it()
    {
        Topology lab = LabText.Topology("nodes: [a]\nlinks: [{node: a, bridge: lan}]\ntunnels: [{type: vxlan, bridge: lan, vni: 42, remote: 192.0.2.2}]");

        Assert.Equal(1450, lab.Links[0].End.Mtu);
        Assert.Equal("vxlan-42", lab.Links[1].End.Name);
        Assert.Equal("lan", lab.Links[1].End.Master);
    }

    [Fact]
    public void A_patch_sends_on_what_the_other_port_gets()
    {
        Topology lab = LabText.Topology("nodes: [a, b]\nbridges: [{bridge: w, mode: patch}]\nlinks: [{node: a, bridge: w}, {node: b, bridge: w}]");

        Assert.Equal(("b-eth0", "a-eth0"), (lab.Links[0].Peer!.RedirectTo, lab.Links[1].Peer!.RedirectTo));
        Assert.Null(lab.Links[0].Peer!.Master);
    }

    private static RunningContainer Web(int index) => new($"project_web_{index}", "0123", "web", index, "/nowhere");
}
