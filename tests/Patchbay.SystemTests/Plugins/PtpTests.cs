using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ptp: a cable of its own for each container, and routes on both of its ends.</summary>
public class PtpTests
{
    private const string Default = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";

    [Fact]
    public void Both_ends_are_addressed_and_routed()
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.SetSysctl("ipv4/ip_forward", "0");
        host.SetSysctl("ipv6/conf/all/forwarding", "0");
        Plugin ptp = new(host, "ptp");
        string config = Conf.Ptp(host, """{ "mtu": 1400 }""", routes: Default);
        Snapshot before = Snapshot.Take(host);

        PluginResult added = ptp.Add(container, config).Check();

        string veth = added.HostEnd();
        Assert.Equal(["10.22.0.1/32", "fd22::1/128"], host.Addresses(veth));
        Assert.Equal([$"10.22.0.2 dev {veth} scope host", $"fd22::2 dev {veth}"], host.Routes());
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], container.Addresses("eth0"));
        Assert.Equal(
            [
                "10.22.0.0/24 via 10.22.0.1 dev eth0", "10.22.0.1 dev eth0 scope link", "default via 10.22.0.1 dev eth0",
                "default via fd22::1 dev eth0", "fd22::/64 via fd22::1 dev eth0", "fd22::1 dev eth0",
            ],
            container.Routes());
        Assert.Equal("10.22.0.2", container.IpJson("-4 route show 10.22.0.0/24")[0].Text("prefsrc"));
        Assert.Equal("fd22::2", container.IpJson("-6 route show fd22::/64")[0].Text("prefsrc"));
        Assert.Empty(container.IpJson("-4 route show proto kernel").EnumerateArray());
        Assert.Equal((1400, 1400), (host.Mtu(veth), container.Mtu("eth0")));
        Assert.Equal("1", host.Sysctl("ipv4/ip_forward"));
        Assert.Equal("1", host.Sysctl("ipv6/conf/all/forwarding"));
        JsonElement[] links = [.. added.Json.GetProperty("interfaces").EnumerateArray()];
        Assert.Equal((veth, "", "eth0", container.Path), (links[0].Text("name"), links[0].Text("sandbox"), links[1].Text("name"), links[1].Text("sandbox")));
        Assert.All(added.Json.GetProperty("ips").EnumerateArray(), ip => Assert.Equal(1, ip.GetProperty("interface").GetInt32()));

        ptp.Check(container, Conf.WithResult(config, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            ptp.Delete(container, Conf.WithResult(config, added)).Check();
            before.AssertSame(Snapshot.Take(host));
        }
    }

    [Fact]
    public void Containers_reach_the_host_and_each_other_through_it_at_once()
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace one = host.AddContainer(), two = host.AddContainer();
        Plugin ptp = new(host, "ptp");
        string config = Conf.Ptp(host, routes: Default);

        ptp.Add(one, config).Check();
        JsonElement[] addresses = [.. one.Link("eth0").GetProperty("addr_info").EnumerateArray()];
        // Told by the address, not by the clock: detection was not waited for because there is none.
        Assert.DoesNotContain(addresses, a => a.Text("scope") == "global" && a.TryGetProperty("tentative", out _));
        Assert.Contains(addresses, a => a.Text("local") == "fd22::2" && a.TryGetProperty("nodad", out _));
        ptp.Add(two, config).Check();

        foreach (string address in (string[])["10.22.0.1", "fd22::1", "10.22.0.3", "fd22::3"])
            one.Ping(address);
        host.Ping("10.22.0.2");
        host.Ping("fd22::2");
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/netns/pb-no-such-namespace")]
    public void Delete_without_namespace_gives_the_addresses_back(string netns)
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin ptp = new(host, "ptp");
        string config = Conf.Ptp(host);
        ptp.Add(container, config).Check();

        ptp.Invoke("DEL", config, container.Name, netns, "eth0").Check();

        Assert.False(File.Exists(Path.Combine(host.DataDirectory, "net/10.22.0.2")));
        Assert.False(File.Exists(Path.Combine(host.DataDirectory, "net/fd22::2")));
        // The interface is still there and its address free: the next ADD must get along with it.
        host.Run("ip", "link", "del", host.IpJson("link show type veth")[0].Text("ifname")).Check();
        ptp.Add(container, config).Check();
    }

    [Fact]
    public void Address_without_gateway_is_refused()
    {
        Plugin.NeedsOurs("ptp", "static");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "ptp").Add(container, Conf.Ptp(host, """{ "ipam": { "type": "static", "addresses": [{ "address": "10.9.0.5/24" }] } }"""))
            .Failed(7, "10.9.0.5/24", "gateway");

        before.AssertSame(Snapshot.Take(host));
    }

    [Fact]
    public void Configuration_without_ipam_is_refused()
    {
        Plugin.NeedsOurs("ptp");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "ptp").Add(container, Conf.Ptp(host, """{ "ipam": null }""")).Failed(999, "no plugin name provided");

        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [InlineData("""{ "mtu": "x" }""", "\"mtu\" must be a whole number from 0 to 65535, not \"x\"")]
    [InlineData("""{ "mtu": true }""", "\"mtu\" must be a whole number")]
    [InlineData("""{ "mtu": 70000 }""", "\"mtu\" must be a whole number")]
    [InlineData("""{ "ipMasq": "yes" }""", "\"ipMasq\" must be true or false, not \"yes\"")]
    [InlineData("""{ "ipMasq": 1 }""", "\"ipMasq\" must be true or false")]
    [InlineData("""{ "ipMasqBackend": [] }""", "\"ipMasqBackend\" must be a string")]
    public void Key_has_a_value_of_another_type(string keys, string text)
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        new Plugin(host, "ptp").Add(container, Conf.Ptp(host, keys)).Failed(999, text);

        before.AssertSame(Snapshot.Take(host));
        Assert.Empty(Directory.GetFileSystemEntries(host.DataDirectory));
    }

    [Fact]
    public void Second_add_of_an_attachment_is_refused_and_harms_the_first_in_nothing()
    {
        Plugin.NeedsOurs("ptp", "bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        foreach (string type in (string[])["ptp", "bridge"])
        {
            Plugin plugin = new(host, type);
            string config = Conf.Make(host, type, $$"""{ "name": "{{type}}" }""");
            PluginResult added = plugin.Add(container, config).Check();
            Snapshot before = Snapshot.Take(host);

            plugin.Add(container, config).Failed(999, "eth0", "already exists");

            before.AssertSame(Snapshot.Take(host));
            plugin.Check(container, Conf.WithResult(config, added)).Check();
            plugin.Delete(container, config).Check();
        }
    }

    [Fact]
    public void Failed_add_leaves_nothing()
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin ptp = new(host, "ptp");
        host.Run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1").Check();
        container.Run("ip", "link", "add", "taken", "type", "bridge").Check();
        Snapshot before = Snapshot.Take(host);

        ptp.Add(container, Conf.Ptp(host), ifName: "taken").Failed(999, "taken", "already exists");
        before.AssertSame(Snapshot.Take(host));
        ptp.Add(container, Conf.Ptp(host, routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""")).Failed(999, "192.0.2.0/24", "203.0.113.1");
        before.AssertSame(Snapshot.Take(host));
        ptp.Add(container, Conf.Ptp(host, ranges: """[[{ "subnet": "10.22.0.0/24", "rangeStart": "10.22.0.1", "rangeEnd": "10.22.0.1" }]]"""))
            .Failed(999, "no IP addresses available", "10.22.0.1");
        before.AssertSame(Snapshot.Take(host));
        // The host's route to the container's address is taken by another one.
        host.Run("ip", "link", "add", "other", "up", "type", "veth").Check();
        host.Run("ip", "route", "add", "10.22.0.2/32", "dev", "other", "scope", "host").Check();
        before = Snapshot.Take(host);
        ptp.Add(container, Conf.Ptp(host, """{ "name": "net2" }""")).Failed(999, "10.22.0.2", "File exists");
        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [InlineData("container", "addr del 10.22.0.2/24 dev eth0", "10.22.0.2/24")]
    [InlineData("container", "route del default", "0.0.0.0/0")]
    [InlineData("container", "link set eth0 address 02:00:00:00:00:09", "02:00:00:00:00:09")]
    [InlineData("container", "link del eth0", "eth0")]
    [InlineData("host", "route del fd22::2/128", "fd22::2")]
    public void Check_finds_what_has_changed(string where, string change, string text)
    {
        Plugin.NeedsOurs("ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin ptp = new(host, "ptp");
        string config = Conf.Ptp(host, routes: Default);
        PluginResult added = ptp.Add(container, config).Check();
        (where == "host" ? host : container).Run(["ip", .. change.Split(' ')]).Check();
        Snapshot before = Snapshot.Take(host);

        ptp.Check(container, Conf.WithResult(config, added)).Failed(999, text);

        before.AssertSame(Snapshot.Take(host));
    }
}
