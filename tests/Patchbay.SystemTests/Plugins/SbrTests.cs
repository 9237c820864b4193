using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>sbr: rules and tables by source, judged by ip(8).</summary>
public class SbrTests
{
    private static readonly string[] Rules4And6 = ["from 10.22.0.2 lookup 100", "from fd22::2 lookup 101"];

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Routes_move_into_a_table_for_each_address(string version)
    {
        using var chain = new Attached("sbr", version);
        chain.Ip("route add 192.0.2.0/24 via 10.22.0.9 dev eth0 metric 7 mtu 1400");
        PluginResult added = chain.Add(chain.Config()).Check();

        Assert.Equal(chain.Result.Json.GetRawText(), added.Json.GetRawText());
        Assert.Equal(Rules4And6, chain.Rules());
        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "192.0.2.0/24 via 10.22.0.9", "default via 10.22.0.1"], chain.Table("100"));
        Assert.Equal(["default via fd22::1", "fd22::/64", "fe80::/64"], chain.Table("101"));
        Assert.Equal(["fe80::/64"], chain.Table("main")); // neighbours are found by it
        JsonElement moved = chain.Container.IpJson("route show table 100 192.0.2.0/24")[0];
        Assert.Equal("7", moved.Text("metric"));
        Assert.Contains("1400", moved.Text("metrics"), StringComparison.Ordinal);

        if (version is not ("0.3.0" or "0.3.1"))
        {
            chain.Check(chain.Config(result: added)).Check();
            chain.CheckBridge(added).Check();
        }

        for (int time = 0; time < 2; time++)
        {
            chain.Delete(version is "0.3.0" or "0.3.1" ? chain.WithoutResult() : chain.Config(result: added)).Check();
            Assert.Empty(chain.Rules());
        }
    }

    // The old results name no interface: their addresses are those of the one that the call names.
    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Results_of_old_versions_will_do(string version)
    {
        using var chain = new Attached("sbr", version);

        PluginResult added = chain.Add(chain.Config()).Check();

        Assert.Equal(chain.Result.Json.GetRawText(), added.Json.GetRawText());
        Assert.Equal("10.22.0.2/24", added.Json.GetProperty("ip4").Text("ip"));
        Assert.Equal(Rules4And6, chain.Rules());
        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "default via 10.22.0.1"], chain.Table("100"));
        chain.Delete(chain.WithoutResult()).Check();
        Assert.Empty(chain.Rules());
    }

    // What the plugin is for: each of two networks is left by its own door.
    [Fact]
    public void Answers_leave_by_the_interface_that_was_asked()
    {
        using var chain = new Attached("sbr");
        string second = Conf.Bridge(chain.Host, """{ "name": "net2", "bridge": "cni1", "isGateway": true }""", ranges: """[[{ "subnet": "10.23.0.0/24" }], [{ "subnet": "fd23::/64" }]]""");
        PluginResult net1 = new Plugin(chain.Host, "bridge").Add(chain.Container, second, "net1").Check();
        string config = chain.Config("""{ "name": "net2" }""", net1);

        chain.Ours.Add(chain.Container, config, "net1").Check();

        Assert.Equal("net1", Device("-4 route get 198.51.100.1 from 10.23.0.2"));
        Assert.Equal("eth0", Device("-4 route get 198.51.100.1 from 10.22.0.2"));
        Assert.Equal("net1", Device("-6 route get 2001:db8::1 from fd23::2"));
        Assert.Equal("eth0", Device("-6 route get 2001:db8::1 from fd22::2"));
        foreach (string each in (string[])["10.22.0.2", "10.23.0.2", "fd22::2", "fd23::2"])
            chain.Host.Ping(each);

        chain.Ours.Check(chain.Container, config, "net1").Check();
        chain.Ours.Delete(chain.Container, config, "net1").Check();
        Assert.Empty(chain.Rules());

        string Device(string arguments) => chain.Container.IpJson(arguments)[0].Text("dev");
    }

    [Fact]
    public void Two_addresses_of_a_family_have_two_tables()
    {
        using var chain = new Attached("sbr", ranges: """[[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "10.24.0.0/24" }]]""");

        chain.Add(chain.Config()).Check();

        Assert.Equal(["from 10.22.0.2 lookup 100", "from 10.24.0.2 lookup 101"], chain.Rules());
        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "default via 10.22.0.1"], chain.Table("100"));
        Assert.Equal(["10.24.0.0/24 src 10.24.0.2", "default via 10.24.0.1"], chain.Table("101"));
        Assert.DoesNotContain(chain.Table("main"), route => route.StartsWith("10.", StringComparison.Ordinal));
    }

    [Fact]
    public void Table_of_somebody_elses_gets_rules_only()
    {
        using var chain = new Attached("sbr");
        chain.Ip("rule add from 10.22.0.2 lookup 300");
        string[] main = chain.Table("main");
        string config = chain.Config("""{ "table": 5000 }""");

        chain.Add(config).Check();

        Assert.Equal(["from 10.22.0.2 lookup 300", "from 10.22.0.2 lookup 5000", "from fd22::2 lookup 5000"], chain.Rules());
        Assert.Equal(main, chain.Table("main"));
        Assert.Empty(chain.Table("5000"));
        chain.Check(config).Check();
        chain.Delete(config).Check();
        Assert.Equal(["from 10.22.0.2 lookup 300"], chain.Rules());
        Assert.Contains("table 5000", chain.Check(config).Failed(999).ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Gateways_take_the_place_of_the_addresses_own()
    {
        using var chain = new Attached("sbr");
        string config = chain.Config("""{ "gateways": ["10.22.0.77", "fd22::77"] }""");

        chain.Add(config).Check();

        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "default via 10.22.0.77"], chain.Table("100"));
        Assert.Equal(["default via fd22::77", "fd22::/64", "fe80::/64"], chain.Table("101"));
        chain.Check(config).Check();
    }

    [Fact]
    public void Source_hints_keep_the_subnets_in_the_main_table()
    {
        using var chain = new Attached("sbr");
        string config = chain.Config("""{ "addSourceHints": true }""");

        PluginResult added = chain.Add(config).Check();

        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "fd22::/64 src fd22::2", "fe80::/64"], chain.Table("main"));
        Assert.Equal("link", chain.Container.IpJson("-4 route show 10.22.0.0/24")[0].Text("scope"));
        Assert.Equal(["10.22.0.0/24 src 10.22.0.2", "default via 10.22.0.1"], chain.Table("100"));
        chain.Check(config).Check();
        chain.CheckBridge(added).Check();
    }

    // The reference looks at rules and at the main table only.
    [Fact]
    public void Tables_that_only_routes_use_are_left_alone()
    {
        foreach (bool reference in (bool[])[true, false])
        {
            using var chain = new Attached("sbr");
            chain.Ip("link add other type veth peer name other2");
            chain.Ip("link set other up");
            chain.Ip("link set other2 up");
            chain.Ip("route add 203.0.113.0/24 dev other table 100");
            chain.Ip("-6 route add 2001:db8::/64 dev other table 101");
            chain.Ip("rule add fwmark 1 lookup 102");

            (reference ? chain.Reference : chain.Ours).Add(chain.Container, chain.Config()).Check();

            if (reference)
                Assert.Contains("from 10.22.0.2 lookup 100", chain.Rules());
            else
                Assert.Equal(["from 10.22.0.2 lookup 103", "from all lookup 102", "from fd22::2 lookup 104"], chain.Rules());
        }
    }

    [Theory]
    [InlineData("rule del from 10.22.0.2 lookup 100", "no rule leads packets from 10.22.0.2")]
    [InlineData("-6 rule del from fd22::2 lookup 101", "no rule leads packets from fd22::2")]
    [InlineData("route del default table 100", "has no default route via 10.22.0.1")]
    [InlineData("route flush table 100", "table 100 for packets from 10.22.0.2 has no route")]
    [InlineData("link set eth0 down", "has no route")]
    [InlineData("link del eth0", "\"eth0\"")]
    public void Check_finds_what_has_changed(string change, string text)
    {
        using var chain = new Attached("sbr");
        string config = chain.Config();
        chain.Add(config).Check();
        chain.Check(config).Check();
        chain.Ip(change);
        Snapshot before = Snapshot.Take(chain.Host);

        PluginResult check = chain.Check(config);

        Assert.Contains(text, check.ErrorText, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Theory]
    [InlineData("""{ "gateways": ["203.0.113.1"] }""", 999, "203.0.113.1")]
    [InlineData("""{ "gateways": ["203.0.113.1"], "addSourceHints": true }""", 999, "203.0.113.1")]
    [InlineData("""{ "gateways": ["10.22.0.1", "10.22.0.5"] }""", 7, "gateways list contains multiple IPv4 addresses: 10.22.0.1 and 10.22.0.5")]
    [InlineData("""{ "gateways": ["fd22::1", "fd22::5"] }""", 7, "gateways list contains multiple IPv6 addresses: fd22::1 and fd22::5")]
    [InlineData("""{ "gateways": ["10.22.0.1", "fd22::1", "10.22.0.5"] }""", 7, "gateways list cannot contain more than 2 entries")]
    [InlineData("""{ "gateways": ["10.22.0"] }""", 7, "invalid static gateway IP address: 10.22.0")]
    [InlineData("""{ "gateways": "10.22.0.1" }""", 999, "\"gateways\" must be a list")]
    [InlineData("""{ "gateways": [1] }""", 999, "\"gateways[0]\" must be a string")]
    [InlineData("""{ "table": 0 }""", 999, "\"table\" must be a whole number from 1 to 4294967295, not 0")]
    [InlineData("""{ "table": "main" }""", 999, "\"table\" must be a whole number")]
    [InlineData("""{ "table": 4294967296 }""", 999, "\"table\" must be a whole number")]
    [InlineData("""{ "addSourceHints": "yes" }""", 999, "\"addSourceHints\" must be true or false")]
    public void Failed_add_leaves_everything_as_it_was(string keys, int code, string text)
    {
        using var chain = new Attached("sbr");
        string[] main = chain.Table("main");
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Add(chain.Config(keys)).Failed(code, text);

        before.AssertSame(Snapshot.Take(chain.Host));
        Assert.Equal(main, chain.Table("main"));
    }

    [Fact]
    public void A_previous_result_is_required_and_must_be_true()
    {
        using var chain = new Attached("sbr");
        TestNamespace other = chain.Host.AddContainer();
        string config = chain.Config();
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Add(chain.WithoutResult()).Failed(7, "This plugin must be called as chained plugin");
        chain.Check(chain.WithoutResult()).Failed(7, "This plugin must be called as chained plugin");
        chain.Ours.Add(chain.Container, config, "eth7").Failed(7, "No IP addresses supplied on interface: eth7");
        chain.Ours.Add(other, config).Failed(7, "sandbox", chain.Container.Path);
        chain.Ours.Add(other, config.Replace(chain.Container.Path, other.Path, StringComparison.Ordinal)).Failed(7, "\"eth0\"", "does not exist");
        chain.Add(config.Replace("10.22.0.2/24", "10.22.0.3/24", StringComparison.Ordinal)).Failed(7, "10.22.0.3/24", "not on interface \"eth0\"");
        chain.Add(config.Replace("\"interface\":2", "\"interface\":9", StringComparison.Ordinal)).Failed(7, "names interface 9 of 3");

        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Fact]
    public void Status_reads_the_configuration_and_writes_nothing()
    {
        using var chain = new Attached("sbr", "1.1.0");
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Ours.Invoke("STATUS", chain.WithoutResult()).Check();
        chain.Ours.Invoke("GC", chain.WithoutResult("""{ "cni.dev/valid-attachments": [] }""")).Check();
        Assert.Contains("10.22.0", chain.Ours.Invoke("STATUS", chain.WithoutResult("""{ "gateways": ["10.22.0"] }""")).CheckError(7).ErrorText, StringComparison.Ordinal);

        before.AssertSame(Snapshot.Take(chain.Host));
    }
}
