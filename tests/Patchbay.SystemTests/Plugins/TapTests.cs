using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>tap: a device that a program may open as its cable, made without ip(8).</summary>
public sealed class TapTests : IDisposable
{
    private readonly TestHost _host;
    private readonly TestNamespace _container;
    private readonly Plugin _plugin;

    public TapTests()
    {
        Plugin.NeedsOurs("tap", "host-local");
        Needs.Tun();
        _host = TestHost.Create();
        _container = _host.AddContainer();
        _plugin = new Plugin(_host, "tap");
    }

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Versions => ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Device_is_made_addressed_and_deleted(string version)
    {
        string config = Config("""{ "dns": { "nameservers": ["192.0.2.53"] } }""", version);
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = _plugin.Add(_container, config).Check();

        JsonElement eth0 = _container.Link("eth0"), info = Info(eth0);
        Assert.Equal(("tap", "False", "True", "True", "False", 1500), (info.Text("type"), info.Text("pi"), info.Text("vnet_hdr"), info.Text("persist"), info.Text("multi_queue"), _container.Mtu("eth0")));
        Assert.Equal(("", ""), (info.Text("user"), info.Text("group")));
        Assert.True(eth0.IsUp());
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], _container.Addresses("eth0"));
        Assert.Equal("1", _container.Sysctl("ipv4/conf/eth0/arp_notify"));
        Assert.Equal("192.0.2.53", added.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString());
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

    [Fact] // the reference ignores mtu and mac when owner and group are set
    public void Every_key_is_honoured_together_with_every_other()
    {
        _container.Ip("link add br0 up type bridge");
        string config = Config("""{ "multiQueue": true, "mtu": 1400, "mac": "02:00:00:00:00:05", "owner": 1005, "group": 1006, "bridge": "br0", "ipam": null }""");

        PluginResult added = _plugin.Add(_container, config).Check();

        JsonElement eth0 = _container.Link("eth0"), info = Info(eth0);
        Assert.Equal(("02:00:00:00:00:05", "br0", true, 1400), (eth0.Text("address"), eth0.Text("master"), eth0.IsUp(), _container.Mtu("eth0")));
        Assert.Equal(("True", "1005", "1006"), (info.Text("multi_queue"), info.Text("user"), info.Text("group")));
        Assert.False(added.Json.TryGetProperty("ips", out _));
        _plugin.Check(_container, Conf.WithResult(config, added)).Check();
        _plugin.Delete(_container, config).Check();
        Assert.False(_container.HasLink("eth0"));
    }

    [Theory] // the largest ids, one without the other
    [InlineData("""{ "owner": 4294967294 }""", "4294967294", "")]
    [InlineData("""{ "group": 0 }""", "", "root")]
    public void Owner_and_group_stand_for_themselves(string keys, string owner, string group)
    {
        _plugin.Add(_container, Config(keys)).Check();
        JsonElement info = Info(_container.Link("eth0"));
        Assert.Equal((owner, group), (info.Text("user"), info.Text("group")));
    }

    [Fact]
    public void Address_is_that_of_the_capability_then_of_the_arguments_then_of_the_key()
    {
        (string Keys, string? Args, string Expected)[] cases =
        [
            ("""{ "mac": "02:00:00:00:00:03" }""", null, "02:00:00:00:00:03"),
            ("""{ "mac": "02:00:00:00:00:03" }""", "IgnoreUnknown=1;MAC=02:00:00:00:00:02", "02:00:00:00:00:02"),
            ("""{ "mac": "02:00:00:00:00:03", "runtimeConfig": { "mac": "02:00:00:00:00:01" } }""", "IgnoreUnknown=1;MAC=02:00:00:00:00:02", "02:00:00:00:00:01"),
        ];
        foreach ((string keys, string? args, string expected) in cases)
        {
            string config = Config(keys);
            _plugin.Add(_container, config, args: args).Check();
            Assert.Equal(expected, _container.Link("eth0").Text("address"));
            _plugin.Delete(_container, config, args: args).Check();
        }
    }

    [Fact]
    public void Frames_reach_the_owner_that_opens_the_device_and_nobody_else_may()
    {
        _plugin.Add(_container, Config("""{ "owner": 0 }""")).Check();
        const string Attach = """
            use Fcntl; use IO::Socket::INET;
            sysopen(my $tun, "/dev/net/tun", O_RDWR) or die "open: $!";
            my $request = pack("a16 S x22", "eth0", 0x5002); # IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
            ioctl($tun, 0x400454ca, $request) or die "attach: $!"; # TUNSETIFF
            IO::Socket::INET->new(PeerAddr => "10.22.0.9:9", Proto => "udp")->send("hello");
            sysread($tun, my $frame, 2000) > 24 and print "frame";
            """;

        // Its owner, without CAP_NET_ADMIN.
        CommandResult read = _container.Run("setpriv", "--inh-caps=-all", "--bounding-set=-all", "perl", "-e", Attach).Check();
        Assert.Equal("frame", read.StandardOutput);

        // Another's device is not for him.
        _plugin.Add(_container, Config("""{ "owner": 1005 }"""), "eth1").Check();
        read = _container.Run("setpriv", "--inh-caps=-all", "--bounding-set=-all", "perl", "-e", Attach.Replace("eth0", "eth1", StringComparison.Ordinal));
        Assert.Contains("attach: Operation not permitted", read.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Failed_add_leaves_nothing()
    {
        _container.Ip("link add taken type bridge", "link add plain type veth peer name plain2");
        Snapshot before = Snapshot.Take(_host);

        Fails("{}", 999, "has an interface \"taken\" already", ifName: "taken");
        Fails("""{ "bridge": "nobody" }""", 999, "nobody");
        Fails("""{ "bridge": "plain" }""", 999, "not a bridge (it is veth)");
        Fails("""{ "mtu": 65535 }""", 999, "eth0");
        Fails("""{ "mtu": 60 }""", 999, "eth0");
        Fails("""{ "ipam": { "type": "no-such-ipam" } }""", 999, "no-such-ipam");
        Fails("{}", 999, "203.0.113.1", routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""");
        Fails("""{ "selinuxContext": "system_u:system_r:container_t:s0" }""", 999, "SELinux is not enabled", only: !File.Exists("/sys/fs/selinux/enforce"));
        Fails("{}", 999, "'%'", ifName: "tap%d");

        void Fails(string keys, int code, string text, string ifName = "eth0", string routes = "[]", bool only = true)
        {
            if (!only)
                return;
            _plugin.Add(_container, Config(keys, routes: routes), ifName).Failed(code, text);
            before.AssertSame(Snapshot.Take(_host));
        }
    }

    [Theory]
    [InlineData("""{ "multiQueue": "yes" }""", 999, "multiQueue")]
    [InlineData("""{ "mtu": 65536 }""", 999, "mtu")]
    [InlineData("""{ "mtu": -1 }""", 999, "mtu")]
    [InlineData("""{ "mtu": "1500" }""", 999, "mtu")]
    [InlineData("""{ "owner": -1 }""", 999, "owner")]
    [InlineData("""{ "owner": 4294967295 }""", 999, "owner")] // "no user"
    [InlineData("""{ "group": "root" }""", 999, "group")]
    [InlineData("""{ "mac": "02:00" }""", 7, "02:00")]
    [InlineData("""{ "mac": "01:00:00:00:00:01" }""", 7, "multicast")]
    [InlineData("""{ "mac": 5 }""", 999, "mac")]
    [InlineData("""{ "bridge": "a/b" }""", 7, "a/b")]
    [InlineData("""{ "bridge": [] }""", 999, "bridge")]
    [InlineData("""{ "selinuxContext": "container_t" }""", 7, "selinuxContext", "container_t")]
    [InlineData("""{ "selinuxContext": "a:b:c\nd" }""", 7, "selinuxContext")]
    [InlineData("""{ "selinuxContext": true }""", 999, "selinuxContext")]
    [InlineData("""{ "ipam": 5 }""", 999, "ipam")]
    public void Key_that_cannot_be_is_named_by_every_command(string keys, int code, params string[] texts)
    {
        Snapshot before = Snapshot.Take(_host);

        _plugin.Add(_container, Config(keys)).Failed(code, texts);
        _plugin.Invoke("STATUS", Config(keys, "1.1.0")).Failed(code, texts);
        before.AssertSame(Snapshot.Take(_host));
        if (!keys.Contains("ipam", StringComparison.Ordinal))
            _plugin.Delete(_container, Config(keys)).Check();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/netns/pb-no-such-namespace")]
    public void Delete_without_namespace_gives_the_addresses_back(string netns)
    {
        string config = Config("{}");
        _plugin.Add(_container, config).Check();

        _plugin.Invoke("DEL", config, _container.Name, netns, "eth0").Check();

        Assert.Empty(Reservations());
    }

    [Theory]
    [InlineData("addr del 10.22.0.2/24 dev eth0", "10.22.0.2/24")]
    [InlineData("link set eth0 address 02:00:00:00:00:09", "02:00:00:00:00:09")]
    [InlineData("link set eth0 down", "is down")]
    [InlineData("link set eth0 mtu 1300", "mtu")]
    [InlineData("link set eth0 nomaster", "br0")]
    [InlineData("link del eth0", "eth0")]
    [InlineData("route del 192.0.2.0/24", "192.0.2.0/24")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        _container.Ip("link add br0 up type bridge");
        string config = Config("""{ "mtu": 1400, "bridge": "br0" }""", routes: """[{ "dst": "192.0.2.0/24" }]""");
        PluginResult added = _plugin.Add(_container, config).Check();
        _plugin.Check(_container, Conf.WithResult(config, added)).Check();
        _container.Ip(change);
        Snapshot before = Snapshot.Take(_host);

        _plugin.Check(_container, Conf.WithResult(config, added)).Failed(999, text);

        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Check_compares_the_device_with_the_configuration_and_wants_a_result_that_is_true()
    {
        string config = Config("""{ "owner": 5, "group": 6 }""");
        PluginResult added = _plugin.Add(_container, config).Check();

        _plugin.Check(_container, config).Failed(999, "Required prevResult missing");
        foreach ((string keys, string text) in new[]
        {
            ("""{ "owner": 7, "group": 6 }""", "owner"), ("""{ "owner": 5, "group": 7 }""", "group"), ("""{ "multiQueue": true }""", "multiQueue"),
        })
            _plugin.Check(_container, Conf.WithResult(Config(keys), added)).Failed(999, text);

        JsonObject with = JsonNode.Parse(Conf.WithResult(config, added))!.AsObject();
        with["prevResult"]!["interfaces"]![0]!["sandbox"] = "/run/netns/elsewhere";
        _plugin.Check(_container, with.ToJsonString()).Failed(999, "/run/netns/elsewhere");
        _plugin.Delete(_container, config).Check();
        _container.Ip("link add eth0 up type bridge");
        with = JsonNode.Parse(Conf.WithResult(Config("""{ "ipam": null }"""), added))!.AsObject();
        with["prevResult"]!["interfaces"]![0]!.AsObject().Remove("mac");
        _plugin.Check(_container, with.ToJsonString()).Failed(999, "not a tap device (it is bridge)");
    }

    [Fact]
    public void Garbage_collection_and_status()
    {
        string config = Config("{}", "1.1.0");
        Snapshot before = Snapshot.Take(_host);
        _plugin.Invoke("STATUS", config).Check();
        before.AssertSame(Snapshot.Take(_host));
        if (!File.Exists("/sys/fs/selinux/enforce"))
            _plugin.Invoke("STATUS", Config("""{ "selinuxContext": "system_u:system_r:container_t:s0" }""", "1.1.0")).Failed(50, "SELinux is not enabled");
        new PluginResult(_host.Run(
            ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev/net && exec \"$0\"", Path.Combine(_plugin.Directory, "tap")],
            config,
            new Dictionary<string, string?> { ["CNI_COMMAND"] = "STATUS", ["CNI_PATH"] = _plugin.Directory })).Failed(50, "/dev/net/tun");

        _plugin.Add(_container, config, containerId: "a").Check();
        Snapshot with = Snapshot.Take(_host);
        JsonObject collect = JsonNode.Parse(config)!.AsObject();
        _plugin.Invoke("GC", config).Check();
        with.AssertSame(Snapshot.Take(_host));
        collect["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "a", ["ifname"] = "eth0" });
        _plugin.Invoke("GC", collect.ToJsonString()).Check();
        with.AssertSame(Snapshot.Take(_host));
        collect["cni.dev/valid-attachments"] = new JsonArray();
        _plugin.Invoke("GC", collect.ToJsonString()).Check();
        Assert.Empty(Reservations());
    }

    [Fact] // what is executed under another SELinux label
    public void Helper_makes_the_device_in_its_own_namespace_and_nothing_else()
    {
        string file = Path.Combine(_plugin.Directory, "patchbay-cni");
        _container.Run(file, "tap-device", "tap0", "1005", "-", "1").Check();
        JsonElement info = Info(_container.Link("tap0"));
        Assert.Equal(("tap", "1005", "", "True"), (info.Text("type"), info.Text("user"), info.Text("group"), info.Text("multi_queue")));

        CommandResult again = _container.Run(file, "tap-device", "tap0", "1005", "-", "1");
        Assert.Equal((1, true), (again.ExitCode, again.StandardError.Contains("File exists", StringComparison.Ordinal)));
        Assert.Equal(1, _container.Run(file, "tap-device", "tap1", "x", "-", "1").ExitCode);
        Assert.Equal(1, _container.Run(file, "tap-device").ExitCode);
    }

    private static JsonElement Info(JsonElement link) => link.GetProperty("linkinfo").GetProperty("info_data");

    private string[] Reservations() => [.. Directory.GetFiles(_host.DataDirectory, "*22*", SearchOption.AllDirectories)];

    private string Config(string keys, string version = "1.0.0", string routes = "[]") => Conf.Make(_host, "tap", keys, version, routes: routes);
}
