using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The examples of macvlan, ipvlan and vlan do what their pages say, by cnitool.</summary>
public class ChildLinkExampleTests
{
    // file, network, plugin
    public static TheoryData<string, string, string> Examples { get; } = new()
    {
        { "50-macvlan.conflist", "office", "macvlan" },
        { "51-ipvlan.conflist", "rack", "ipvlan" },
        { "52-vlan.conflist", "telephony", "vlan" },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_works(string file, string network, string type)
    {
        Plugin.NeedsOurs(type, "host-local", "static");
        Lan.NeedsKind(type);
        string tool = Path.Combine(Plugin.OursDirectory, "cnitool");
        using TestHost host = TestHost.Create();
        TestNamespace neighbour = host.AddContainer(), container = host.AddContainer();
        host.Run("ip", "link", "add", "eno1", "up", "type", "veth", "peer", "name", "lan0", "netns", neighbour.Name).Check();
        neighbour.Run("ip", "link", "set", "lan0", "up").Check();
        string lan = "lan0";
        if (type == "vlan")
            neighbour.Run("ip", "link", "add", "link", "lan0", "name", lan = "lan0.40", "up", "type", "vlan", "id", "40").Check();
        neighbour.Run("ip", "addr", "add", "10.95.0.1/16", "dev", lan).Check();
        neighbour.Run("ip", "addr", "add", "fd95:4b1e:77aa::1/64", "dev", lan, "nodad").Check();
        // The data directory of the example is the machine's: another one, in a file of the host's own.
        File.WriteAllText(
            Path.Combine(host.ConfigDirectory, file),
            File.ReadAllText(Repository.PathOf($"examples/{file}"))
                .Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{host.DataDirectory}\",", StringComparison.Ordinal));
        Snapshot before = Snapshot.Take(host);

        Run("status").Check();
        CommandResult added = Run("add").Check();

        Assert.Equal(["10.95.8.0/16", "fd95:4b1e:77aa::2/64"], added.ResultAddresses());
        container.Ping("10.95.0.1");
        container.Ping("fd95:4b1e:77aa::1");
        Run("check").Check();
        Run("del").Check();
        Run("del").Check();
        before.AssertSame(Snapshot.Take(host));

        CommandResult Run(string verb) => host.Run(
            [tool, "--cache-dir", host.CacheDirectory, verb, network, container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = host.ConfigDirectory });
    }
}
