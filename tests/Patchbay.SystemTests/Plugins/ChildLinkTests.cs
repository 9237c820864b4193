using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What macvlan, ipvlan and vlan have in common: a container's interface on top of another one.</summary>
public class ChildLinkTests
{
    public static TheoryData<string> Types => Lan.Types;

    public static TheoryData<string> TypesWithDefaultMaster { get; } = ["macvlan", "ipvlan"];

    [Theory]
    [MemberData(nameof(Types))]
    public void Interface_is_on_the_master_and_reaches_its_network(string type)
    {
        using Lan lan = new(type);
        TestNamespace container = lan.Container;
        // Names of the host's are not in the way of the container's.
        lan.Host.Run("ip", "link", "add", "eth0", "type", "bridge").Check();
        Snapshot before = Snapshot.Take(lan.Host);
        string config = lan.Config(routes: Lan.Default);

        PluginResult added = lan.Plugin.Add(container, config).Check();

        JsonElement eth0 = container.Link("eth0");
        lan.Data();
        Assert.True(eth0.IsUp());
        Assert.Equal(lan.Host.Link("up0").GetProperty("ifindex").GetInt32(), eth0.GetProperty("link_index").GetInt32());
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], container.Addresses("eth0"));
        Assert.Equal(["default via 10.22.0.1 dev eth0", "default via fd22::1 dev eth0"], container.Routes());
        JsonElement link = Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray());
        Assert.Equal(("eth0", container.Path, eth0.Text("address")), (link.Text("name"), link.Text("sandbox"), link.Text("mac")));
        Assert.All(added.Json.GetProperty("ips").EnumerateArray(), ip => Assert.Equal(0, ip.GetProperty("interface").GetInt32()));
        Assert.Equal(type == "vlan" ? "0" : "1", container.Sysctl("ipv4/conf/eth0/arp_notify"));
        Assert.Equal(type == "vlan" ? "0" : "1", container.Sysctl("ipv6/conf/eth0/ndisc_notify"));
        container.Ping("10.22.0.1");
        container.Ping("fd22::1");

        lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            lan.Plugin.Delete(container, Conf.WithResult(config, added)).Check();
            before.AssertSame(Snapshot.Take(lan.Host));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_version_has_its_result(string type)
    {
        using Lan lan = new(type);
        Snapshot before = Snapshot.Take(lan.Host);
        foreach (string version in (string[])["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
        {
            string config = lan.Config(version: version);

            PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

            Assert.Equal(version, added.Json.Text("cniVersion"));
            bool flat = version is "0.1.0" or "0.2.0";
            Assert.StartsWith("10.22.0.", flat ? added.Json.GetProperty("ip4").Text("ip") : added.ResultAddresses()[0], StringComparison.Ordinal);
            if (version == "1.1.0")
                Assert.Equal(1500, added.Json.GetProperty("interfaces")[0].GetProperty("mtu").GetInt32());
            if (version is "0.4.0" or "1.0.0" or "1.1.0")
                lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
            lan.Plugin.Delete(lan.Container, config).Check();
        }

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Theory]
    [MemberData(nameof(TypesWithDefaultMaster))]
    public void Master_not_named_is_that_of_the_default_route(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config("""{ "master": null }""");
        lan.Plugin.Add(lan.Container, config).Failed(999, "no default route interface found on the host", "\"master\"");
        Assert.False(lan.Container.HasLink("eth0"));

        lan.Host.Run("ip", "link", "add", "other", "up", "type", "veth").Check();
        lan.Host.Run("ip", "link", "add", "up6", "up", "type", "veth").Check();
        string[][] routes =
        [
            ["-6", "route", "add", "unreachable", "default", "metric", "1"],
            ["-6", "route", "add", "default", "dev", "up6", "metric", "2"],
            ["-4", "route", "add", "default", "dev", "other", "metric", "9"],
            ["-4", "route", "add", "default", "dev", "up0", "metric", "5"],
            ["-4", "route", "add", "default", "dev", "other", "metric", "1", "table", "77"],
            ["-4", "route", "add", "192.0.2.0/24", "dev", "other"],
        ];
        foreach ((int step, string expected) in ((int, string)[])[(2, "up6"), (3, "other"), (6, "up0")])
        {
            foreach (string[] route in routes.Take(step))
                lan.Host.Run(["ip", .. route]);

            PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

            Assert.Equal(lan.Host.Link(expected).GetProperty("ifindex").GetInt32(), lan.Container.Link("eth0").GetProperty("link_index").GetInt32());
            // The default route may have moved since: that is no fault of the attachment.
            lan.Host.Run("ip", "-4", "route", "flush", "default");
            lan.Host.Run("ip", "-6", "route", "flush", "default");
            lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
            lan.Plugin.Delete(lan.Container, config).Check();
            Assert.Empty(lan.Reservations());
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Master_may_be_in_the_container(string type)
    {
        using Lan lan = new(type);
        TestNamespace container = lan.Container;
        lan.Host.Run("ip", "link", "del", "up0").Check();
        lan.Connect(container, "up0");
        Snapshot before = Snapshot.Take(lan.Host);
        string config = lan.Config("""{ "linkInContainer": true }""");

        PluginResult added = lan.Plugin.Add(container, config).Check();

        Assert.Equal("up0", container.Link("eth0").Text("link"));
        container.Ping("10.22.0.1");
        container.Ping("fd22::1");
        lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        lan.Plugin.Check(container, Conf.WithResult(lan.Config(), added)).Failed(999, "master \"up0\"", "on the host");
        lan.Plugin.Delete(container, config).Check();
        before.AssertSame(Snapshot.Take(lan.Host));

        // Named or not; the host's interfaces do not count. The reference loses the error and reports a rename that failed [bug].
        lan.Host.Run("ip", "link", "add", "up1", "up", "type", "veth").Check();
        lan.Plugin.Add(container, lan.Config("""{ "linkInContainer": true, "master": "up1" }""")).Failed(999, "up1", "in the container");
        lan.Plugin.Add(container, lan.Config("""{ "linkInContainer": true }"""), ifName: "up0").Failed(999, "the container has an interface \"up0\" already");
        Assert.False(container.HasLink("eth0"));
        if (type == "vlan")
            return;
        config = lan.Config("""{ "linkInContainer": true, "master": null }""");
        lan.Plugin.Add(container, config).Failed(999, "no default route interface found in the container");
        container.Run("ip", "route", "add", "default", "dev", "up0").Check();
        added = lan.Plugin.Add(container, config).Check();
        lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Mtu_is_the_masters_or_less(string type)
    {
        using Lan lan = new(type);
        lan.Host.Run("ip", "link", "set", "up0", "mtu", "1450").Check();
        foreach ((string mtu, int expected) in ((string, int)[])[("null", 1450), ("0", 1450), ("1400", 1400)])
        {
            string config = lan.Config($$"""{ "mtu": {{mtu}} }""");
            PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

            Assert.Equal(expected, lan.Container.Mtu("eth0"));
            lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
            if (expected == 1400)
                lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config("""{ "mtu": 1300 }"""), added)).Failed(999, "1400", "1300");
            lan.Plugin.Delete(lan.Container, config).Check();
        }

        lan.Plugin.Add(lan.Container, lan.Config("""{ "mtu": 1451 }""")).Failed(7, "invalid MTU 1451, must be [0, master MTU(1450)]", "up0");
        Assert.False(lan.Container.HasLink("eth0"));
    }

    // Not the reference's wait of 1 to 2 s, unless it is asked for.
    [Theory]
    [MemberData(nameof(Types))]
    public void Other_owners_of_an_address_are_looked_for_where_that_is_asked(string type)
    {
        using Lan lan = new(type);
        lan.Plugin.Add(lan.Container, lan.Config()).Check();
        Assert.Contains(lan.Container.Link("eth0").GetProperty("addr_info").EnumerateArray(), a => a.Text("local") == "fd22::2" && a.TryGetProperty("nodad", out _));
        lan.Plugin.Delete(lan.Container, lan.Config()).Check();
        string lan0 = type == "vlan" ? "lan0.5" : "lan0";
        lan.Neighbour.Run("ip", "addr", "add", "fd22::3/64", "dev", lan0, "nodad").Check();
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, lan.Config("""{ "enabledad": true }""")).Failed(999, "fd22::3", "another host");

        before.AssertSame(Snapshot.Take(lan.Host));
    }
}
