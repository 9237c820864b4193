using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>macvlan: modes, Ethernet addresses, layer 2 alone. What it shares with others is in <see cref="ChildLinkTests"/>.</summary>
public class MacvlanTests
{
    private const string Mac = "02:00:00:00:00:07";

    [Theory]
    [InlineData("{}", "bridge", 1000)]
    [InlineData("""{ "mode": "" }""", "bridge", 1000)]
    [InlineData("""{ "mode": "bridge", "bcqueuelen": 0 }""", "bridge", 1000)]
    [InlineData("""{ "mode": "private", "bcqueuelen": 1 }""", "private", 1)]
    [InlineData("""{ "mode": "vepa", "bcqueuelen": 4294967295 }""", "vepa", 4294967295)]
    [InlineData("""{ "mode": "passthru", "bcqueuelen": 2000 }""", "passthru", 2000)]
    public void Mode_and_queue_are_as_configured(string keys, string mode, long queue)
    {
        using Lan lan = new("macvlan");
        string config = lan.Config(keys);

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        JsonElement data = lan.Data();
        Assert.Equal((mode, queue), (data.Text("mode"), data.GetProperty("bcqueuelen").GetInt64()));
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        string other = mode == "vepa" ? "private" : "vepa";
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config($$"""{ "mode": "{{other}}" }"""), added)).Failed(999, "macvlan mode");
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config($$"""{ "mode": "{{mode}}", "bcqueuelen": 77 }"""), added)).Failed(999, "bcqueuelen", "77");
    }

    [Theory] // capability, CNI_ARGS, key: the first that is there
    [InlineData("""{ "mac": "02:00:00:00:00:01" }""", null, "02:00:00:00:00:01")]
    [InlineData("""{ "mac": "02:00:00:00:00:01" }""", "IgnoreUnknown=1;MAC=02:00:00:00:00:02", "02:00:00:00:00:02")]
    [InlineData("""{ "mac": "02:00:00:00:00:01", "args": { "cni": { "mac": "02:00:00:00:00:03" } } }""", "IgnoreUnknown=1;MAC=02:00:00:00:00:02", "02:00:00:00:00:03")]
    [InlineData("""{ "mac": "02:00:00:00:00:01", "runtimeConfig": { "mac": "02-00-00-00-00-0A" } }""", "IgnoreUnknown=1;MAC=02:00:00:00:00:02", "02:00:00:00:00:0a")]
    [InlineData("""{ "mac": "02:00:00:00:00:01", "mode": "passthru" }""", null, "02:00:00:00:00:01")]
    public void Ethernet_address_is_the_one_asked_for(string keys, string? args, string expected)
    {
        using Lan lan = new("macvlan");
        string masters = lan.Host.Link("up0").Text("address");
        string config = lan.Config(keys);

        PluginResult added = lan.Plugin.Add(lan.Container, config, args: args).Check();

        Assert.Equal(expected, lan.Container.Link("eth0").Text("address"));
        Assert.Equal(expected, added.Json.GetProperty("interfaces")[0].Text("mac"));
        lan.Container.Ping("10.22.0.1");
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added), args: args).Check();
        lan.Plugin.Delete(lan.Container, config, args: args).Check();
        // In mode passthru the master has it too, for as long as the link is there.
        Assert.Equal(masters, lan.Host.Link("up0").Text("address"));
    }

    // The reference asks the kernel in a way that it does not listen to in this mode, and tells nobody.
    [Fact]
    public void Reference_gives_a_passthru_link_the_masters_address_whatever_is_asked_for()
    {
        using Lan lan = new("macvlan");
        PluginResult added = ReferencePlugins.Plugin(lan.Host, "macvlan").Add(lan.Container, lan.Config($$"""{ "mac": "{{Mac}}", "mode": "passthru" }""")).Check();

        Assert.Equal(lan.Host.Link("up0").Text("address"), added.Json.GetProperty("interfaces")[0].Text("mac"));
    }

    [Fact]
    public void Link_in_passthru_mode_is_the_only_one()
    {
        using Lan lan = new("macvlan");
        TestNamespace second = lan.Host.AddContainer();
        lan.Plugin.Add(lan.Container, lan.Config()).Check();
        Snapshot before = Snapshot.Take(lan.Host);
        lan.Plugin.Add(second, lan.Config("""{ "mode": "passthru" }""")).Failed(999, "up0", "in mode passthru there is one link on a master");
        before.AssertSame(Snapshot.Take(lan.Host));

        lan.Plugin.Delete(lan.Container, lan.Config()).Check();
        lan.Plugin.Add(lan.Container, lan.Config("""{ "mode": "passthru" }""")).Check();
        before = Snapshot.Take(lan.Host);
        lan.Plugin.Add(second, lan.Config()).Failed(999, "up0", "mode passthru has the master for itself");
        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Fact]
    public void Containers_in_bridge_mode_reach_one_another()
    {
        using Lan lan = new("macvlan");
        TestNamespace second = lan.Host.AddContainer();
        lan.Plugin.Add(lan.Container, lan.Config()).Check();
        lan.Plugin.Add(second, lan.Config()).Check();

        second.Ping("10.22.0.2");
        second.Ping("fd22::2");
    }

    [Fact]
    public void Link_without_ipam_is_just_up()
    {
        using Lan lan = new("macvlan");
        Snapshot before = Snapshot.Take(lan.Host);
        foreach (string keys in (string[])["""{ "ipam": null }""", """{ "ipam": {} }"""])
        {
            string config = lan.Config(keys);

            PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

            Assert.True(lan.Container.Link("eth0").IsUp());
            Assert.Empty(lan.Container.Addresses("eth0"));
            Assert.False(added.Json.TryGetProperty("ips", out _));
            Assert.Equal("0", lan.Container.Sysctl("ipv4/conf/eth0/arp_notify"));
            lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
            lan.Plugin.Delete(lan.Container, config).Check();
            before.AssertSame(Snapshot.Take(lan.Host));
        }

        // The oldest results have no place for an interface.
        lan.Plugin.Add(lan.Container, lan.Config("""{ "ipam": null }""", version: "0.2.0")).Failed(999, "cannot convert: no valid IP addresses");
    }

    // The kernel puts it beside the macvlan link, on that one's own master.
    [Fact]
    public void Master_may_be_a_macvlan_link_itself()
    {
        using Lan lan = new("macvlan");
        lan.Host.Run("ip", "link", "add", "link", "up0", "name", "mac0", "up", "type", "macvlan", "mode", "bridge").Check();
        string config = lan.Config("""{ "master": "mac0" }""");
        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();

        config = lan.Config("""{ "name": "net2", "master": "eth0", "linkInContainer": true }""");
        added = lan.Plugin.Add(lan.Container, config, ifName: "eth1").Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added), ifName: "eth1").Check();
        lan.Host.Run("ip", "link", "add", "other", "up", "type", "veth").Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(config.Replace("\"eth0\"", "\"other\"", StringComparison.Ordinal).Replace("\"linkInContainer\":true,", "", StringComparison.Ordinal).Replace(",\"linkInContainer\":true", "", StringComparison.Ordinal), added), ifName: "eth1")
            .Failed(999, "is not on master \"other\"");
    }

    [Fact]
    public void Alternative_name_of_the_master_will_do()
    {
        using Lan lan = new("macvlan");
        lan.Host.Run("ip", "link", "property", "add", "dev", "up0", "altname", "uplink-of-the-second-floor").Check();
        string config = lan.Config("""{ "master": "uplink-of-the-second-floor" }""");

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
    }

    [Fact]
    public void Name_servers_are_the_configurations_or_else_the_ipams()
    {
        using Lan lan = new("macvlan");
        const string Ipam = """ "ipam": { "type": "static", "addresses": [{ "address": "10.22.0.9/24" }], "dns": { "nameservers": ["192.0.2.53"] } } """;
        string Server(string keys)
        {
            PluginResult added = lan.Plugin.Add(lan.Container, lan.Config($$"""{ {{keys}} }""")).Check();
            lan.Plugin.Delete(lan.Container, lan.Config()).Check();
            return added.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString()!;
        }

        Assert.Equal("192.0.2.53", Server(Ipam));
        Assert.Equal("192.0.2.99", Server($$"""{{Ipam}}, "dns": { "nameservers": ["192.0.2.99"] }"""));
    }

    [Theory]
    [InlineData("""{ "mode": "source" }""", 7, "unknown macvlan mode: \"source\"")]
    [InlineData("""{ "mode": "Bridge" }""", 7, "unknown macvlan mode: \"Bridge\"")]
    [InlineData("""{ "mode": 4 }""", 999, "\"mode\" must be a string, not 4")]
    [InlineData("""{ "mac": 7 }""", 999, "\"mac\" must be a string, not 7")]
    [InlineData("""{ "mac": "02:00:00:00:00" }""", 7, "invalid mac address \"02:00:00:00:00\"")]
    [InlineData("""{ "mac": "01:00:00:00:00:07" }""", 7, "multicast")]
    [InlineData("""{ "mac": "02:00:00:00:00:07", "runtimeConfig": { "mac": "nonsense" } }""", 7, "nonsense")]
    [InlineData("""{ "bcqueuelen": -1 }""", 999, "\"bcqueuelen\" must be a whole number from 0 to 4294967295, not -1")]
    [InlineData("""{ "bcqueuelen": 4294967296 }""", 999, "\"bcqueuelen\"")]
    [InlineData("""{ "bcqueuelen": "1000" }""", 999, "\"bcqueuelen\"")]
    public void Wrong_keys_are_named(string keys, int code, string text)
    {
        using Lan lan = new("macvlan", refusing: true);
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, lan.Config(keys)).Failed(code, text);
        lan.Plugin.Check(lan.Container, lan.Config(keys)).Failed(code, text);
        lan.Plugin.Invoke("STATUS", lan.Config(keys, version: "1.1.0")).Failed(code, text);

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Fact]
    public void Ethernet_addresses_that_the_kernel_refuses_leave_nothing()
    {
        using Lan lan = new("macvlan");
        Snapshot before = Snapshot.Take(lan.Host);
        lan.Plugin.Add(lan.Container, lan.Config("""{ "mac": "00:00:00:00:00:00" }""")).Failed(999, "eth0");
        before.AssertSame(Snapshot.Take(lan.Host));
        // In this mode it is the second request that fails.
        lan.Plugin.Add(lan.Container, lan.Config("""{ "mac": "00:00:00:00:00:00", "mode": "passthru" }""")).Failed(999, "address");
        before.AssertSame(Snapshot.Take(lan.Host));
    }
}
