using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay with other plugins than bridge before it, and with others behind it.</summary>
public class YggChainTests
{
    private const string Default = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";

    [Theory]
    [InlineData(Conf.Dual, Default)]
    [InlineData(Conf.IPv4, """[{ "dst": "0.0.0.0/0" }]""")]
    public void Behind_ptp_each_container_has_a_route(string ranges, string routes)
    {
        using YggMesh mesh = new();
        YggHost one = mesh.One;
        TestNamespace web = one.Host.AddContainer(), cache = one.Host.AddContainer(), db = mesh.Two.Host.AddContainer();
        string config = Conf.Ptp(one.Host, ranges: ranges, routes: routes);
        var ptp = new Plugin(one.Host, "ptp");
        Snapshot before = Snapshot.Take(one.Host);
        mesh.Two.Add(db, "db");

        PluginResult webAdded = Add(web, "web"), cacheAdded = Add(cache, "cache");

        YggHost.Reach(web, mesh.Two.AddressOf("db"));
        YggHost.Reach(db, one.AddressOf("cache"));
        web.Ping(one.AddressOf("cache"));
        one.Host.Ping(one.AddressOf("web"));
        foreach ((TestNamespace container, PluginResult added) in new[] { (web, webAdded), (cache, cacheAdded) })
        {
            one.Ygg.Check(container, one.Config(added)).Check();
            ptp.Check(container, Conf.WithResult(config, added)).Check();
        }

        one.Host.Run("ip", "route", "del", one.AddressOf("web")).Check();
        one.Ygg.Check(web, one.Config(webAdded)).Failed(999, "route to");
        Delete(web);
        // Of a link that has gone nothing is noted any more.
        Assert.Equal([one.AddressOf("cache"), $"{cache.Name}:eth0", "guard", cacheAdded.HostEnd()], one.Reserved.OrderBy(name => name is "guard" || name[0] == 'v'));
        Delete(cache);
        Assert.Empty(one.Reserved);
        before.AssertSame(Snapshot.Take(one.Host));

        PluginResult Add(TestNamespace container, string name) =>
            one.Ygg.Add(container, one.Config(ptp.Add(container, config).Check()), args: $"YGG_HOSTNAME={name}").Check();

        void Delete(TestNamespace container)
        {
            one.Ygg.Delete(container, one.Config()).Check();
            ptp.Delete(container, config).Check();
        }
    }

    [Fact]
    public void Behind_macvlan_the_host_needs_a_child_of_the_master()
    {
        using Lan lan = new("macvlan");
        using YggHost ygg = new(host: lan.Host);
        ygg.Start();
        string config = lan.Config();
        TestNamespace second = lan.Host.AddContainer();
        PluginResult first = lan.Plugin.Add(lan.Container, config).Check(), other = lan.Plugin.Add(second, config).Check();
        Snapshot before = Snapshot.Take(lan.Host, except: "shim");
        ygg.Ygg.Add(lan.Container, ygg.Config(first), args: "YGG_HOSTNAME=web").Failed(7, "give the host a macvlan");
        before.AssertSame(Snapshot.Take(lan.Host));
        lan.Host.Ip("link add link up0 name shim type macvlan mode bridge", "link set shim up");

        PluginResult added = ygg.Ygg.Add(lan.Container, ygg.Config(first), args: "YGG_HOSTNAME=web").Check();
        ygg.Ygg.Add(second, ygg.Config(other), args: "YGG_HOSTNAME=db").Check();

        lan.Container.Ping(ygg.NodeAddress);
        lan.Host.Ping(ygg.AddressOf("web"));
        second.Ping(ygg.AddressOf("web"));
        ygg.Ygg.Check(lan.Container, ygg.Config(added)).Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        foreach (TestNamespace container in (TestNamespace[])[lan.Container, second])
            ygg.Ygg.Delete(container, ygg.Config(added)).Check();
        before.AssertSame(Snapshot.Take(lan.Host, except: "shim"));
        Assert.Empty(ygg.Reserved);
    }

    [Fact]
    public void Behind_ipvlan_it_is_refused()
    {
        using Lan lan = new("ipvlan");
        using YggHost ygg = new(host: lan.Host);
        PluginResult first = lan.Plugin.Add(lan.Container, lan.Config()).Check();
        Snapshot before = Snapshot.Take(lan.Host);

        ygg.Ygg.Add(lan.Container, ygg.Config(first), args: "YGG_HOSTNAME=web").Failed(7, "is ipvlan", "Chain yggoverlay behind bridge or ptp");

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Fact]
    public void In_a_VLAN_of_a_bridge_the_gateway_is_the_VLANs()
    {
        Needs.BridgeVlanFiltering();
        using YggHost ygg = new();
        ygg.Start();
        TestNamespace container = ygg.Host.AddContainer();
        string config = Conf.Bridge(ygg.Host, """{ "isGateway": true, "vlan": 100 }""", routes: Default);
        PluginResult bridged = new Plugin(ygg.Host, "bridge").Add(container, config).Check();

        PluginResult added = ygg.Ygg.Add(container, ygg.Config(bridged), args: "YGG_HOSTNAME=web").Check();

        Assert.Contains($"{ygg.Gateway}/64", ygg.Host.Addresses("cni0.100"));
        container.Ping(ygg.NodeAddress);
        ygg.Host.Ping(ygg.AddressOf("web"));
        ygg.Ygg.Check(container, ygg.Config(added)).Check();
    }

    // On a host that forwards no IPv6 by itself, as with Docker's rules; portmap before or behind, as one likes.
    [Theory]
    [InlineData("iptables", "firewall", "portmap")]
    [InlineData("nftables", "portmap", "firewall")]
    public void With_firewall_and_portmap(string backend, string third, string fourth)
    {
        Needs.IptablesNft();
        using YggMesh mesh = new();
        YggHost one = mesh.One;
        TestNamespace web = one.Host.AddContainer(), db = mesh.Two.Host.AddContainer();
        mesh.Two.Add(db, "db");
        one.Host.Run("ip6tables", "-P", "FORWARD", "DROP").Check();
        string[] types = ["bridge", "yggoverlay", third, fourth];
        Delete(Add());
        Snapshot before = Snapshot.Take(one.Host, "cni0");

        PluginResult added = Add();

        using (EchoServer database = EchoServer.Tcp(db, 5432), site = EchoServer.Tcp(web, 80))
        {
            Assert.Equal(one.AddressOf("web"), YggHost.Ask(web, mesh.Two.AddressOf("db"), 5432));
            Assert.Equal("192.0.2.2", EchoServer.AskTcp(mesh.Two.Host, "192.0.2.1", 8080)); // over the wire, by the port
            // What firewall opens is the way out and back; the administrator's chain is for more (docs/firewall.md).
            Assert.NotEqual(0, db.Run("ping", "-c", "1", "-W", "1", one.AddressOf("web")).ExitCode);
        }

        foreach (string type in types)
            new Plugin(one.Host, type).Check(web, Conf.WithResult(ConfigOf(type), added)).Check();
        Delete(added);
        before.AssertSame(Snapshot.Take(one.Host, "cni0"));
        Assert.Empty(one.Reserved);

        PluginResult Add()
        {
            PluginResult? result = null;
            foreach (string type in types)
                result = new Plugin(one.Host, type).Add(web, result is null ? ConfigOf(type) : Conf.WithResult(ConfigOf(type), result), args: "YGG_HOSTNAME=web;IgnoreUnknown=1").Check();
            return result!;
        }

        void Delete(PluginResult added)
        {
            foreach (string type in Enumerable.Reverse(types))
                new Plugin(one.Host, type).Delete(web, Conf.WithResult(ConfigOf(type), added)).Check();
        }

        string ConfigOf(string type) => type switch
        {
            "bridge" => one.BridgeConfig(),
            "yggoverlay" => one.Config(),
            "firewall" => $$"""{ "cniVersion": "1.0.0", "name": "net", "type": "firewall", "backend": "{{backend}}" }""",
            _ => PortmapHost.Config(null, $"[{PortmapHost.Mapping(8080, 80)}]", $$"""{ "backend": "{{backend}}" }"""),
        };
    }
}
