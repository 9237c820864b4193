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

    [Fact]
    public void A_container_inside_is_a_host_that_the_lab_has_an_engine_run()
    {
        const string Nested = """
            mininet-cfg:
              switches: [{name: s3}]
              hosts: [{name: h3, opts: {ip: 10.0.0.100/8}}]
              containers:
                - name: h4
                  opts: {ip: 10.0.0.104/8, defaultRoute: via 10.0.0.1, image: "python:3-alpine", cmd: "sh -c 'sleep 9'", shell_cmd: bash -is, general_args: --log-level debug, run_args: "--env A=B --sysctl=net.ipv4.ip_forward=1 -it --cap-add SYS_PTRACE"}
              links: [{left: h3, right: s3}, {left: h4, right: s3}]
              commands: [{node: h4, command: python3 -m http.server 84}, {node: h4, sync: true, command: [ip addr]}]
            """;
        LabConfig config = LabText.Config(Nested);
        Topology lab = TopologyBuilder.Build(config, new TopologyOptions { Lab = "test" }, Expected.Containers(config));

        LabContainerConfig h4 = Assert.Single(config.LabContainers);
        Assert.Equal(("h4", "python:3-alpine"), (h4.Name.Text, h4.Image.Text));
        Assert.Equal(["sh", "-c", "sleep 9"], h4.Command);
        Assert.Equal(["A=B", "SYS_PTRACE", "1"], [.. h4.Options.Environment, .. h4.Options.Capabilities, h4.Options.Sysctls["net.ipv4.ip_forward"]]);
        Assert.True(config.HasContainers);
        LabLink link = lab.Links.Single(each => each.End.Node == "h4");
        Assert.Equal("h4:h4-eth0 -- s3 (s3-eth2)", $"{link}");
        Assert.Equal("10.0.0.104/8", $"{link.End.Addresses[0]}");
        Assert.Equal("default via 10.0.0.1 dev h4-eth0", $"{link.End.Routes[0] with { Link = 2 }}");
        Assert.Equal(("bash -c python3 -m http.server 84", true), (string.Join(' ', lab.Commands[0].Words), lab.Commands[0].Background));
        Assert.Equal(("bash -c ip addr", false), (string.Join(' ', lab.Commands[1].Words), lab.Commands[1].Background));
    }

    [Theory]
    [InlineData("a b  c", "a|b|c")]
    [InlineData("""--env 'A=b c' "d e"f """, "--env|A=b c|d ef")]
    [InlineData("""a\ b "c\"d" '' """, "a b|c\"d|")]
    public void Words_are_divided_as_by_a_shell(string text, string expected) => Assert.Equal(expected, string.Join('|', RunOptions.Split(text)));

    [Fact]
    public void Arguments_of_containers_that_are_not_known_are_refused()
    {
        Assert.Contains("found \"--pid\"", Assert.Single(LabText.Problems("mininet-cfg: {containers: [{name: a, opts: {run_args: --pid host}}]}")), StringComparison.Ordinal);
        Assert.Contains("there is a switch or host \"a\" already", Assert.Single(LabText.Problems("mininet-cfg: {hosts: [{name: a}], containers: [{name: a}]}")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bw: 10, enable_red: true", "rate 10mbit red")]
    [InlineData("bw: 10, enable_red: true, enable_ecn: true, delay: 5ms", "rate 10mbit red ecn delay 5ms")]
    [InlineData("delay: 5ms, enable_red: true", "delay 5ms")] // as mininet: without a rate there is nothing to wait for
    public void Early_detection_is_about_the_rate(string options, string expected)
    {
        Topology lab = LabText.Topology($"mininet-cfg: {{hosts: [{{name: a}}, {{name: b}}], links: [{{left: a, right: b, opts: {{{options}, gro: false, txo: false}}}}]}}");

        Assert.Equal((expected, expected), (NetemText.Write(lab.Links[0].End.Egress), NetemText.Write(lab.Links[0].Peer!.Egress)));
        Assert.Equal([("gro", false), ("tx", false)], lab.Links[0].Peer!.Features);
    }

    [Fact]
    public void An_interface_of_the_host_is_lent()
    {
        LabConfig config = LabText.Config("interfaces: [{type: link, container: c, host-intf: enp1s0, intf: eth1, ip: 192.0.2.9/24}]");
        Topology lab = TopologyBuilder.Build(config, new TopologyOptions { Lab = "test" }, Expected.Containers(config));

        Assert.Equal("enp1s0 as c:eth1", $"{Assert.Single(lab.Links)}");
        Assert.Equal((true, null), (lab.Links[0].End.IsLent, lab.Links[0].End.Mac));
    }
}
