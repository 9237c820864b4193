using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>dummy: an interface for its addresses.</summary>
public sealed class DummyTests : IDisposable
{
    private readonly TestHost _host;
    private readonly TestNamespace _container;
    private readonly Plugin _plugin;

    public DummyTests()
    {
        Plugin.NeedsOurs("dummy", "host-local");
        _host = TestHost.Create();
        _container = _host.AddContainer();
        _plugin = new Plugin(_host, "dummy");
    }

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Versions => ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Interface_is_made_addressed_and_deleted(string version)
    {
        Needs.Dummy();
        string config = Config("""{ "dns": { "nameservers": ["192.0.2.53"] } }""", version);
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = _plugin.Add(_container, config).Check();

        JsonElement eth0 = _container.Link("eth0");
        Assert.Equal(("dummy", true), (eth0.GetProperty("linkinfo").Text("info_kind"), eth0.IsUp()));
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], _container.Addresses("eth0"));
        Assert.Equal(["192.0.2.0/24 via 10.22.0.1 dev eth0"], _container.Routes());
        _container.Ping("10.22.0.2");
        _container.Ping("fd22::2");
        // The IPAM's name servers stay: there are none here.
        Assert.False(added.Json.TryGetProperty("dns", out JsonElement dns) && dns.TryGetProperty("nameservers", out _));
        if (version is not ("0.1.0" or "0.2.0"))
        {
            JsonElement link = Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray());
            Assert.Equal(("eth0", eth0.Text("address"), _container.Path), (link.Text("name"), link.Text("mac"), link.Text("sandbox")));
            Assert.All(added.Json.GetProperty("ips").EnumerateArray(), ip => Assert.Equal(0, ip.GetProperty("interface").GetInt32()));
        }

        if (version is "0.4.0" or "1.0.0" or "1.1.0")
            _plugin.Check(_container, Conf.WithResult(config, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            _plugin.Delete(_container, config).Check();
            before.AssertSame(Snapshot.Take(_host));
        }
    }

    [Theory]
    [InlineData("addr del 10.22.0.2/24 dev eth0", "10.22.0.2/24")]
    [InlineData("route del 192.0.2.0/24", "192.0.2.0/24")]
    [InlineData("link set eth0 address 02:00:00:00:00:09", "02:00:00:00:00:09")]
    [InlineData("link set eth0 down", "is down")]
    [InlineData("link del eth0", "eth0")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        Needs.Dummy();
        string config = Config("{}");
        PluginResult added = _plugin.Add(_container, config).Check();
        _container.Ip(change);
        Snapshot before = Snapshot.Take(_host);

        _plugin.Check(_container, Conf.WithResult(config, added)).Failed(999, text);

        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Check_wants_a_dummy_and_a_result_that_is_true()
    {
        Needs.Dummy();
        string config = Config("{}");
        PluginResult added = _plugin.Add(_container, config).Check();
        JsonObject with = JsonNode.Parse(Conf.WithResult(config, added))!.AsObject();

        _plugin.Check(_container, config).Failed(999, "Required prevResult missing");
        with["prevResult"]!["interfaces"]![0]!["sandbox"] = "/run/netns/elsewhere";
        _plugin.Check(_container, with.ToJsonString()).Failed(999, "/run/netns/elsewhere");
        _container.Ip("link del eth0", $"link add eth0 up address {added.Json.GetProperty("interfaces")[0].Text("mac")} type bridge");
        _plugin.Check(_container, Conf.WithResult(config, added)).Failed(999, "not a dummy (it is bridge)");
    }

    [Fact]
    public void Failed_add_leaves_nothing()
    {
        Needs.Dummy();
        _container.Ip("link add taken type bridge");
        Snapshot before = Snapshot.Take(_host);

        _plugin.Add(_container, Config("{}"), "taken").Failed(999, "has an interface \"taken\" already");
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Add(_container, Config("""{ "ipam": { "type": "no-such-ipam" } }""")).Failed(999, "no-such-ipam");
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Add(_container, Config("{}", routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""")).Failed(999, "203.0.113.1");
        before.AssertSame(Snapshot.Take(_host));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/netns/pb-no-such-namespace")]
    public void Delete_without_namespace_gives_the_addresses_back(string netns)
    {
        Needs.Dummy();
        string config = Config("{}");
        _plugin.Add(_container, config).Check();

        _plugin.Invoke("DEL", config, _container.Name, netns, "eth0").Check();

        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "*22*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Garbage_collection_and_status()
    {
        Needs.Dummy();
        string config = Config("{}", "1.1.0");
        Snapshot before = Snapshot.Take(_host);
        _plugin.Invoke("STATUS", config).Check();
        before.AssertSame(Snapshot.Take(_host));
        _plugin.Add(_container, config, containerId: "a").Check();
        JsonObject collect = JsonNode.Parse(config)!.AsObject();
        collect["cni.dev/valid-attachments"] = new JsonArray();
        Snapshot with = Snapshot.Take(_host);

        _plugin.Invoke("GC", config).Check();
        with.AssertSame(Snapshot.Take(_host));
        _plugin.Invoke("GC", collect.ToJsonString()).Check();

        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "*22*", SearchOption.AllDirectories));
        Assert.True(_container.HasLink("eth0"));
    }

    [Theory]
    [InlineData("""{ "ipam": null }""")]
    [InlineData("""{ "ipam": {} }""")]
    [InlineData("""{ "ipam": { "type": "" } }""")]
    public void Without_ipam_there_is_nothing_to_be_had(string keys)
    {
        Snapshot before = Snapshot.Take(_host);

        _plugin.Add(_container, Config(keys)).Failed(7, "dummy interface requires an IPAM configuration");
        _plugin.Invoke("STATUS", Config(keys, "1.1.0")).Failed(7, "dummy interface requires an IPAM configuration");
        _plugin.Delete(_container, Config(keys)).Check();

        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Kernel_without_dummy_interfaces_is_told()
    {
        Assert.SkipWhen(_host.Run("ip", "link", "add", "probe", "type", "dummy").ExitCode == 0, "this kernel has dummy interfaces; runs in make test");
        Snapshot before = Snapshot.Take(_host);

        _plugin.Add(_container, Config("{}")).Failed(999, "CONFIG_DUMMY");
        _plugin.Invoke("STATUS", Config("{}", "1.1.0")).Failed(50, "CONFIG_DUMMY");

        before.AssertSame(Snapshot.Take(_host));
    }

    private string Config(string keys, string version = "1.0.0", string routes = """[{ "dst": "192.0.2.0/24" }]""") =>
        Conf.Make(_host, "dummy", keys, version, routes: routes);
}
