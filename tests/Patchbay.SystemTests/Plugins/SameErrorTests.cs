using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Errors that runtimes and people know, told by ours as by the reference: same code, same text.</summary>
public class SameErrorTests
{
    private const string Good = """{ "cniVersion": "1.0.0", "name": "net", "type": "bridge" }""";

    // command, configuration, container, namespace, interface, CNI_ARGS: * stands for a good one, "-" for none; then code and text
    public static TheoryData<string, string, string, string, string, string, int, string> Requests { get; } = new()
    {
        { "ADD", Good, "-", "-", "*", "-", 4, "required env variables [CNI_CONTAINERID,CNI_NETNS] missing" },
        { "ADD", Good, "-", "-", "-", "-", 4, "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing" },
        { "DEL", Good, "-", "-", "*", "-", 4, "required env variables [CNI_CONTAINERID] missing" },
        { "CHECK", Good, "*", "-", "-", "-", 4, "required env variables [CNI_NETNS,CNI_IFNAME] missing" },
        { "ADD", Good, "../x", "*", "*", "-", 4, "invalid characters in containerID" },
        { "ADD", Good, "a/b", "*", "*", "-", 4, "invalid characters in containerID" },
        { "ADD", Good, "-a", "*", "*", "-", 4, "invalid characters in containerID" },
        { "DEL", Good, "a b", "*", "*", "-", 4, "invalid characters in containerID" },
        { "ADD", Good, "*", "*", "sixteen-bytes-xx", "-", 4, "interface name is too long" },
        { "ADD", Good, "*", "*", ".", "-", 4, "interface name is . or .." },
        { "ADD", Good, "*", "*", "..", "-", 4, "interface name is . or .." },
        { "ADD", Good, "*", "*", "a/b", "-", 4, "interface name contains / or : or whitespace characters" },
        { "ADD", Good, "*", "*", "a:b", "-", 4, "interface name contains / or : or whitespace characters" },
        { "ADD", Good, "*", "*", "a b", "-", 4, "interface name contains / or : or whitespace characters" },
        { "ADD", "", "*", "*", "*", "-", 6, "error unmarshall network config:" },
        { "ADD", "{", "*", "*", "*", "-", 6, "error unmarshall network config:" },
        { "ADD", "[]", "*", "*", "*", "-", 6, "error unmarshall network config:" },
        { "ADD", """{ "cniVersion": "1.0.0" }""", "*", "*", "*", "-", 7, "missing network name" },
        { "ADD", """{ "cniVersion": "1.0.0", "name": "a/b" }""", "*", "*", "*", "-", 7, "invalid characters found in network name" },
        { "ADD", """{ "cniVersion": "9.9.9", "name": "net" }""", "*", "*", "*", "-", 1, "incompatible CNI versions" },
        { "ADD", """{ "cniVersion": "1.0", "name": "net" }""", "*", "*", "*", "-", 1, "incompatible CNI versions" },
        { "CHECK", """{ "cniVersion": "0.3.1", "name": "net" }""", "*", "*", "*", "-", 1, "config version does not allow CHECK" },
        { "NONSENSE", Good, "*", "*", "*", "-", 4, "unknown CNI_COMMAND: NONSENSE" },
        { "NONSENSE", "", "*", "*", "*", "-", 6, "error unmarshall network config:" },
        { "ADD", """{ "cniVersion": "1.0.0", "name": "net", "hairpinMode": true, "promiscMode": true }""", "*", "*", "*", "-", -1, "cannot set hairpin mode and promiscuous mode at the same time" },
        { "ADD", """{ "cniVersion": "1.0.0", "name": "net", "vlan": 4095 }""", "*", "*", "*", "-", -1, "invalid VLAN ID 4095 (must be between 0 and 4094)" },
        { "ADD", Good, "*", "*", "*", "MAC", 999, "ARGS: invalid pair \"MAC\"" },
        { "ADD", Good, "*", "*", "*", "FOO=bar", 999, "ARGS: unknown args [\"FOO=bar\"]" },
        { "ADD", """{ "cniVersion": "1.0.0", "name": "net", "ipam": { "type": "no-such-ipam" } }""", "*", "*", "*", "-", 999, "failed to find plugin \"no-such-ipam\" in path [" },
        { "ADD", """{ "cniVersion": "1.0.0", "name": "net", "ipMasq": "yes" }""", "*", "*", "*", "-", -1, "failed to load netconf" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void Error_is_that_of_the_reference(
        string command, string config, string containerId, string netns, string ifName, string args, int code, string text)
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        foreach (Plugin plugin in (Plugin[])[ReferencePlugins.Plugin(host, "bridge"), new Plugin(host, "bridge")])
        {
            PluginResult result = plugin.Invoke(
                command, config, Value(containerId, "ctr"), Value(netns, container.Path), Value(ifName, "eth0"), Value(args, ""));
            // -1: the reference says 999, and ours the code that the specification has for it.
            // The reference leaves its link after such a failure: the DEL that the protocol asks for.
            ReferencePlugins.Plugin(host, "bridge").Invoke("DEL", Good, "ctr", container.Path, "eth0").Check();
            result.Failed(code >= 0 ? code : plugin.Directory == ReferencePlugins.Directory ? 999 : result.ErrorCode is 6 or 7 or 999 ? result.ErrorCode : 7, text);
        }

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("""{ "subnet": "10.22.0.5/24" }""", "Network has host bits set. For a subnet mask of length 24 the network address is 10.22.0.0")]
    [InlineData("""{ "subnet": "10.22.0.0/31" }""", "Network 10.22.0.0/31 too small to allocate from")]
    [InlineData("""{ "subnet": "10.22.0.0/24", "rangeStart": "10.23.0.1" }""", "RangeStart 10.23.0.1 not in network 10.22.0.0/24")]
    [InlineData("""{ "subnet": "10.22.0.0/24", "rangeEnd": "10.23.0.1" }""", "RangeEnd 10.23.0.1 not in network 10.22.0.0/24")]
    [InlineData("""{ "subnet": "10.22.0.0/24" }, { "subnet": "fd22::/64" }""", "mixed address families")]
    [InlineData("""{ "subnet": "10.22.0.0/24" }, { "subnet": "10.22.0.0/16" }""", "overlap")]
    [InlineData("""{ "subnet": "10.22.0.0/24" }], [{ "subnet": "10.22.0.0/24" }""", "range set 0 overlaps with 1")]
    [InlineData("", "empty range set")]
    public void Range_is_refused_as_by_the_reference(string set, string text)
    {
        Plugin.NeedsOurs("host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string config = Conf.Make(host, "host-local", ranges: $"[[{set}]]");

        foreach (Plugin plugin in (Plugin[])[ReferencePlugins.Plugin(host, "host-local"), new Plugin(host, "host-local")])
        {
            PluginResult result = plugin.Add(container, config);
            result.Failed(plugin.Directory == ReferencePlugins.Directory ? 999 : 7, text);
        }

        Assert.Empty(Directory.GetFiles(host.DataDirectory, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Exhausted_pool_and_taken_address_are_told_as_by_the_reference()
    {
        Plugin.NeedsOurs("host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin theirs = ReferencePlugins.Plugin(host, "host-local"), ours = new(host, "host-local");
        string config = Conf.Make(host, "host-local", ranges: """[[{ "subnet": "10.22.0.0/30" }]]""");
        theirs.Add(container, config).Check();

        foreach (Plugin plugin in (Plugin[])[theirs, ours])
        {
            plugin.Add(container, config, "eth1").Failed(999, "failed to allocate for range 0: no IP addresses available in range set: 10.22.0.1-10.22.0.2");
            plugin.Add(container, config, "eth1", args: "IP=10.22.0.2").Failed(999, "requested IP address 10.22.0.2 is not available in range set 10.22.0.1-10.22.0.2");
            plugin.Add(container, config, "eth1", args: "IP=10.22.0.1").Failed(999, "requested ip 10.22.0.1 is subnet's gateway");
            plugin.Add(container, Conf.Make(host, "host-local", """{ "name": "large" }"""), "eth1", args: "IP=10.99.0.1").Failed(999, "failed to allocate all requested IPs: 10.99.0.1");
            plugin.Add(container, config).Failed(999, "10.22.0.2 has been allocated to", "duplicate allocation is not allowed");
        }
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("tap")]
    [InlineData("flannel")]
    public void Second_add_of_an_attachment_that_lives_is_refused_and_takes_nothing_from_it(string type)
    {
        Plugin.NeedsOurs(type, "bridge", "host-local");
        if (type == "tap")
            Needs.Tun();
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer(), other = host.AddContainer();
        string lease = Path.Combine(host.Directory, "subnet.env");
        File.WriteAllText(lease, "FLANNEL_NETWORK=10.22.0.0/16\nFLANNEL_SUBNET=10.22.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        string config = type != "flannel" ? Conf.Make(host, type, ranges: Conf.IPv4) : Conf.Make(
            host, type, $$"""{ "subnetFile": "{{lease}}", "dataDir": "{{host.Directory}}/flannel", "ipam": { "dataDir": "{{host.DataDirectory}}" } }""");
        Plugin plugin = new(host, type);
        PluginResult added = plugin.Add(container, config, containerId: "ctr").Check();
        Snapshot before = Snapshot.Take(host);

        // The same namespace, and another one: the address management knows the attachment by id and interface alone.
        foreach (TestNamespace again in (TestNamespace[])[container, other])
        {
            Assert.NotEqual(0, plugin.Add(again, config, containerId: "ctr").ExitCode);
            before.AssertSame(Snapshot.Take(host));
            plugin.Check(container, Conf.WithResult(config, added), containerId: "ctr").Check();
        }
    }

    private static string? Value(string given, string good) => given switch { "*" => good, "-" => null, _ => given };
}
