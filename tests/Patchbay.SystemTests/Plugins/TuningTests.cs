using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>tuning: settings and link attributes, judged by ip(8) and /proc.</summary>
public class TuningTests
{
    private const string Mac = "c2:11:22:33:44:55";

    internal static string Keys(TestHost host, string keys)
    {
        JsonObject all = JsonNode.Parse(keys)!.AsObject();
        all["dataDir"] = Path.Combine(host.DataDirectory, "tuning");
        return all.ToJsonString();
    }

    internal static string Backup(TestHost host, TestNamespace container, string ifName = "eth0") =>
        Path.Combine(host.DataDirectory, "tuning", $"{container.Name}_{ifName}.json");

    private static (string Mac, string Mtu, string Queue, bool Promisc, bool AllMulti) State(TestNamespace space)
    {
        JsonElement link = space.Link("eth0");
        string[] flags = [.. link.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!)];
        return (link.Text("address"), link.Text("mtu"), link.Text("txqlen"), flags.Contains("PROMISC"), flags.Contains("ALLMULTI"));
    }

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void All_keys_and_back(string version)
    {
        using var chain = new Attached("tuning", version);
        var before = State(chain.Container);
        Snapshot snapshot = Snapshot.Take(chain.Host);
        string keys = Keys(chain.Host, $$"""
            {
              "mac": "C2:11:22:33:44:55", "promisc": true, "allmulti": true, "mtu": 1400, "txQLen": 77,
              "sysctl": { "net.core.somaxconn": "500", "net/ipv4/conf/IFNAME/arp_filter": "1", "net.ipv4.tcp_rmem": "4096 87380 6291456" }
            }
            """);

        PluginResult added = chain.Add(chain.Config(keys)).Check();

        Assert.Equal((Mac, "1400", "77", true, true), State(chain.Container));
        Assert.Equal("500", chain.Container.Sysctl("core/somaxconn"));
        Assert.Equal("1", chain.Container.Sysctl("ipv4/conf/eth0/arp_filter"));
        Assert.Equal("4096\t87380\t6291456", chain.Container.Sysctl("ipv4/tcp_rmem"));
        Assert.NotEqual("500", chain.Host.Sysctl("core/somaxconn"));

        // The result is the bridge's with the new address, and for 1.1.0 the new MTU.
        JsonElement[] links = [.. added.Json.GetProperty("interfaces").EnumerateArray()];
        Assert.Equal((Mac, chain.Container.Path), (links[2].Text("mac"), links[2].Text("sandbox")));
        Assert.Equal(chain.Result.Json.GetProperty("interfaces")[1].GetRawText(), links[1].GetRawText());
        Assert.Equal(chain.Result.Json.GetProperty("ips").GetRawText(), added.Json.GetProperty("ips").GetRawText());
        if (version == "1.1.0")
            Assert.Equal("1400", links[2].Text("mtu"));

        // The reference's file with the old values, and its owner's only.
        string backup = Backup(chain.Host, chain.Container);
        JsonElement old = JsonDocument.Parse(File.ReadAllText(backup)).RootElement;
        Assert.Equal(
            (before.Mac, "False", before.Mtu, "False", before.Queue, "net"),
            (old.Text("mac"), old.Text("promisc"), old.Text("mtu"), old.Text("allmulti"), old.Text("txQLen"), old.Text("network")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(backup));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(backup)!));

        if (version != "0.3.0")
        {
            chain.Check(chain.Config(keys, added)).Check();
            chain.CheckBridge(added).Check();
        }

        for (int time = 0; time < 2; time++)
        {
            chain.Delete(version == "0.3.0" ? chain.WithoutResult(keys) : chain.Config(keys, added)).Check();
            Assert.Equal(before, State(chain.Container));
            snapshot.AssertSame(Snapshot.Take(chain.Host));
        }
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Results_without_interfaces_are_passed_on(string version)
    {
        using var chain = new Attached("tuning", version);

        PluginResult added = chain.Add(chain.Config(Keys(chain.Host, """{ "mtu": 1300, "sysctl": { "net.core.somaxconn": "99" } }"""))).Check();

        Assert.Equal(chain.Result.Json.GetProperty("ip4").GetRawText(), added.Json.GetProperty("ip4").GetRawText());
        Assert.Equal(("1300", "99"), (State(chain.Container).Mtu, chain.Container.Sysctl("core/somaxconn")));
    }

    [Theory]
    [InlineData(null, "{}", "02:00:00:00:00:01")]
    [InlineData("MAC=02:00:00:00:00:02", "{}", "02:00:00:00:00:02")]
    [InlineData("IgnoreUnknown=1;MAC=02:00:00:00:00:02;K8S_POD_NAME=x", """{ "runtimeConfig": { "mac": "02:00:00:00:00:03" } }""", "02:00:00:00:00:03")]
    [InlineData("MAC=02:00:00:00:00:02", """{ "runtimeConfig": { "mac": "02:00:00:00:00:03" }, "args": { "cni": { "mac": "02:00:00:00:00:04" } } }""", "02:00:00:00:00:04")]
    public void The_last_of_several_who_know_the_address_wins(string? args, string keys, string expected)
    {
        using var chain = new Attached("tuning");
        JsonObject all = JsonNode.Parse(keys)!.AsObject();
        all["mac"] = "02:00:00:00:00:01";

        chain.Add(chain.Config(Keys(chain.Host, all.ToJsonString())), args).Check();

        Assert.Equal(expected, State(chain.Container).Mac);
    }

    [Fact]
    public void Arguments_of_the_runtime_override_the_configuration()
    {
        using var chain = new Attached("tuning");
        string keys = Keys(chain.Host, """
            {
              "promisc": true, "mtu": 1400, "allmulti": true, "txQLen": 5, "sysctl": { "net.core.somaxconn": "500", "net.ipv4.ip_default_ttl": "60" },
              "args": { "cni": { "promisc": false, "mtu": 1300, "allmulti": false, "txQLen": 0, "sysctl": { "net/core/somaxconn": "600" } } }
            }
            """);

        chain.Add(chain.Config(keys)).Check();

        // ip(8) does not mention a queue of no length.
        Assert.Equal((State(chain.Container).Mac, "1300", "", false, false), State(chain.Container));
        Assert.Equal(("600", "60"), (chain.Container.Sysctl("core/somaxconn"), chain.Container.Sysctl("ipv4/ip_default_ttl")));
        chain.Check(chain.Config(keys)).Check();
    }

    [Fact] // the reference crashes
    public void Settings_by_argument_need_none_in_the_configuration()
    {
        using var chain = new Attached("tuning");
        string config = chain.Config(Keys(chain.Host, """{ "args": { "cni": { "sysctl": { "net.core.somaxconn": "600" } } } }"""));
        Assert.NotEqual(0, chain.Reference.Add(chain.Container, config).ExitCode);

        chain.Add(config).Check();

        Assert.Equal("600", chain.Container.Sysctl("core/somaxconn"));
    }

    [Fact]
    public void Interfaces_with_dots_in_their_names()
    {
        using var chain = new Attached("tuning", ifName: "eth0.5");

        PluginResult added = chain.Add(chain.Config("""{ "sysctl": { "net.ipv4.conf.IFNAME.arp_filter": "1", "net/ipv6/conf/IFNAME/accept_ra": "0" } }""")).Check();

        Assert.Equal("1", chain.Container.Sysctl("ipv4/conf/eth0.5/arp_filter"));
        Assert.Equal("0", chain.Container.Sysctl("ipv6/conf/eth0.5/accept_ra"));
        chain.Check(chain.Config("""{ "sysctl": { "net.ipv4.conf.IFNAME.arp_filter": "1" } }""", added)).Check();
    }

    // The reference looks at how many want the link promiscuous, not at its own flag.
    [Fact]
    public void Promiscuous_mode_of_others_is_not_ours()
    {
        using var chain = new Attached("tuning");
        string config = chain.Config(Keys(chain.Host, """{ "mtu": 1400, "promisc": false }"""));
        chain.Add(config).Check();
        chain.Ip("link add br9 type bridge");
        chain.Ip("link set eth0 master br9"); // its port listens to all

        chain.Check(config).Check();
    }

    [Fact]
    public void Two_in_one_chain_give_back_what_was_before_both()
    {
        using var chain = new Attached("tuning");
        var before = State(chain.Container);
        string first = Keys(chain.Host, """{ "mtu": 1400, "allmulti": true }"""), second = Keys(chain.Host, $$"""{ "mac": "{{Mac}}", "mtu": 1300 }""");
        PluginResult one = chain.Add(chain.Config(first)).Check();
        PluginResult two = chain.Add(chain.Config(second, one)).Check();
        Assert.Equal((Mac, "1300"), (State(chain.Container).Mac, State(chain.Container).Mtu));

        chain.Delete(chain.Config(second, two)).Check();
        chain.Delete(chain.Config(first, two)).Check();

        Assert.Equal(before, State(chain.Container));
        Assert.False(File.Exists(Backup(chain.Host, chain.Container)));
    }

    [Theory]
    [InlineData("link set eth0 mtu 1450", "Mtu of \"eth0\" is 1450, the configuration says 1400")]
    [InlineData("link set eth0 address 02:00:00:00:00:09", "Mac of \"eth0\" is 02:00:00:00:00:09")]
    [InlineData("link set eth0 promisc off", "Promisc")]
    [InlineData("link set eth0 allmulticast off", "AllMulti")]
    [InlineData("link set eth0 txqueuelen 78", "TxQLen of \"eth0\" is 78")]
    [InlineData("link del eth0", "\"eth0\"")]
    [InlineData(null, "sysctl \"net.core.somaxconn\" is \"501\", the configuration says \"500\"")]
    public void Check_finds_what_has_changed(string? change, string text)
    {
        using var chain = new Attached("tuning");
        string keys = Keys(chain.Host, $$"""
            { "mac": "{{Mac}}", "promisc": true, "allmulti": true, "mtu": 1400, "txQLen": 77, "sysctl": { "net.core.somaxconn": "500", "net.ipv4.route.flush": "1" } }
            """);
        PluginResult added = chain.Add(chain.Config(keys)).Check();
        chain.Check(chain.Config(keys, added)).Check();
        if (change is null)
            chain.Container.SetSysctl("core/somaxconn", "501");
        else
            chain.Ip(change);
        Snapshot before = Snapshot.Take(chain.Host);

        PluginResult check = chain.Check(chain.Config(keys, added));

        Assert.Contains(text, check.ErrorText, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Theory]
    [InlineData("""{ "mtu": 1400, "sysctl": { "net.core.somaxconn": "500", "net.core.no_such_thing": "1" } }""", "no_such_thing")]
    [InlineData("""{ "mtu": 1400, "sysctl": { "net.core.somaxconn": "500", "net.ipv4.ip_default_ttl": "no number" } }""", "ip_default_ttl")]
    [InlineData("""{ "mac": "02:00:00:00:00:01", "promisc": true, "allmulti": true, "mtu": 2000000000, "sysctl": { "net.core.somaxconn": "500" } }""", "eth0")]
    public void Failed_add_leaves_nothing(string keys, string text)
    {
        using var chain = new Attached("tuning");
        var before = State(chain.Container);
        string limit = chain.Container.Sysctl("core/somaxconn");
        Snapshot snapshot = Snapshot.Take(chain.Host);

        PluginResult added = chain.Add(chain.Config(Keys(chain.Host, keys)));

        Assert.Contains(text, added.ErrorText, StringComparison.Ordinal);
        Assert.Equal(before, State(chain.Container));
        Assert.Equal(limit, chain.Container.Sysctl("core/somaxconn"));
        snapshot.AssertSame(Snapshot.Take(chain.Host));
    }
}
