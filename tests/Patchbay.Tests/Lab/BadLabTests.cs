namespace Patchbay.Tests.Lab;

/// <summary>What is wrong is told with its place and with what was expected.</summary>
public class BadLabTests
{
    [Theory]
    [InlineData("links: [{node: a, brige: lan}]\nnodes: [a]", "lab.yaml:1:19: links[0].brige: unknown key", "did you mean \"bridge\"?")]
    [InlineData("linkz: []", "lab.yaml:1:1: linkz: unknown key", "did you mean \"links\"?")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, mtu: big}]", "lab.yaml:2:37: links[0].mtu: expected a number from 68 to 65535, found \"big\"")]
    [InlineData("nodes: [a]\nlinks: {node: a}", "lab.yaml:2:8: links: expected a list, found a map")]
    [InlineData("nodes: [a]\nlinks: [{node: a}]", "expected the key \"bridge\", or \"peer\"")]
    [InlineData("links: [{bridge: lan}]", "expected one of service, container, node")]
    [InlineData("nodes: [a]\nlinks: [{node: a, container: b, bridge: lan}]", "expected exactly one of service, container, node")]
    [InlineData("nodes: [a]\nlinks: [{node: b, bridge: lan}]", "expected the name of an entry of \"nodes\", found \"b\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.1}]", "lab.yaml:2:36: links[0].ip: expected an address with its prefix, such as 10.0.1.1/16 or fd00::1/64, found \"10.0.0.1\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.256/24}]", "found \"10.0.0.256/24\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, mac: '01:00:00:00:00:01'}]", "expected an Ethernet address of one interface")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, dev: averyveryverylongname}]", "expected a name of 1 to 15 bytes for an interface")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: 'a b'}]", "without white space")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan}, {node: a, bridge: wan, outer-dev: x}, {node: a, bridge: lan, dev: e1, outer-dev: x}]", "the interface \"x\" is already among the lab's outer interfaces")]
    [InlineData("nodes: [{node: a, replicas: 9}]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.3/29}]", "10.0.0.3/29 plus 4, for replica 5 of \"a\", is not an address of 10.0.0.0/29")]
    [InlineData("nodes: [a]\nlinks: [{node: a, type: vlan, outer-dev: eth0}]", "expected the key \"vlanid\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, type: dummy, bridge: lan}]", "links[0].bridge: not possible with the type dummy")]
    [InlineData("nodes: [a]\nlinks: [{node: a, type: macvlan}]", "expected the key \"outer-dev\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, type: macvlan, outer-dev: e0, mode: l2}]", "expected private, vepa, bridge, passthru or source, found \"l2\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, type: token, bridge: lan}]", "expected one of veth, dummy, vlan, ipvlan, ipvtap, macvlan, macvtap, link, found \"token\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, netem: delay 5parsecs}]", "expected a time such as 40ms after \"delay\", found \"5parsecs\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, netem: [delay 5ms, lose 1%]}]", "expected one of delay, distribution, loss,")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, route: default by 10.0.0.1}]", "expected one of via, src, dev")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, route: 10.0.0.1/8 via 10.0.0.1}]", "the network is 10.0.0.0/8")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, ip: 10.0.0.1/8, forward: 80}]", "expected PORT:PORT/tcp or PORT:PORT/udp")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, forward: '80:80/tcp'}]", "links[0].forward: needs \"ip\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, vlan: 5}]", "need the bridge \"lan\" to have \"vlan-filtering: true\"")]
    [InlineData("nodes: [a]\nlinks: [{node: a, bridge: lan, ethtool: rx off}]", "expected --offload and pairs")]
    [InlineData("bridges: [{bridge: lan, mode: switch}]", "expected one of auto, linux, ovs, patch, found \"switch\"")]
    [InlineData("bridges: [{bridge: lan, group-fwd-mask: 7}]", "which the kernel never forwards; use mode patch")]
    [InlineData("nodes: [a, b, c]\nbridges: [{bridge: w, mode: patch}]\nlinks: [{node: a, bridge: w}, {node: b, bridge: w}, {node: c, bridge: w}]", "the patch \"w\" joins two interfaces, found 3: a:eth0, b:eth0, c:eth0")]
    [InlineData("tunnels: [{type: gre, bridge: lan, remote: 10.0.0.1, vni: 1}]", "expected one of geneve, vxlan, found \"gre\"")]
    [InlineData("tunnels: [{type: vxlan, bridge: lan, remote: there, vni: 1}]", "tunnels.remote: expected an address, found \"there\"")]
    [InlineData("nodes: [a, a]", "there is a node \"a\" already")]
    [InlineData("nodes: [../etc]", "expected a name of letters, digits")]
    [InlineData("nodes: [{node: a, sysctls: {kernel.hostname: x}}]", "expected a setting below net.ipv4 or net.ipv6, found \"kernel.hostname\"")]
    [InlineData("nodes: [{node: a, sysctls: {net.ipv4/../x: 1}}]", "expected a setting below net.ipv4 or net.ipv6")]
    [InlineData("nodes: [a]\nlinks: [{container: a, bridge: lan}]", "there is container \"a\" besides the node \"a\"")]
    [InlineData("nodes: [a]\ncommands: [{node: a}]", "expected the key \"command\"")]
    [InlineData("- 1", "expected a map with \"links\", found a list")]
    public void A_mistake_is_told(string yaml, params string[] expected)
    {
        string told = string.Join('\n', LabText.Problems(yaml));

        Assert.All(expected, part => Assert.Contains(part, told, StringComparison.Ordinal));
        Assert.StartsWith("lab.yaml:", told, StringComparison.Ordinal);
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        string[] told = LabText.Problems("nodes: [a]\nlinks:\n  - {node: a, bridge: lan, mtu: x}\n  - {node: a, bridge: lan, dev: e1, vlanid: 9999}\n");

        Assert.Contains(told, line => line.StartsWith("lab.yaml:3:33: links[0].mtu:", StringComparison.Ordinal));
        Assert.Contains(told, line => line.StartsWith("lab.yaml:4:45: links[1].vlanid:", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("mininet-cfg: {hosts: [{name: h}], links: [{left: h, right: s}]}", "mininet-cfg.links[0].right: expected the name of a switch or a host of mininet-cfg, found \"s\"")]
    [InlineData("mininet-cfg: {switches: [{name: s}], hosts: [{name: s}]}", "there is a switch or host \"s\" already")]
    [InlineData("mininet-cfg: {switches: [{name: s}], interfaces: [{node: s, name: x}]}", "expected the name of an end of a link or of a tunnel, found \"x\"")]
    [InlineData("links: [{left: {container: a, intf: e}}]", "expected the key \"right\"")]
    [InlineData("links: [{left: {container: a, intf: e}, right: {container: b}}]", "links[0].right: expected the key \"intf\"")]
    [InlineData("mininet-cfg: {hosts: [{name: h, opts: {ipp: 1}}]}", "unknown key", "did you mean \"ip\"?")]
    [InlineData("mininet-cfg: {commands: [{node: h, command: x}]}", "expected the name of a host of mininet-cfg, found \"h\"")]
    [InlineData("tunnels: [{type: gre, intf: t, remote: 10.0.0.1, vni: 1}]\nmininet-cfg: {}", "expected geneve or vxlan, found \"gre\"")]
    public void A_mistake_in_the_old_language_is_told(string yaml, params string[] expected)
    {
        string told = string.Join('\n', LabText.Problems(yaml));

        Assert.All(expected, part => Assert.Contains(part, told, StringComparison.Ordinal));
    }
}
