using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>host-device: a device goes into a container under another name, and comes back as it was.</summary>
public sealed class HostDeviceTests : IDisposable
{
    private readonly TestHost _host;
    private readonly TestNamespace _container, _network;
    private readonly Plugin _plugin;

    public HostDeviceTests()
    {
        Plugin.NeedsOurs("host-device", "host-local");
        _host = TestHost.Create();
        _container = _host.AddContainer();
        _network = _host.AddContainer();
        _host.To(_network, "dev0");
        _host.Ip("link set dev0 down");
        _network.Ip("addr add 10.22.0.1/24 dev far", "addr add fd22::1/64 dev far nodad");
        _plugin = new Plugin(_host, "host-device");
    }

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Versions => ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Device_is_moved_named_addressed_and_brought_back(string version)
    {
        string config = Config("""{ "device": "dev0", "dns": { "nameservers": ["192.0.2.53"] } }""", version, ranges: Conf.IPv4);
        Snapshot before = Snapshot.Take(_host);
        string mac = _host.Link("dev0").Text("address");

        PluginResult added = _plugin.Add(_container, config).Check();

        Assert.False(_host.HasLink("dev0"));
        JsonElement eth0 = _container.Link("eth0");
        Assert.Equal(("dev0", mac, true), (eth0.Text("ifalias"), eth0.Text("address"), eth0.IsUp()));
        Assert.Equal(["10.22.0.2/24"], _container.Addresses("eth0"));
        Assert.Equal(["default via 10.22.0.1 dev eth0"], _container.Routes());
        _container.Ping("10.22.0.1");
        Assert.Equal("192.0.2.53", added.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString());
        if (version is not ("0.1.0" or "0.2.0"))
        {
            JsonElement link = Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray());
            Assert.Equal(("eth0", mac, _container.Path), (link.Text("name"), link.Text("mac"), link.Text("sandbox")));
            Assert.Equal(0, added.Json.GetProperty("ips")[0].GetProperty("interface").GetInt32());
        }

        if (version is "0.4.0" or "1.0.0" or "1.1.0")
            _plugin.Check(_container, Conf.WithResult(config, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            _plugin.Delete(_container, config).Check();
            before.AssertSame(Snapshot.Take(_host));
        }

        Assert.Equal((mac, ""), (_host.Link("dev0").Text("address"), _host.Link("dev0").Text("ifalias")));
    }

    [Fact]
    public void IPv6_addresses_are_looked_for_on_the_network_and_usable()
    {
        _plugin.Add(_container, Config("""{ "device": "dev0" }""", ranges: Conf.IPv6)).Check();

        JsonElement address = _container.Link("eth0").GetProperty("addr_info").EnumerateArray().Single(a => a.Text("local") == "fd22::2");
        Assert.False(address.TryGetProperty("tentative", out _) || address.TryGetProperty("nodad", out _));
        _container.Ping("fd22::1");
    }

    [Fact]
    public void Address_that_another_host_has_is_refused_and_the_device_comes_back()
    {
        _host.Ip("link set dev0 up");
        _network.Ip("addr add fd22::2/64 dev far nodad");
        Snapshot before = Snapshot.Take(_host);

        _plugin.Add(_container, Config("""{ "device": "dev0" }""", ranges: Conf.IPv6)).Failed(999, "fd22::2", "duplicate address detection");

        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Without_ipam_the_device_is_up_and_that_is_all()
    {
        string config = Config("""{ "device": "dev0", "ipam": null }""");
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = _plugin.Add(_container, config).Check();

        Assert.True(_container.Link("eth0").IsUp());
        Assert.Empty(_container.Addresses("eth0"));
        Assert.False(added.Json.TryGetProperty("ips", out _));
        _plugin.Check(_container, Conf.WithResult(config, added)).Check();
        _plugin.Delete(_container, config).Check();
        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Device_is_found_by_address_and_by_another_name_and_keeps_its_own()
    {
        _host.Run("ip", "link", "property", "add", "dev", "dev0", "altname", "a-name-of-more-than-15-bytes").Check();
        foreach (string key in (string[])[$"\"hwaddr\": \"{_host.Link("dev0").Text("address").ToUpperInvariant()}\"", "\"device\": \"a-name-of-more-than-15-bytes\""])
        {
            string config = Config($"{{ {key} }}");
            Snapshot before = Snapshot.Take(_host);

            PluginResult added = _plugin.Add(_container, config, "net1").Check();

            Assert.Equal("dev0", _container.Link("net1").Text("ifalias"));
            _plugin.Delete(_container, Conf.WithResult(config, added), "net1").Check();
            before.AssertSame(Snapshot.Take(_host));
        }
    }

    [Fact]
    public void Name_may_be_the_same_on_both_sides_and_a_macvlan_is_a_device_too()
    {
        Needs.Macvlan();
        _host.Ip("link set dev0 up", "link add link dev0 name mac0 address 02:00:00:00:00:07 type macvlan mode bridge");
        string config = Config("""{ "device": "mac0" }""", ranges: Conf.IPv4);
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = _plugin.Add(_container, config, "mac0").Check();

        Assert.Equal(("mac0", "02:00:00:00:00:07"), (_container.Link("mac0").Text("ifalias"), _container.Link("mac0").Text("address")));
        _container.Ping("10.22.0.1");
        _plugin.Check(_container, Conf.WithResult(config, added), "mac0").Check();
        _plugin.Delete(_container, config, "mac0").Check();
        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Failed_add_brings_the_device_back_as_it_was()
    {
        _host.Ip("link add br0 up type bridge", "link set dev0 master br0 up alias keep-me");
        Snapshot before = Snapshot.Take(_host);

        Fails("""{ "device": "dev0", "ipam": { "type": "no-such-ipam" } }""", "no-such-ipam");
        Fails("""{ "device": "dev0" }""", "203.0.113.1", routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""");
        Fails("""{ "device": "dev0" }""", "no IP addresses available", ranges: """[[{ "subnet": "10.22.0.0/24", "rangeStart": "10.22.0.1", "rangeEnd": "10.22.0.1" }]]""");
        Fails("""{ "device": "lo" }""", "lo");
        Fails("""{ "device": "nobody" }""", "\"nobody\"");
        Fails("""{ "hwaddr": "02:99:99:99:99:99" }""", "02:99:99:99:99:99");
        _container.Ip("link add eth0 type bridge");
        before = Snapshot.Take(_host);
        Fails("""{ "device": "dev0" }""", "has an interface \"eth0\" already");
        // The DEL that follows a failed ADD must not take what is somebody else's.
        _plugin.Delete(_container, Config("""{ "device": "dev0" }""")).Check();
        before.AssertSame(Snapshot.Take(_host));

        void Fails(string keys, string text, string ranges = Conf.IPv4, string routes = "[]")
        {
            _plugin.Add(_container, Config(keys, ranges: ranges, routes: routes)).Failed(999, text);
            before.AssertSame(Snapshot.Take(_host));
            Assert.Equal(("keep-me", "br0"), (_host.Link("dev0").Text("ifalias"), _host.Link("dev0").Text("master")));
        }
    }

    [Fact]
    public void Delete_with_the_name_taken_on_the_host_frees_the_address_and_loses_nothing()
    {
        string config = Config("""{ "device": "dev0" }""", ranges: Conf.IPv4);
        _plugin.Add(_container, config).Check();
        _host.Ip("link add dev0 type bridge");

        _plugin.Delete(_container, config).Failed(999, "dev0", "already");

        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Assert.Equal("dev0", _container.Link("eth0").Text("ifalias"));
        _host.Ip("link del dev0");
        _plugin.Delete(_container, config).Check();
        Assert.False(_container.HasLink("eth0"));
        Assert.True(_host.HasLink("dev0"));
    }

    [Fact]
    public void Lost_alias_is_made_up_for_by_the_configuration_or_told()
    {
        string config = Config("""{ "device": "dev0" }""", ranges: Conf.IPv4), byAddress = Config($$"""{ "hwaddr": "{{_host.Link("dev0").Text("address")}}" }""", ranges: Conf.IPv4);
        PluginResult added = _plugin.Add(_container, byAddress).Check();
        _container.Run("ip", "link", "set", "eth0", "alias", "").Check();

        _plugin.Check(_container, Conf.WithResult(byAddress, added)).Failed(999, "alias");
        _plugin.Delete(_container, Conf.WithResult(byAddress, added)).Failed(999, "eth0", "alias");
        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        _plugin.Delete(_container, Conf.WithResult(config, added)).Check();

        Assert.True(_host.HasLink("dev0"));
    }

    [Theory]
    [InlineData("addr del 10.22.0.2/24 dev eth0", "10.22.0.2/24")]
    [InlineData("route del default", "0.0.0.0/0")]
    [InlineData("link set eth0 address 02:00:00:00:00:09", "02:00:00:00:00:09")]
    [InlineData("link set eth0 down", "eth0")]
    [InlineData("link set eth0 name eth7", "eth0")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        string config = Config("""{ "device": "dev0" }""", ranges: Conf.IPv4);
        PluginResult added = _plugin.Add(_container, config).Check();
        if (change.Contains(" name ", StringComparison.Ordinal))
            _container.Ip("link set eth0 down");
        _container.Ip(change);
        Snapshot before = Snapshot.Take(_host);

        _plugin.Check(_container, Conf.WithResult(config, added)).Failed(999, text);

        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Check_does_not_believe_a_result_that_lies()
    {
        string config = Config("""{ "device": "dev0" }""", ranges: Conf.IPv4);
        PluginResult added = _plugin.Add(_container, config).Check();
        JsonObject with = JsonNode.Parse(Conf.WithResult(config, added))!.AsObject();

        _plugin.Check(_container, config).Failed(999, "Required prevResult missing");
        with["prevResult"]!["interfaces"]![0]!["sandbox"] = "/run/netns/elsewhere";
        _plugin.Check(_container, with.ToJsonString()).Failed(999, "Sandbox in prevResult /run/netns/elsewhere doesn't match");
        with["prevResult"]!["interfaces"]![0]!["name"] = "eth9";
        _plugin.Check(_container, with.ToJsonString()).Failed(999, "eth0");
    }

    [Fact]
    public void Garbage_collection_frees_addresses_and_leaves_the_device_where_it_is()
    {
        string config = Config("""{ "device": "dev0" }""", "1.1.0", ranges: Conf.IPv4);
        _plugin.Add(_container, config, containerId: "a").Check();
        Snapshot before = Snapshot.Take(_host);

        _plugin.Invoke("GC", config).Check();
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Invoke("GC", With(config, "cni.dev/valid-attachments", """[{ "containerID": "a", "ifname": "eth0" }]""")).Check();
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Invoke("GC", With(config, "cni.dev/valid-attachments", "[]")).Check();

        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Assert.True(_container.HasLink("eth0"));
    }

    [Fact]
    public void Status_tells_a_device_that_is_not_there_to_be_given()
    {
        string config = Config("""{ "device": "dev0" }""", "1.1.0", ranges: Conf.IPv4);
        Snapshot before = Snapshot.Take(_host);
        _plugin.Invoke("STATUS", config).Check();
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Invoke("STATUS", Config("{}", "1.1.0")).Failed(7, "specify either");
        _plugin.Invoke("STATUS", Config("""{ "capabilities": { "deviceID": true } }""", "1.1.0")).Check();

        _plugin.Add(_container, config).Check();

        _plugin.Invoke("STATUS", config).Failed(50, "dev0", "another container");
    }

    private string Config(string keys, string version = "1.0.0", string ranges = Conf.Dual, string routes = """[{ "dst": "0.0.0.0/0" }]""") =>
        Conf.Make(_host, "host-device", keys, version, ranges, ranges == Conf.IPv6 ? "[]" : routes);

    private static string With(string config, string key, string value)
    {
        JsonObject o = JsonNode.Parse(config)!.AsObject();
        o[key] = JsonNode.Parse(value);
        return o.ToJsonString();
    }
}
