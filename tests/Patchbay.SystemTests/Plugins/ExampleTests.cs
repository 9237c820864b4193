using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Every configuration in examples/ does what its page says, by the plugins directly and by cnitool.</summary>
public class ExampleTests
{
    // file, network, first address, what the container must reach
    public static TheoryData<string, string, string, string> Examples { get; } = new()
    {
        { "10-connet.conf", "connet", "192.168.199.2/24", "192.168.199.1 fde4:8dba:82e1::1" },
        { "20-bridge-nftables.conflist", "containers", "10.88.0.2/16", "10.88.0.1 fd88:4b1e:77aa::1" },
        { "30-ptp.conflist", "routed", "10.89.1.0/16", "10.89.0.1 fd89:4b1e:77aa::1" },
    };

    // Lists about one plugin are run by that plugin's tests. A name in a comment runs nothing.
    [Fact]
    public void Every_example_is_run_by_a_test()
    {
        string[] lines =
        [
            .. Directory.EnumerateFiles(Repository.PathOf("tests/Patchbay.SystemTests"), "*.cs", SearchOption.AllDirectories)
                .SelectMany(File.ReadLines).Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)),
        ];
        Assert.All(Directory.GetFiles(Repository.PathOf("examples"), "*.conf*").Select(Path.GetFileName), name =>
            Assert.Contains(lines, line => line.Contains(name!, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("bandwidth", "80-bandwidth.conflist")]
    [InlineData("dhcp", "70-dhcp.conflist")]
    [InlineData("flannel", "81-flannel.conflist")]
    [InlineData("host-local", "20-bridge-nftables.conflist")]
    [InlineData("ipvlan", "51-ipvlan.conflist")]
    [InlineData("loopback", "99-loopback.conf")]
    [InlineData("macvlan", "50-macvlan.conflist")]
    [InlineData("ptp", "30-ptp.conflist")]
    [InlineData("static", "41-dummy.conflist")]
    [InlineData("vlan", "52-vlan.conflist")]
    public void Page_of_a_plugin_points_to_an_example_that_uses_it(string plugin, string example)
    {
        Assert.Contains($"](../examples/{example})", File.ReadAllText(Repository.PathOf($"docs/{plugin}.md")), StringComparison.Ordinal);
        Assert.Contains($"\"type\": \"{plugin}\"", File.ReadAllText(Repository.PathOf($"examples/{example}")), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_works_by_its_plugins(string file, string network, string address, string reaches)
    {
        Plugin.NeedsOurs("bridge", "ptp", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer(), second = host.AddContainer();
        string config = Assert.Single(Conf.OfList(host, Repository.PathOf($"examples/{file}")));
        string type = file.Contains("ptp", StringComparison.Ordinal) ? "ptp" : "bridge";
        Plugin plugin = new(host, type);
        plugin.Add(second, config).Check();
        plugin.Delete(second, config).Check();
        Directory.Delete(Path.Combine(host.DataDirectory, network), recursive: true);
        Snapshot before = Snapshot.Take(host, except: ["cni0", "cbr0"]);

        PluginResult added = plugin.Add(container, config).Check();

        Assert.Equal(address, added.ResultAddresses()[0]);
        foreach (string each in reaches.Split(' '))
            container.Ping(each);
        plugin.Add(second, config).Check();
        container.Ping(second.Addresses("eth0")[0].Split('/')[0]);
        plugin.Check(container, Conf.WithResult(config, added)).Check();
        plugin.Delete(second, config).Check();
        plugin.Delete(container, Conf.WithResult(config, added)).Check();
        before.AssertSame(Snapshot.Take(host, except: ["cni0", "cbr0"]));
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_works_by_cnitool(string file, string network, string address, string reaches)
    {
        string tool = Path.Combine(Plugin.OursDirectory, "cnitool");
        Assert.SkipUnless(File.Exists(tool), $"needs {tool}; run make build");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // The data directory of the example is the machine's: another one, in a file of the host's own.
        string text = File.ReadAllText(Repository.PathOf($"examples/{file}")).Replace("\"dataDir\": \"/run/ipam-state\"", "\"x\": 0", StringComparison.Ordinal);
        File.WriteAllText(
            Path.Combine(host.ConfigDirectory, file),
            text.Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{host.DataDirectory}\",", StringComparison.Ordinal));
        Assert.Equal(1, Run("check").ExitCode);
        Run("add").Check();
        Run("del").Check();
        Directory.Delete(Path.Combine(host.DataDirectory, network), recursive: true);
        Snapshot before = Snapshot.Take(host, except: ["cni0", "cbr0"]);

        CommandResult added = Run("add").Check();

        Assert.Equal(address, added.ResultAddresses()[0]);
        foreach (string each in reaches.Split(' '))
            container.Ping(each);
        Run("check").Check();
        Run("status").Check();
        Run("del").Check();
        Run("del").Check();
        before.AssertSame(Snapshot.Take(host, except: ["cni0", "cbr0"]));

        CommandResult Run(string verb) => host.Run(
            [tool, "--cache-dir", host.CacheDirectory, verb, network, container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = host.ConfigDirectory });
    }
}
