using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>vrf, judged by ip(8). All but the last need a kernel with VRFs.</summary>
public class VrfTests
{
    private const string Blue = """{ "vrfname": "blue" }""";

    private static string Master(Attached chain, string link = "eth0") => chain.Container.Link(link).Text("master");

    private static string Table(Attached chain, string vrf = "blue") => chain.Container.Link(vrf).GetProperty("linkinfo").GetProperty("info_data").Text("table");

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("1.1.0")]
    public void Interface_joins_with_addresses_and_routes(string version)
    {
        Needs.Vrf();
        using var chain = new Attached("vrf", version);
        chain.Ip("route add 192.0.2.0/24 via 10.22.0.9 dev eth0");
        chain.Ip("-6 route add 2001:db8::/64 via fd22::9 dev eth0 src fd22::2");
        chain.Ip("route add 198.51.100.0/24 dev eth0 scope link table 77"); // a table in use
        Snapshot hostBefore = Snapshot.Take(chain.Host);

        PluginResult added = chain.Add(chain.Config(Blue)).Check();

        Assert.Equal(chain.Result.Json.GetRawText(), added.Json.GetRawText());
        Assert.True(chain.Container.Link("blue").IsUp());
        Assert.Equal(("blue", "1"), (Master(chain), Table(chain)));
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], chain.Container.Addresses("eth0"));
        string[] table = chain.Table("1");
        foreach (string route in (string[])
            ["10.22.0.0/24 src 10.22.0.2", "192.0.2.0/24 via 10.22.0.9", "default via 10.22.0.1", "default via fd22::1", "fd22::/64", "2001:db8::/64 via fd22::9 src fd22::2"])
            Assert.Contains(route, table);
        Assert.Equal(["198.51.100.0/24"], chain.Table("77"));
        Assert.DoesNotContain(chain.Table("main"), route => route.StartsWith("default", StringComparison.Ordinal));
        foreach (string gateway in (string[])["10.22.0.1", "fd22::1"])
            chain.Container.Run("ping", "-I", "blue", "-c", "1", "-W", "10", gateway).Check();

        if (version != "0.3.1")
        {
            chain.Check(chain.Config(Blue, added)).Check();
            chain.CheckBridge(added).Check();
        }

        for (int time = 0; time < 2; time++)
        {
            chain.Delete(version == "0.3.1" ? chain.WithoutResult(Blue) : chain.Config(Blue, added)).Check();
            Assert.False(chain.Container.HasLink("blue"));
            Assert.Equal("", Master(chain));
        }

        Assert.NotNull(hostBefore);
    }

    [Fact]
    public void Two_interfaces_share_a_vrf_that_goes_with_the_last()
    {
        Needs.Vrf();
        using var chain = new Attached("vrf");
        string second = Conf.Bridge(chain.Host, """{ "name": "net2", "bridge": "cni1", "isGateway": true }""", ranges: """[[{ "subnet": "10.23.0.0/24" }], [{ "subnet": "fd23::/64" }]]""");
        PluginResult net1 = new Plugin(chain.Host, "bridge").Add(chain.Container, second, "net1").Check();
        string config = chain.Config("""{ "name": "net2", "vrfname": "blue" }""", net1);
        chain.Add(chain.Config(Blue)).Check();
        chain.Ours.Add(chain.Container, config, "net1").Check();
        Assert.Equal(("blue", "blue"), (Master(chain), Master(chain, "net1")));
        chain.Check(chain.Config(Blue)).Check();

        chain.Delete(chain.Config(Blue)).Check();
        Assert.Equal(("", "blue"), (Master(chain), Master(chain, "net1")));
        chain.Ours.Check(chain.Container, config, "net1").Check();
        chain.Ip("link del net1"); // the reference fails here
        chain.Ours.Delete(chain.Container, config, "net1").Check();
        Assert.False(chain.Container.HasLink("blue"));
    }

    [Fact]
    public void Tables_in_use_are_left_alone_and_given_ones_taken()
    {
        Needs.Vrf();
        using var chain = new Attached("vrf");
        chain.Ip("link add red type vrf table 1");
        chain.Ip("route add 203.0.113.0/24 dev eth0 table 2");
        chain.Ip("-6 route add 2001:db8::/64 dev eth0 table 3");
        chain.Ip("rule add fwmark 1 lookup 4");
        chain.Add(chain.Config(Blue)).Check();
        Assert.Equal("5", Table(chain));
        chain.Delete(chain.Config(Blue)).Check();

        chain.Add(chain.Config("""{ "vrfname": "blue", "table": 1000 }""")).Check();
        Assert.Equal("1000", Table(chain));
        chain.Check(chain.Config("""{ "vrfname": "blue", "table": 1000 }""")).Check();
        chain.Check(chain.Config("""{ "vrfname": "blue", "table": 1001 }""")).Failed(999, "VRF blue already exist with different routing table 1000");
    }

    [Fact]
    public void Failed_add_leaves_nothing()
    {
        Needs.Vrf();
        using var chain = new Attached("vrf");
        chain.Ip("link add red type vrf table 9");
        chain.Ip("link add br9 type bridge");
        string[] main = chain.Table("main");
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Add(chain.Config("""{ "vrfname": "red", "table": 10 }""")).Failed(999, "cmdAdd failed: VRF red already exist with different routing table 9");
        chain.Add(chain.Config("""{ "vrfname": "br9" }""")).Failed(999, "cmdAdd failed: Netlink br9 is not a VRF");
        before.AssertSame(Snapshot.Take(chain.Host));
        chain.Ip("link set eth0 master br9");
        before = Snapshot.Take(chain.Host);
        chain.Add(chain.Config(Blue)).Failed(999, "cmdAdd failed: interface eth0 has already a master set: br9");
        Assert.False(chain.Container.HasLink("blue"));
        Assert.Equal("br9", Master(chain));
        Assert.Equal(main, chain.Table("main"));
    }

    [Theory]
    [InlineData("link set eth0 nomaster", "interface eth0 is not in VRF blue")]
    [InlineData("link del blue", "VRF blue does not exist")]
    [InlineData("link set blue down", "VRF blue is down")]
    [InlineData("link del eth0", "\"eth0\"")]
    [InlineData("route del 10.22.0.0/24 table 1", "table 1 of VRF blue has no route to 10.22.0.0/24")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        Needs.Vrf();
        using var chain = new Attached("vrf");
        chain.Add(chain.Config(Blue)).Check();
        chain.Ip(change);

        Assert.Contains(text, chain.Check(chain.Config(Blue)).ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_checks_and_deletes_what_the_other_added(bool referenceAdds)
    {
        Needs.Vrf();
        using var chain = new Attached("vrf");
        Plugin adds = referenceAdds ? chain.Reference : chain.Ours, deletes = referenceAdds ? chain.Ours : chain.Reference;
        PluginResult added = adds.Add(chain.Container, chain.Config(Blue)).Check();
        deletes.Check(chain.Container, chain.Config(Blue, added)).Check();
        deletes.Delete(chain.Container, chain.Config(Blue, added)).Check();
        Assert.False(chain.Container.HasLink("blue"));
        Assert.Equal("", Master(chain));
    }

    [Fact]
    public void Status_finds_that_the_kernel_can()
    {
        Needs.Vrf();
        using var chain = new Attached("vrf", "1.1.0");
        Snapshot before = Snapshot.Take(chain.Host);
        chain.Ours.Invoke("STATUS", chain.WithoutResult(Blue)).Check();
        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Theory]
    [InlineData("{}", 7, "configuration is expected to have a valid vrf name")]
    [InlineData("""{ "vrfname": "" }""", 7, "configuration is expected to have a valid vrf name")]
    [InlineData("""{ "vrfname": "../blue" }""", 7, "../blue")]
    [InlineData("""{ "vrfname": "a-name-of-17-chars" }""", 7, "a-name-of-17-chars")]
    [InlineData("""{ "vrfname": "eth0" }""", 7, "the interface itself")]
    [InlineData("""{ "vrfname": 5 }""", 999, "\"vrfname\" must be a string")]
    [InlineData("""{ "vrfname": "blue", "table": 254 }""", 7, "\"table\" must not be 254")]
    [InlineData("""{ "vrfname": "blue", "table": -1 }""", 999, "\"table\" must be a whole number")]
    [InlineData("""{ "vrfname": "blue", "table": "1" }""", 999, "\"table\" must be a whole number")]
    public void Wrong_values_are_named_and_change_nothing(string keys, int code, string text)
    {
        using var chain = new Attached("vrf");
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Add(chain.Config(keys)).Failed(code, text);

        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Fact]
    public void Without_a_result_or_namespace_or_vrf()
    {
        using var chain = new Attached("vrf", "0.4.0");
        chain.Add(chain.WithoutResult(Blue)).Failed(7, "missing prevResult from earlier plugin");
        chain.Check(chain.WithoutResult(Blue)).Failed(7, "missing prevResult from earlier plugin");
        chain.Delete(chain.WithoutResult(Blue)).Check();
        chain.Delete(chain.WithoutResult()).Check();
        foreach (string netns in (string[])["", "/run/netns/pb-no-such-namespace"])
            chain.Ours.Invoke("DEL", chain.WithoutResult(Blue), chain.Container.Name, netns, "eth0").Check();
        chain.Ip("link add blue type bridge"); // not a VRF: not ours
        chain.Delete(chain.WithoutResult(Blue)).Check();
        Assert.True(chain.Container.HasLink("blue"));
        chain.Ours.Invoke("ADD", chain.WithoutResult(Blue).Replace("0.4.0", "0.3.0", StringComparison.Ordinal), "a", chain.Container.Path, "eth0").Failed(1, "0.3.1");
    }

    [Fact]
    public void Status_without_vrfs_in_the_kernel()
    {
        using var chain = new Attached("vrf", "1.1.0");
        bool can = chain.Host.Run("ip", "link", "add", "probe", "type", "vrf", "table", "10").ExitCode == 0;
        PluginResult status = chain.Ours.Invoke("STATUS", chain.WithoutResult(Blue));
        if (can)
            status.Check();
        else
            Assert.Contains("the kernel makes no VRF", status.CheckError(50).ErrorText, StringComparison.Ordinal);
        Assert.Contains("valid vrf name", chain.Ours.Invoke("STATUS", chain.WithoutResult()).CheckError(7).ErrorText, StringComparison.Ordinal);
    }
}
