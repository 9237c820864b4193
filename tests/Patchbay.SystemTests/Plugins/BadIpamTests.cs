using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>An IPAM plugin that is missing or behaves badly: the main plugin tells which and how, and undoes what it has done.</summary>
public class BadIpamTests
{
    private static readonly string[] MainPlugins = ["bridge", "ptp"];

    [Fact]
    public void Plugin_that_names_itself_as_its_ipam_is_refused_and_leaves_nothing()
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, """{ "ipam": { "type": "bridge" } }""");
        Snapshot before = Snapshot.Take(host, except: "cni0");

        foreach (string command in (string[])["ADD", "DEL", "CHECK"])
            Assert.NotEqual(0, bridge.Invoke(command, config, "c1", container.Path, "eth0").ExitCode);
        Assert.Contains("name itself", bridge.Invoke("DEL", config, "c1", container.Path, "eth0").StandardOutput, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Missing() =>
        AssertFails(null, 999, "failed to find plugin \"ipam\" in path [");

    [Fact]
    public void No_program() =>
        AssertFails("\u007fELF is not enough", 999, "cannot run \"", "/ipam\"", "Exec format error");

    [Fact]
    public void Killed_by_a_signal() =>
        AssertFails("#!/bin/sh\nkill -SEGV $$\n", 999, "netplugin failed with no error message", "signal", "11");

    [Fact]
    public void Fails_without_a_word() =>
        AssertFails("#!/bin/sh\nexit 3\n", 999, "netplugin failed with no error message", "3");

    [Fact]
    public void Fails_with_a_word_on_standard_error() =>
        AssertFails("#!/bin/sh\necho out of cheese >&2; exit 1\n", 999, "netplugin failed: \"out of cheese\"");

    [Fact]
    public void Fails_with_garbage() =>
        AssertFails("#!/bin/sh\necho panic: 'not json'; exit 1\n", 999, "error parsing its diagnostic message", "panic: not json");

    [Fact]
    public void Succeeds_with_garbage() =>
        AssertFails("#!/bin/sh\necho this is no result\n", 999, "plugin \"ipam\" printed no valid result", "this is no result");

    [Fact]
    public void Succeeds_with_nothing() =>
        AssertFails("#!/bin/sh\n", 999, "plugin \"ipam\" printed no result");

    [Fact]
    public void Succeeds_with_an_address_that_is_none() =>
        AssertFails("#!/bin/sh\necho '{ \"cniVersion\": \"1.0.0\", \"ips\": [{ \"address\": \"10.22.0.300/24\" }] }'\n", 999, "plugin \"ipam\" printed no valid result", "10.22.0.300/24");

    [Fact]
    public void Fails_with_an_error_object() =>
        AssertFails("#!/bin/sh\necho '{ \"code\": 123, \"msg\": \"no lease\", \"details\": \"server asleep\" }'; exit 1\n", 123, "no lease; server asleep");

    [Fact]
    public void Hangs() =>
        AssertFails("#!/bin/sh\nsleep 1000\n", 11, "plugin \"ipam\" did not finish within 0.2 s (PATCHBAY_DELEGATE_TIMEOUT) and was killed");

    [Fact]
    public void Prints_without_end() =>
        AssertFails("#!/bin/sh\nexec cat /dev/zero\n", 5, "a program printed more than 64 MiB and was killed", limit: "60");

    [Theory]
    [InlineData("soon")]
    [InlineData("-1")]
    [InlineData("0")]
    public void Limit_is_no_number_of_seconds(string limit) =>
        AssertFails("#!/bin/sh\nexit 1\n", 4, "PATCHBAY_DELEGATE_TIMEOUT", $"\"{limit}\"", limit: limit);

    [Theory]
    [InlineData("../ipam")]
    [InlineData("/bin/true")]
    public void Type_is_a_path(string type)
    {
        foreach (string main in MainPlugins)
        {
            Plugin.NeedsOurs(main);
            using TestHost host = TestHost.Create();
            TestNamespace container = host.AddContainer();
            Snapshot before = Snapshot.Take(host, except: "cni0");
            new Plugin(host, main).Add(container, Conf.Make(host, main, $$"""{ "ipam": { "type": "{{type}}" } }""")).Failed(999, $"invalid plugin name: {type}");
            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
    }

    [Theory]
    [InlineData("macvlan", """{ "master": "uplink" }""")]
    [InlineData("tap", "{}")]
    [InlineData("host-device", """{ "device": "uplink" }""")]
    public void Every_other_main_plugin_does_the_same(string main, string keys) => AssertTellsAndUndoes(main, keys);

    [Theory]
    [InlineData("ipvlan", """{ "master": "uplink" }""")]
    [InlineData("vlan", """{ "master": "uplink", "vlanId": 5 }""")]
    [InlineData("dummy", "{}")]
    public void So_does_that_of_a_kind_of_interface_that_the_kernel_may_lack(string main, string keys) => AssertTellsAndUndoes(main, keys);

    [Fact]
    public void Ipam_that_fails_is_told_to_delete_what_it_may_have_done()
    {
        using TestHost host = TestHost.Create();
        string log = Path.Combine(host.Directory, "log");
        AssertFails(host, "bridge", $"#!/bin/sh\necho $CNI_COMMAND >>{log}; [ $CNI_COMMAND = DEL ] || exit 7\n", "5", 999, "exit");
        Assert.Equal("ADD\nDEL\n", File.ReadAllText(log));
    }

    [Fact]
    public void Standard_error_of_the_ipam_is_passed_on()
    {
        using TestHost host = TestHost.Create();
        PluginResult result = AssertFails(host, "bridge", "#!/bin/sh\necho note to the operator >&2; echo '{ \"code\": 100, \"msg\": \"m\" }'; exit 1\n", "5", 100, "m");
        Assert.Contains("note to the operator\n", result.StandardError, StringComparison.Ordinal);
    }

    private static void AssertFails(string? program, int code, string text, string? second = null, string? third = null, string limit = "0.2")
    {
        foreach (string main in MainPlugins)
        {
            using TestHost host = TestHost.Create();
            AssertFails(host, main, program, limit, code, [.. ((string?[])[text, second, third]).OfType<string>()]);
        }
    }

    private static PluginResult AssertFails(TestHost host, string main, string? program, string limit, int code, params string[] texts)
    {
        Plugin.NeedsOurs(main);
        TestNamespace container = host.AddContainer();
        string directory = Directory.CreateDirectory(Path.Combine(host.Directory, "bin")).FullName;
        if (program is not null)
        {
            string file = Path.Combine(directory, "ipam");
            File.WriteAllText(file, program);
            File.SetUnixFileMode(file, (UnixFileMode)0b111_101_101);
        }

        var environment = new Dictionary<string, string?> { ["CNI_PATH"] = directory, ["PATCHBAY_DELEGATE_TIMEOUT"] = limit };
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult result = new Plugin(host, main)
            .Invoke("ADD", Conf.Make(host, main, """{ "ipam": { "type": "ipam" } }"""), "ctr", container.Path, "eth0", environment: environment)
            .Failed(code, texts);

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
        return result;
    }

    private static void AssertTellsAndUndoes(string main, string keys)
    {
        Plugin.NeedsOurs(main);
        NeedsKind(main);
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.Run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "other").Check();
        host.Run("ip", "link", "set", "uplink", "alias", "mine", "up").Check();
        Snapshot before = Snapshot.Take(host);
        foreach ((string program, int code, string text) in (ReadOnlySpan<(string, int, string)>)
        [
            ("kill -SEGV $$", 999, "netplugin failed with no error message"),
            ("echo out of cheese >&2; exit 1", 999, "netplugin failed: \"out of cheese\""),
            ("echo this is no result", 999, "plugin \"ipam\" printed no valid result"),
            ("", 999, "plugin \"ipam\" printed no result"),
            ("echo '{ \"cniVersion\": \"1.0.0\" }'", 999, "IPAM plugin returned missing IP config"),
            ("echo '{ \"cniVersion\": \"1.0.0\", \"ips\": [{ \"address\": \"10.22.0.300/24\" }] }'", 999, "10.22.0.300/24"),
            ("echo '{ \"cniVersion\": \"1.0.0\", \"ips\": [{ \"address\": \"10.22.0.2/24\", \"interface\": 7 }] }'", 0, ""),
            ("echo '{ \"cniVersion\": \"1.0.0\", \"ips\": [{ \"address\": \"10.22.0.2/24\" }], \"routes\": [{ \"dst\": \"0.0.0.0/0\", \"gw\": \"192.0.2.1\" }] }'", 999, "192.0.2.1"),
            ("echo '{ \"code\": 123, \"msg\": \"no lease\", \"details\": \"server asleep\" }'; exit 1", 123, "no lease; server asleep"),
        ])
        {
            // Not the interface of an IPAM's address: that is for the main plugin to say (specification, "IPAM").
            var ipam = new ScriptPlugin(host, "ipam", $"[ $CNI_COMMAND = ADD ] || exit 0\n{program}");
            var path = new Dictionary<string, string?> { ["CNI_PATH"] = ipam.Directory };
            string config = Conf.Make(host, main, keys, "1.1.0").Replace("host-local", "ipam", StringComparison.Ordinal);
            PluginResult result = new Plugin(host, main).Invoke("ADD", config, "ctr", container.Path, "eth0", environment: path);
            if (code == 0)
            {
                result.Check();
                new Plugin(host, main).Invoke("DEL", config, "ctr", container.Path, "eth0", environment: path).Check();
                host.Run("ip", "link", "set", "uplink", "alias", "mine", "up").Check();
            }
            else
            {
                result.Failed(code, text);
                Assert.Equal("DEL ipam", ipam.Calls[^1]);
            }

            Assert.False(container.HasLink("eth0"));
        }

        before.AssertSame(Snapshot.Take(host));
        Assert.Equal("mine", host.IpJson("link show dev uplink")[0].GetProperty("ifalias").GetString());
    }

    private static void NeedsKind(string main)
    {
        switch (main)
        {
            case "macvlan": Needs.Macvlan(); break;
            case "ipvlan": Needs.Ipvlan(); break;
            case "vlan": Needs.Vlan(); break;
            case "dummy": Needs.Dummy(); break;
            case "tap": Needs.Tun(); break;
        }
    }
}
