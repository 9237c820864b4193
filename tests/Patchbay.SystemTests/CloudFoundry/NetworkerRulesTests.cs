using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>The rules that the networker itself makes in configurations of 2016: net-in, net-out, bulk-net-out.</summary>
public sealed class NetworkerRulesTests : IDisposable
{
    private readonly CloudHost _cloud = new();

    public NetworkerRulesTests()
    {
        _cloud.Network("10.conf", $$"""{ "name": "n", "cniVersion": "0.2.0", "ipMasq": true, "ipMasqBackend": "nftables", {{_cloud.Ptp.Trim()[1..]}}""");
    }

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void A_container_reaches_what_it_is_let_and_is_reached_by_its_ports(string backend)
    {
        if (backend == "iptables")
            Needs.IptablesNft();
        string keys = $$"""{ "backend": "{{backend}}" }""";
        TestNamespace web = Host.AddContainer();
        Up(web, keys);
        using EchoServer tcp = EchoServer.Tcp(_cloud.Outside, 8080), other = EchoServer.Tcp(_cloud.Outside, 8085), inside = EchoServer.Tcp(web, 8080);
        Assert.Null(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));

        Action("net-out", web, $$"""{ "container_ip": "10.255.30.2", "netout_rule": { "protocol": 1, "networks": [{ "start": "{{CloudHost.OutsideAddress}}" }], "ports": [{ "start": 8080, "end": 8081 }] } }""", keys);
        Assert.Equal(CloudHost.HostAddress, EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));
        Assert.Null(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8085));

        Action("bulk-net-out", web, $$"""
            { "container_ip": "10.255.30.2", "netout_rules": [ { "protocol": 1, "networks": [{ "start": "192.0.2.0", "end": "192.0.2.9" }], "ports": [{ "start": 8080, "end": 8090 }] },
              { "protocol": 3, "networks": [{ "start": "{{CloudHost.OutsideAddress}}" }], "icmps": { "type": 8, "code": 0 } } ] }
            """, keys);
        Assert.NotNull(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8085));
        Assert.NotNull(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));
        web.Run("ping", "-c", "1", "-W", "5", CloudHost.OutsideAddress).Check();
        Assert.Null(EchoServer.AskTcp(web, CloudHost.OtherOutside, 8080));

        Assert.Equal("""{"host_port":61000,"container_port":8080}""", NetIn(web, 0, 8080, keys).Check().StandardOutput);
        Assert.Equal(CloudHost.OutsideAddress, EchoServer.AskTcp(_cloud.Outside, CloudHost.HostAddress, 61000));
        Assert.Equal("""{"host_port":7000,"container_port":7000}""", NetIn(web, 7000, 0, keys).Check().StandardOutput);
        Assert.Equal("error: cannot specify port from allocation range\n", NetIn(web, 61001, 1, keys).StandardError);

        Down(web, keys);
        Down(web, keys);
        Assert.DoesNotContain(_cloud.IptablesRules, rule => rule.Contains("netout--", StringComparison.Ordinal) || rule.Contains("netin--", StringComparison.Ordinal));
        Assert.Empty(_cloud.Elements("containers", "garden_networker"));
        Assert.Empty(_cloud.Elements("port_mappings", "garden_networker"));
        Assert.DoesNotContain(_cloud.Chains("garden_networker"), chain => chain.StartsWith("netout-", StringComparison.Ordinal));
        Assert.Equal("""{"acquired_ports":{}}""", File.ReadAllText(_cloud.StateFile));
    }

    [Fact]
    public void The_chains_of_iptables_are_those_of_2016()
    {
        Needs.IptablesNft();
        string keys = """{ "backend": "iptables" }""";
        TestNamespace web = Host.AddContainer();
        Host.Run("iptables", "-A", "FORWARD", "-j", "ACCEPT").Check();
        _cloud.Up(web, today: false, config: keys, handle: "some-container-id-that-is-long").Check();
        Run("net-out", """{ "container_ip": "10.255.30.2", "netout_rule": { "protocol": 2, "networks": [{ "start": "1.1.1.1", "end": "2.2.2.2" }], "ports": [{ "start": 9000, "end": 9999 }] } }""");
        Run("net-out", """{ "container_ip": "10.255.30.2", "netout_rule": { "networks": [{ "start": "3.3.3.3", "end": "4.4.4.4" }] } }""");
        Run("net-in", """{ "HostIP": "192.0.2.10", "HostPort": 0, "ContainerIP": "10.255.30.2", "ContainerPort": 8080 }""");

        Assert.Equal(
            [
                "filter -A FORWARD -j netout--some-container-id-th",
                "filter -A FORWARD -j ACCEPT",
                "filter -A netout--some-container-id-th -s 10.255.30.2/32 -m iprange --dst-range 3.3.3.3-4.4.4.4 -j RETURN",
                "filter -A netout--some-container-id-th -s 10.255.30.2/32 -p udp -m iprange --dst-range 1.1.1.1-2.2.2.2 -m udp --dport 9000:9999 -j RETURN",
                "filter -A netout--some-container-id-th -s 10.255.30.2/32 ! -d 10.255.0.0/16 -m state --state RELATED,ESTABLISHED -j RETURN",
                "filter -A netout--some-container-id-th -s 10.255.30.2/32 ! -d 10.255.0.0/16 -j REJECT --reject-with icmp-port-unreachable",
                "nat -A PREROUTING -j netin--some-container-id-tha",
                "nat -A netin--some-container-id-tha -d 192.0.2.10/32 -p tcp -m tcp --dport 61000 -j DNAT --to-destination 10.255.30.2:8080",
            ],
            _cloud.IptablesRules.Where(rule => rule.Contains(" -A ", StringComparison.Ordinal)));

        // The other backend's down removes them, too.
        _cloud.Networker("down", "some-container-id-that-is-long", today: false).Check();
        Assert.Equal(["filter -A FORWARD -j ACCEPT"], _cloud.IptablesRules);

        void Run(string action, string input) => _cloud.Networker(action, "some-container-id-that-is-long", input, today: false, keys: keys).Check();
    }

    [Fact]
    public void A_port_has_one_container_and_rules_need_one_that_is_up()
    {
        TestNamespace web = Host.AddContainer(), db = Host.AddContainer();
        Up(web, "{}");
        Up(db, "{}");
        NetIn(web, 7000, 80, "{}").Check();
        Assert.Contains("port 7000 of 192.0.2.10 leads to a container already", NetIn(db, 7000, 80, "{}").StandardError, StringComparison.Ordinal);
        Assert.Contains("\"nobody\" with the address 10.255.30.9 is not up", _cloud.Networker("net-out", "nobody", """{ "container_ip": "10.255.30.9", "netout_rule": { "networks": [{ "start": "1.1.1.1" }] } }""", today: false).StandardError, StringComparison.Ordinal);
        Assert.Contains("container_ip", _cloud.Networker("net-out", web.Name, """{ "netout_rule": {} }""", today: false).StandardError, StringComparison.Ordinal);
        Down(web, "{}");
        NetIn(db, 7000, 80, "{}").Check();
        Down(db, "{}");
    }

    [Fact]
    public void What_is_let_through_is_taken_together()
    {
        TestNamespace web = Host.AddContainer(), same = Host.AddContainer();
        Up(web, "{}");
        Up(same, "{}");
        string Rule(string address, int n) => $$"""{ "container_ip": "{{address}}", "netout_rule": { "protocol": 1, "networks": [{ "start": "10.0.0.{{n}}", "end": "10.0.0.{{n + 9}}" }], "ports": [{ "start": {{100 + n}}, "end": {{120 + n}} }] } }""";
        for (int n = 0; n < 5; n++)
            Action("net-out", web, Rule("10.255.30.2", n), "{}");
        for (int n = 4; n >= 0; n--)
            Action("net-out", same, Rule("10.255.30.3", n), "{}");
        // In whichever order, overlapping as they do, they are the same to the kernel; a chain for the two of them remains.
        string rules = Host.Run("nft", "list", "table", "ip", "garden_networker").Check().StandardOutput;
        Assert.Contains("10.0.0.4-10.0.0.9 . tcp . 100-124 : return", rules, StringComparison.Ordinal);
        Assert.Contains("10.0.0.13 . tcp . 104-124 : return", rules, StringComparison.Ordinal);
        Assert.Single(_cloud.Chains("garden_networker"), chain => chain.StartsWith("netout-", StringComparison.Ordinal));
        Down(web, "{}");
        Down(same, "{}");
    }

    private void Up(TestNamespace container, string keys) => _cloud.Up(container, today: false, config: keys).Check();

    private void Down(TestNamespace container, string keys) => _cloud.Networker("down", container.Name, today: false, keys: keys).Check();

    private void Action(string action, TestNamespace container, string input, string keys) =>
        Assert.Equal("", _cloud.Networker(action, container.Name, input, today: false, keys: keys).Check().StandardOutput);

    private CommandResult NetIn(TestNamespace container, int host, int inside, string keys) => _cloud.Networker(
        "net-in", container.Name, $$"""{ "HostIP": "{{CloudHost.HostAddress}}", "HostPort": {{host}}, "ContainerIP": "10.255.30.2", "ContainerPort": {{inside}} }""", today: false, keys: keys);
}
