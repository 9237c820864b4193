using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>host-device by bus and path: each plugin is run where /sys is a directory of the test's.</summary>
public sealed class HostDeviceSysfsTests : IDisposable
{
    private const string Card = "0000:3b:00.1";
    private const string UserCard = "0000:af:00.0";
    private const string Slot = "/sys/devices/pci0000:00";

    private readonly TestHost _host;
    private readonly TestNamespace _container;

    public HostDeviceSysfsTests()
    {
        Plugin.NeedsOurs("host-device", "host-local");
        _host = TestHost.Create();
        _container = _host.AddContainer();
        _host.To(_host.AddContainer(), "dev0");
        _host.Ip("link set dev0 down");
        Pci(Card, "ixgbe", "net/dev0");
        Pci("0000:00:04.0", "virtio-pci", "virtio3/net/dev0");
        Pci(UserCard, "vfio-pci", "uio");
        Pci("0000:05:00.0", "ixgbe", "config");
        Make($"{Slot}/{Card}/mlx5_core.sf.4/net/dev0");
        Link("/sys/bus/auxiliary/devices/mlx5_core.sf.4", $"{Slot}/{Card}/mlx5_core.sf.4");
        Make("/sys/class/net/net/dev0");
        Link($"{Slot}/{Card}/subsystem", "/sys/class/net");
    }

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Devices { get; } =
    [
        $$"""{ "pciBusID": "{{Card}}" }""",
        """{ "pciBusID": "0000:3B:00.1" }""",
        """{ "pciBusID": "0000:00:04.0" }""",
        $$"""{ "kernelpath": "{{Slot}}/{{Card}}" }""",
        $$"""{ "runtimeConfig": { "deviceID": "{{Card}}" } }""",
        """{ "runtimeConfig": { "deviceID": "mlx5_core.sf.4" } }""",
        $$"""{ "pciBusID": "{{UserCard}}", "runtimeConfig": { "deviceID": "mlx5_core.sf.4" } }""",
        $$"""{ "device": "dev0", "hwaddr": "02:99:99:99:99:99", "kernelpath": "{{Slot}}/x", "pciBusID": "{{Card}}" }""",
    ];

    [Theory]
    [MemberData(nameof(Devices))]
    public void Device_is_found_and_brought_back(string keys)
    {
        string config = Config(keys);
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = Run(Ours, "ADD", config).Check();

        Assert.Equal("dev0", _container.Link("eth0").Text("ifalias"));
        Run(Ours, "CHECK", Conf.WithResult(config, added)).Check();
        Run(Ours, "DEL", config).Check();
        before.AssertSame(Snapshot.Take(_host));
        Run(Ours, "STATUS", Config(keys, "1.1.0")).Check();
    }

    [Theory]
    [InlineData("""{ "pciBusID": "0000:05:00.0" }""", 999, "0000:05:00.0", "ixgbe")]
    [InlineData("""{ "pciBusID": "0000:99:00.0" }""", 999, "0000:99:00.0")]
    [InlineData("""{ "kernelpath": "/sys/devices/nowhere" }""", 999, "/sys/devices/nowhere")]
    [InlineData("""{ "kernelpath": "/sys/devices/pci0000:00/0000:3b:00.1/subsystem" }""", 7, "/sys/class/net")]
    [InlineData("""{ "kernelpath": "/sys/devices/../class/net/net" }""", 7, "/sys/devices/../class/net/net")]
    [InlineData("""{ "kernelpath": "devices" }""", 7, "must be absolute and begin with /sys/devices/")]
    [InlineData("""{ "pciBusID": "../../../class/net" }""", 7, "../../../class/net")]
    [InlineData("""{ "pciBusID": "3b:00.1" }""", 7, "3b:00.1", "0000:00:1f.6")]
    [InlineData("""{ "pciBusID": 5 }""", 999, "pciBusID", "5")]
    [InlineData("""{ "device": {} }""", 999, "device")]
    [InlineData("""{ "device": "../x" }""", 7, "../x")]
    [InlineData("""{ "hwaddr": "zz" }""", 7, "zz")]
    [InlineData("""{ "runtimeConfig": { "deviceID": "../../x" } }""", 7, "../../x")]
    [InlineData("""{ "runtimeConfig": { "deviceID": "0000:99:00.0" } }""", 7, "runtime config DeviceID 0000:99:00.0 not found or unsupported")]
    [InlineData("""{ "runtimeConfig": { "deviceID": 7 } }""", 999, "deviceID")]
    [InlineData("{}", 7, "specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"")]
    public void Device_that_is_none_is_refused_and_delete_succeeds(string keys, int code, params string[] texts)
    {
        Snapshot before = Snapshot.Take(_host);

        Run(Ours, "ADD", Config(keys)).Failed(code, texts);
        before.AssertSame(Snapshot.Take(_host));

        Run(Ours, "DEL", Config(keys)).Check();
        before.AssertSame(Snapshot.Take(_host));
    }

    [Fact]
    public void Device_that_a_program_drives_has_no_interface_but_an_address()
    {
        string config = Config($$"""{ "pciBusID": "{{UserCard}}", "dns": { "nameservers": ["192.0.2.53"] } }""");
        Snapshot before = Snapshot.Take(_host);

        PluginResult added = Run(Ours, "ADD", config).Check();

        JsonElement only = Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray());
        Assert.Equal(["name", "sandbox"], only.EnumerateObject().Select(p => p.Name));
        Assert.Equal("10.22.0.2/24", added.Json.GetProperty("ips")[0].Text("address"));
        Assert.Equal(0, added.Json.GetProperty("ips")[0].GetProperty("interface").GetInt32());
        Assert.Equal("192.0.2.53", added.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString());
        Assert.False(_container.HasLink("eth0"));
        Run(Ours, "CHECK", Conf.WithResult(config, added)).Check();
        string theirs = Run(Theirs, "ADD", config, "other").Check().StandardOutput.Replace("10.22.0.3", "10.22.0.2", StringComparison.Ordinal);
        // 1.1.1 forgets the interface when there is an IPAM.
        Assert.All((string[])["ips", "dns"], key => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(theirs)![key], JsonNode.Parse(added.StandardOutput)![key]), $"{theirs}\n{added}"));
        Run(Theirs, "DEL", config, "other").Check();
        Run(Ours, "DEL", config).Check();
        before.AssertSame(Snapshot.Take(_host));

        string bare = Config($$"""{ "pciBusID": "{{UserCard}}", "ipam": null }""");
        Assert.False(Run(Ours, "ADD", bare).Check().Json.TryGetProperty("ips", out _));
        Run(Ours, "DEL", bare).Check();
    }

    [Fact]
    public void Delete_after_the_card_was_pulled_gives_the_address_back()
    {
        string config = Config($$"""{ "pciBusID": "{{Card}}" }""");
        Run(Theirs, "ADD", config).Check();
        Directory.Delete($"{_host.Directory}{Slot}/{Card}", recursive: true);
        File.Delete($"{_host.Directory}/sys/bus/pci/devices/{Card}");
        _container.Ip("link del eth0");

        Assert.NotEqual(0, Run(Theirs, "DEL", config).ExitCode);
        Assert.Single(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Run(Ours, "DEL", config).Check();

        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Run(Ours, "STATUS", Config($$"""{ "pciBusID": "{{Card}}" }""", "1.1.0")).Failed(50, Card);
    }

    private static string Ours => Plugin.OursDirectory;

    private static string Theirs => ReferencePlugins.Directory;

    private string Config(string keys, string version = "1.0.0") => Conf.Make(_host, "host-device", keys, version, Conf.IPv4);

    private PluginResult Run(string directory, string command, string config, string id = "ctr")
    {
        Assert.SkipUnless(File.Exists(Path.Combine(directory, "host-device")), $"needs {directory}/host-device");
        return new(_host.Run(
            ["unshare", "--mount", "sh", "-c", $"mount --bind {_host.Directory}/sys /sys && exec \"$0\"", Path.Combine(directory, "host-device")],
            config,
            new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = command, ["CNI_CONTAINERID"] = id, ["CNI_NETNS"] = _container.Path, ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = directory,
            }));
    }

    private void Pci(string address, string driver, string content)
    {
        Make($"{Slot}/{address}/{content}");
        Link($"/sys/bus/pci/devices/{address}", $"{Slot}/{address}");
        Make($"/sys/bus/pci/drivers/{driver}");
        Link($"{Slot}/{address}/driver", $"/sys/bus/pci/drivers/{driver}");
    }

    private void Make(string path) => Directory.CreateDirectory(_host.Directory + path);

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_host.Directory + path)!);
        Directory.CreateSymbolicLink(_host.Directory + path, target);
    }
}
