using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

/// <summary>conlink's first language becomes the same topology.</summary>
public class OldSchemaTests
{
    private const string Web = """
        links:
          - left:  {container: web1_1, intf: eth0, ip: 10.20.0.11/16, mac: "02:11:22:33:44:01"}
            right: {container: network_1, intf: web1-port}
        commands:
          - {container: web1_1, command: ["ip route add default via 10.20.0.1"]}
        tunnels:
          - {type: geneve, intf: gnv0, vni: 77, remote: "${PEER}"}
        mininet-cfg:
          switches: [{name: lan, opts: {stp: false}}]
          hosts:    [{name: isp, opts: {ip: 10.20.0.1/16}}]
          links:    [{left: isp, right: lan, opts: {intfName1: isp-up, delay: 5ms, bw: 100}}]
          interfaces:
            - {node: lan, name: web1-port}
            - {node: lan, name: gnv0}
          commands:
            - {node: isp, sync: true, command: ["ip link set lo up", "true"]}
        """;

    [Fact]
    public void An_outer_link_ends_at_the_port_that_the_inside_takes()
    {
        LabConfig config = LabText.Config(Web, ("PEER", "192.0.2.7"));

        LinkConfig link = config.Links.Single(each => each.End.Owner.Kind == OwnerKind.Container);
        Assert.Equal(("web1_1", "eth0", "lan", "web1-port"), (link.End.Owner.Name, link.End.Device.Text, link.Bridge!.Value.Text, link.OuterDevice!.Value.Text));
        Assert.Equal("gnv0", config.Tunnels[0].Device!.Value.Text);
        Assert.Equal("lan", config.Tunnels[0].Bridge!.Value.Text);
    }

    [Fact]
    public void An_inner_link_is_bad_in_both_directions()
    {
        Topology lab = TopologyBuilder.Build(LabText.Config(Web, ("PEER", "192.0.2.7")), new TopologyOptions { Lab = "test" }, [new RunningContainer("p_web1_1", "", "web1", 1, "/nowhere")]);

        LabLink inner = lab.Links.Single(each => each.End.Node == "isp");
        Assert.Equal("isp:isp-up -- lan (lan-eth1)", $"{inner}");
        Assert.Equal("10.20.0.1/16", $"{inner.End.Addresses[0]}");
        Assert.Equal("rate 100mbit delay 5ms", NetemText.Write(inner.End.Egress));
        Assert.Equal("rate 100mbit delay 5ms", NetemText.Write(inner.Peer!.Egress));
        Assert.Equal(1450, inner.End.Mtu); // room for the tunnel at the same switch
        Assert.True(lab.FindNode("isp")!.Shell);
        Assert.Equal(["isp", "isp", "p_web1_1"], lab.Commands.Select(command => command.Node));
        Assert.Equal(["ip", "route", "add", "default", "via", "10.20.0.1"], lab.Commands[2].Words);
        Assert.False(lab.Commands[0].Background);
    }

    [Fact]
    public void Hosts_without_an_address_get_the_next_one()
    {
        Topology lab = LabText.Topology("mininet-cfg: {hosts: [{name: a}, {name: b, opts: {ip: 10.9.0.1/8}}, {name: c}], links: [{left: a, right: b}, {left: b, right: c}]}");

        Assert.Equal(["a:a-eth0 10.0.0.1/8", "b:b-eth0 10.9.0.1/8", "b:b-eth1 ", "c:c-eth0 10.0.0.3/8"],
            lab.Links.SelectMany(link => new[] { link.End, link.Peer! }).Select(device => $"{device} {string.Join(' ', device.Addresses)}"));
    }

    [Fact]
    public void Switches_are_joined_by_a_cable_between_two_ports()
    {
        Topology lab = LabText.Topology("mininet-cfg: {switches: [{name: s1}, {name: s2}], links: [{left: s1, right: s2}]}");

        Assert.Equal(("s1-eth1", "s1", "s2-eth1", "s2"), (lab.Links[0].End.Name, lab.Links[0].End.Master, lab.Links[0].Peer!.Name, lab.Links[0].Peer!.Master));
    }

    [Fact]
    public void Two_containers_are_joined_directly()
    {
        LabConfig config = LabText.Config("links: [{left: {container: a, intf: e0}, right: {container: b, intf: e1}}]\nmininet-cfg: {}");

        Assert.Equal((OwnerKind.Container, "b"), (config.Links[0].Peer!.Owner.Kind, config.Links[0].Peer!.Owner.Name));
    }
}
