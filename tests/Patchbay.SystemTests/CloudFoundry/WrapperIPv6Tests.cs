using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>Containers with addresses of both families: IPv6 is closed but for what security groups and services of the host open.</summary>
public sealed class WrapperIPv6Tests : IDisposable
{
    private const string HostV6 = "fd00:2::10";
    private const string OutsideV6 = "fd00:2::1";
    private const string DeniedV6 = "fd00:3::1";

    private readonly CloudHost _cloud = new();
    private readonly Plugin _wrapper;

    public WrapperIPv6Tests()
    {
        _wrapper = new Plugin(_cloud.Host, "cni-wrapper-plugin");
        UseIPv6AtOnce(Host, $"ip -6 addr flush dev under0; ip addr add fe80::10/64 dev under0 nodad; ip addr add {HostV6}/64 dev under0 nodad; ip -6 route add default via {OutsideV6}");
        UseIPv6AtOnce(_cloud.Outside, $"ip -6 addr flush dev under1; ip addr add fe80::1/64 dev under1 nodad; ip addr add {OutsideV6}/64 dev under1 nodad; ip addr add {DeniedV6}/128 dev lo nodad; ip route add fd00:30::/64 via {HostV6}");
    }

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Fact]
    public void Without_security_groups_it_is_closed_but_for_the_host()
    {
        TestNamespace web = AddContainer();
        string config = Config();
        _wrapper.Add(web, config).Check();
        Assert.NotEqual(0, web.Run("ping", "-c", "1", "-W", "1", OutsideV6).ExitCode);
        Assert.NotEqual(0, _cloud.Outside.Run("ping", "-c", "1", "-W", "1", "fd00:30::2").ExitCode);
        Host.Run("ping", "-c", "1", "-W", "5", "fd00:30::2").Check();
        Assert.Contains("fd00:30::2", Host.Run("nft", "list", "map", "ip6", "cf_networking", "containers").Check().StandardOutput, StringComparison.Ordinal);
        _wrapper.Delete(web, config).Check();
        Assert.DoesNotContain("fd00:30::2", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void Security_groups_and_services_open_it()
    {
        string config = Config($$"""
            , "deny_networks": { "always": ["fd00:3::/64", "198.51.100.0/24"] }, "host_tcp_services_ipv6": ["[{{HostV6}}]:9001"], "iptables_asg_logging": true,
            "runtimeConfig": { "netOutRules": [
              { "protocol": 1, "networks": [{ "start": "fd00:2::", "end": "fd00:2::ffff:ffff" }, { "start": "{{DeniedV6}}" }, { "start": "192.0.2.1" }], "ports": [{ "start": 8080, "end": 8090 }] },
              { "protocol": 2, "networks": [{ "start": "{{OutsideV6}}" }], "ports": [{ "start": 53 }] },
              { "protocol": 4, "networks": [{ "start": "::", "end": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" }], "icmps": { "type": 128, "code": 0 } } ] }
            """);
        TestNamespace web = AddContainer(), other = AddContainer();
        PluginResult added = _wrapper.Add(web, config).Check();
        _wrapper.Add(other, config).Check();

        using (EchoServer.Tcp(_cloud.Outside, 8080))
        using (EchoServer.Tcp(_cloud.Outside, 9000))
        using (EchoServer.Udp(_cloud.Outside, 53, ipv4: false))
        using (EchoServer.Udp(_cloud.Outside, 54, ipv4: false))
        using (EchoServer.Tcp(Host, 9001))
        using (EchoServer.Tcp(Host, 9002))
        using (EchoServer.Tcp(web, 8081))
        {
            Assert.Equal("fd00:30::2", EchoServer.AskTcp(web, OutsideV6, 8080)); // its own address: nothing is translated
            Assert.Equal(CloudHost.HostAddress, EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));
            Assert.Null(EchoServer.AskTcp(web, OutsideV6, 9000));
            Assert.Null(EchoServer.AskTcp(web, DeniedV6, 8080));
            Assert.Equal("fd00:30::2", EchoServer.AskUdp(web, OutsideV6, 53));
            Assert.Null(EchoServer.AskUdp(web, OutsideV6, 54));
            web.Run("ping", "-c", "1", "-W", "5", OutsideV6).Check();
            Assert.Equal("fd00:30::2", EchoServer.AskTcp(web, HostV6, 9001));
            Assert.Null(EchoServer.AskTcp(web, HostV6, 9002));
            Assert.Null(EchoServer.AskTcp(_cloud.Outside, "fd00:30::2", 8081)); // nobody outside may begin
            Assert.Null(EchoServer.AskTcp(other, "fd00:30::2", 8081)); // nor another container
            Assert.NotNull(EchoServer.AskTcp(Host, "fd00:30::2", 8081));
        }

        string checkedConfig = Config($", {config[(config.IndexOf("\"deny_networks\"", StringComparison.Ordinal))..^1]}, \"prevResult\": {added.Json.GetRawText()}");
        _wrapper.Check(web, checkedConfig).Check();
        Host.Run("nft", "delete", "element", "ip6", "cf_networking", "security_groups", "{ fd00:30::2 }").Check();
        Assert.Contains("table ip6 cf_networking", _wrapper.Check(web, checkedConfig).ErrorText, StringComparison.Ordinal);
        foreach (TestNamespace each in (TestNamespace[])[web, other])
            _wrapper.Delete(each, config).Check();
        Assert.DoesNotContain("fd00:30::", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain(_cloud.Chains(), chain => chain.StartsWith("netout-", StringComparison.Ordinal) || chain.StartsWith("asg-", StringComparison.Ordinal));
    }

    private TestNamespace AddContainer()
    {
        TestNamespace container = Host.AddContainer();
        UseIPv6AtOnce(container);
        return container;
    }

    // Without first looking for another holder of each address, which takes a second or two.
    private static void UseIPv6AtOnce(TestNamespace space, string then = ":") => space.Run("sh", "-ec", $"echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; {then}").Check();

    private string Config(string more = "") => _cloud.Wrapper($$"""
        { "delegate": { "type": "ptp", "ipam": { "type": "host-local", "dataDir": "{{Host.DataDirectory}}/ipam",
          "ranges": [[{ "subnet": "10.255.30.0/24" }], [{ "subnet": "fd00:30::/64" }]], "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }] } }{{more}} }
        """);
}
