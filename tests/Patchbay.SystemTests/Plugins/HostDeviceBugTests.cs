using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>host-device beside the reference: each brings back what the other took, and the reference's faults are not ours.</summary>
public sealed class HostDeviceBugTests : IDisposable
{
    private readonly TestHost _host;
    private readonly TestNamespace _container;
    private readonly Plugin _ours, _theirs;

    public HostDeviceBugTests()
    {
        Plugin.NeedsOurs("host-device", "host-local");
        _host = TestHost.Create();
        _container = _host.AddContainer();
        _host.To(_host.AddContainer(), "dev0");
        _host.Ip("link set dev0 down");
        _ours = new Plugin(_host, "host-device");
        _theirs = ReferencePlugins.Plugin(_host, "host-device");
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("0.3.1", true)]
    [InlineData("0.4.0", true)]
    [InlineData("1.0.0", true)]
    [InlineData("0.3.1", false)]
    [InlineData("0.4.0", false)]
    [InlineData("1.0.0", false)]
    public void One_checks_and_deletes_what_the_other_added(string version, bool oursAdds)
    {
        (Plugin adds, Plugin deletes) = oursAdds ? (_ours, _theirs) : (_theirs, _ours);
        string config = Config("""{ "device": "dev0", "dns": { "nameservers": ["192.0.2.53"] } }""", version);
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = adds.Add(_container, config).Check();

        string with = Conf.WithResult(config, added);
        if (version != "0.3.1")
            deletes.Check(_container, with).Check();
        deletes.Delete(_container, version == "0.3.1" ? config : with).Check();
        before.AssertSame(Snapshot.Take(_host));
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Results_and_the_container_are_equal(string version)
    {
        string config = Config("""{ "device": "dev0" }""", version);
        PluginResult theirs = _theirs.Add(_container, config).Check();
        string[] routes = _container.Routes();
        _ours.Delete(_container, config).Check();
        Directory.Delete(Path.Combine(_host.DataDirectory, "net"), recursive: true);

        PluginResult ours = _ours.Add(_container, config).Check();

        Assert.Equal(Conf.Comparable(theirs, _container), Conf.Comparable(ours, _container));
        Assert.Equal(routes, _container.Routes());
        Assert.Equal("dev0", _container.Link("eth0").Text("ifalias"));
    }

    [Theory]
    [InlineData("", true)] // says it is done, and keeps the address
    [InlineData("/run/netns/pb-no-such-namespace", false)]
    public void Delete_without_namespace_gives_the_address_back(string netns, bool theirsSucceeds)
    {
        string config = Config("""{ "device": "dev0" }""");
        _theirs.Add(_container, config).Check();

        PluginResult theirs = _theirs.Invoke("DEL", config, _container.Name, netns, "eth0");
        Assert.Equal((theirsSucceeds, 1), (theirs.ExitCode == 0, Reservations().Length));

        _ours.Invoke("DEL", config, _container.Name, netns, "eth0").Check();

        Assert.Empty(Reservations());
        _ours.Invoke("DEL", config, _container.Name, netns, "eth0").Check();
    }

    [Fact]
    public void Delete_after_the_device_is_gone_succeeds_and_gives_the_address_back()
    {
        string config = Config("""{ "device": "dev0" }""");
        _theirs.Add(_container, config).Check();
        _container.Ip("link del eth0");

        Assert.NotEqual(0, _theirs.Delete(_container, config).ExitCode);
        _ours.Delete(_container, config).Check();

        Assert.Empty(Reservations());
    }

    [Theory]
    [InlineData("""{ "device": "dev0" }""")]
    [InlineData("{}")]
    [InlineData("""{ "device": 5, "pciBusID": [], "hwaddr": "x", "kernelpath": "/etc", "runtimeConfig": { "deviceID": "gone" } }""")]
    public void Delete_does_not_mind_what_the_configuration_has_become(string keys)
    {
        Snapshot before = Snapshot.Take(_host);
        _ours.Add(_container, Config("""{ "device": "dev0" }""")).Check();

        _ours.Delete(_container, Config(keys)).Check();

        before.AssertSame(Snapshot.Take(_host));
    }

    private string[] Reservations() => Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories);

    private string Config(string keys, string version = "1.0.0") =>
        Conf.Make(_host, "host-device", keys, version, Conf.IPv4, """[{ "dst": "0.0.0.0/0" }]""");
}
