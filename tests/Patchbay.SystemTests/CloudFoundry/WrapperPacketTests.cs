using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>What passes the wrapper's rules and what does not, the same in nf_tables and in iptables.</summary>
public sealed class WrapperPacketTests : IDisposable
{
    private const string Groups = """
        [ { "protocol": 1, "networks": [{ "start": "192.0.2.0", "end": "192.0.2.255" }, { "start": "198.51.100.1" }], "ports": [{ "start": 8080, "end": 8090 }] },
          { "protocol": 2, "networks": [{ "start": "192.0.2.1" }], "ports": [{ "start": 53 }] },
          { "protocol": 3, "networks": [{ "start": "192.0.2.1" }], "icmps": { "type": 8, "code": 0 } } ]
        """;

    private readonly CloudHost _cloud = new();

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Security_groups_ports_and_host(string backend)
    {
        if (backend == "iptables")
            Needs.IptablesNft();
        string config = _cloud.Wrapper($$"""
            { "backend": "{{backend}}", "deny_networks": { "always": ["198.51.100.0/24"] }, "host_tcp_services": ["{{CloudHost.HostAddress}}:9001"], "dns_servers": ["169.254.0.2"],
              "runtimeConfig": { "portMappings": [{ "host_port": 61000, "container_port": 8081 }], "netOutRules": {{Groups}} } }
            """);
        TestNamespace web = _cloud.Host.AddContainer();
        PluginResult added = new Plugin(_cloud.Host, "cni-wrapper-plugin").Add(web, config).Check();
        Assert.Equal("169.254.0.2", added.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString());
        string address = added.Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0];

        using (EchoServer.Tcp(_cloud.Outside, 8080))
        using (EchoServer.Tcp(_cloud.Outside, 9000))
        using (EchoServer.Udp(_cloud.Outside, 53))
        using (EchoServer.Udp(_cloud.Outside, 54))
        using (EchoServer.Tcp(_cloud.Host, 9001))
        using (EchoServer.Tcp(_cloud.Host, 9002))
        using (EchoServer.Tcp(web, 8081))
        {
            Assert.Equal(CloudHost.HostAddress, EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080)); // masqueraded
            Assert.Null(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 9000));
            Assert.Null(EchoServer.AskTcp(web, CloudHost.OtherOutside, 8080)); // a group lets it through, the list of denied networks does not
            Assert.Equal(CloudHost.HostAddress, EchoServer.AskUdp(web, CloudHost.OutsideAddress, 53));
            Assert.Null(EchoServer.AskUdp(web, CloudHost.OutsideAddress, 54));
            web.Run("ping", "-c", "1", "-W", "5", CloudHost.OutsideAddress).Check();
            Assert.NotEqual(0, web.Run("ping", "-c", "1", "-W", "1", CloudHost.OtherOutside).ExitCode);

            Assert.Equal(CloudHost.OutsideAddress, EchoServer.AskTcp(_cloud.Outside, CloudHost.HostAddress, 61000)); // by the mapped port, marked
            Assert.Null(EchoServer.AskTcp(_cloud.Outside, CloudHost.HostAddress, 61001));
            Assert.Equal(address, EchoServer.AskTcp(web, CloudHost.HostAddress, 9001)); // a service of the host
            Assert.Null(EchoServer.AskTcp(web, CloudHost.HostAddress, 9002));
            Assert.NotNull(EchoServer.AskTcp(_cloud.Host, address, 8081)); // the host itself is not filtered
        }
    }

    [Fact]
    public void A_policy_agent_opens_the_way_between_containers()
    {
        string config = _cloud.Wrapper();
        TestNamespace front = _cloud.Host.AddContainer(), back = _cloud.Host.AddContainer();
        var wrapper = new Plugin(_cloud.Host, "cni-wrapper-plugin");
        string from = AddressOf(wrapper.Add(front, config)), to = AddressOf(wrapper.Add(back, config));
        using EchoServer server = EchoServer.Tcp(back, 8080);
        Assert.Null(EchoServer.AskTcp(front, to, 8080));

        // What docs/wrapper.md leaves to an agent: a tag for each source, and a rule that accepts by it.
        _cloud.Host.Run(["nft", "-f", "-"], $$"""
            add set ip cf_networking agent-allowed { type mark . ipv4_addr . inet_proto . inet_service; }
            add element ip cf_networking agent-allowed { 0x3 . {{to}} . tcp . 8080 }
            add rule ip cf_networking policies meta mark . ip daddr . meta l4proto . th dport @agent-allowed accept
            add element ip cf_networking source_tags { {{from}} : 0x3 }
            """).Check();
        Assert.Equal(from, EchoServer.AskTcp(front, to, 8080));
        Assert.Null(EchoServer.AskTcp(back, from, 8080));

        // The next ADD and DEL leave the agent's part alone, but for the tag of an address that is gone.
        TestNamespace third = _cloud.Host.AddContainer();
        wrapper.Add(third, config).Check();
        wrapper.Delete(third, config).Check();
        Assert.Equal(from, EchoServer.AskTcp(front, to, 8080));
        wrapper.Delete(front, config).Check();
        Assert.Empty(_cloud.Elements("source_tags"));
    }

    [Fact]
    public void Without_rules_too_the_agents_tag_goes_with_the_container()
    {
        string config = $$"""{ "cniVersion": "0.2.0", "name": "cf", "type": "wrapper", "datastore": "{{_cloud.Datastore}}", "delegate": {{_cloud.Ptp}} }""";
        TestNamespace web = _cloud.Host.AddContainer();
        var wrapper = new Plugin(_cloud.Host, "wrapper");
        string address = wrapper.Add(web, config).Check().Json.GetProperty("ip4").GetProperty("ip").GetString()!.Split('/')[0];
        _cloud.Host.Run(["nft", "-f", "-"], $$"""
            table ip cf_networking { map source_tags { type ipv4_addr : mark; elements = { {{address}} : 0x3, 10.255.30.200 : 0x4 }; }; }
            """).Check();

        wrapper.Delete(web, config).Check();

        Assert.Equal(["10.255.30.200"], _cloud.Keys("source_tags"));
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void Connections_are_limited_by_destination(string backend)
    {
        if (backend == "iptables")
            Needs.Kernel("hashlimit of iptables (CONFIG_NETFILTER_XT_MATCH_HASHLIMIT)", space => space.Run("iptables", "-A", "OUTPUT", "-p", "tcp", "-m", "hashlimit", "--hashlimit-above", "1/sec", "--hashlimit-name", "probe", "-j", "DROP").ExitCode == 0);
        string config = _cloud.Wrapper($$"""
            { "backend": "{{backend}}", "outbound_connections": { "limit": true, "burst": 3, "rate_per_sec": 1 }, "runtimeConfig": { "netOutRules": [{ "networks": [{ "start": "0.0.0.0", "end": "255.255.255.255" }] }] } }
            """);
        TestNamespace web = _cloud.Host.AddContainer();
        new Plugin(_cloud.Host, "cni-wrapper-plugin").Add(web, config).Check();
        using EchoServer one = EchoServer.Tcp(_cloud.Outside, 8080), other = EchoServer.Tcp(_cloud.Outside, 8081);

        // Twenty at once are more than the burst and what a second gives; how many pass depends on how long they take.
        int passed = 0;
        Thread[] clients = [.. Enumerable.Range(0, 20).Select(_ => new Thread(() => Interlocked.Add(ref passed, EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080) is null ? 0 : 1)))];
        Array.ForEach(clients, client => client.Start());
        Array.ForEach(clients, client => client.Join());
        Assert.InRange(passed, 0, 19);
        Assert.NotNull(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8081)); // another port has a rate of its own
    }

    private static string AddressOf(PluginResult added) => added.Check().Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0];
}
