using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The examples of plugins for devices do what their pages say, by cnitool.</summary>
public class DeviceExampleTests
{
    // file, network, plugin, addresses of eth0, its MTU
    public static TheoryData<string, string, string, string, int> Examples { get; } = new()
    {
        { "40-tap.conflist", "machines", "tap", "10.90.0.2/16 fd90:4b1e:77aa::2/64", 1500 },
        { "42-host-device.conflist", "uplink", "host-device", "10.92.0.2/24", 1500 },
        { "43-bridge-overlay.conflist", "overlaid", "bridge", "10.93.0.2/16", 1450 },
    };

    // By itself: a method that is skipped in part must run as a whole in the virtual machine, which has no /dev/net/tun.
    [Fact]
    public void Dummy_example_works()
    {
        Needs.Dummy();
        Works("41-dummy.conflist", "services", "dummy", "10.91.0.10/32 fd91:4b1e:77aa::10/128", 1500);
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_works(string file, string network, string type, string addresses, int mtu)
    {
        if (type == "tap")
            Needs.Tun();
        Works(file, network, type, addresses, mtu);
    }

    private static void Works(string file, string network, string type, string addresses, int mtu)
    {
        Plugin.NeedsOurs(type, "host-local", "static");
        string tool = Path.Combine(Plugin.OursDirectory, "cnitool");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.To(host.AddContainer(), "ens4");
        host.Ip("link set ens4 down");
        // The data directory of the example is the machine's: another one, in a file of the host's own.
        File.WriteAllText(
            Path.Combine(host.ConfigDirectory, file),
            File.ReadAllText(Repository.PathOf($"examples/{file}"))
                .Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{host.DataDirectory}\",", StringComparison.Ordinal));
        Snapshot before = Snapshot.Take(host, except: "ov0");

        Run("status").Check();
        CommandResult added = Run("add").Check();

        Assert.Equal(addresses.Split(' '), added.ResultAddresses());
        Assert.Equal(addresses.Split(' '), container.Addresses("eth0"));
        Assert.Equal(mtu, container.Mtu("eth0"));
        Run("check").Check();
        Run("del").Check();
        Run("del").Check();
        before.AssertSame(Snapshot.Take(host, except: "ov0"));

        CommandResult Run(string verb) => host.Run(
            [tool, "--cache-dir", host.CacheDirectory, verb, network, container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = host.ConfigDirectory });
    }
}
