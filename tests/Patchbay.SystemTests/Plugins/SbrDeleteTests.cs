using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>sbr's DEL: whatever is gone, it succeeds, and takes its own rules and no others.</summary>
public class SbrDeleteTests
{
    [Theory]
    [InlineData("")]
    [InlineData("missing")]
    public void Without_namespace_there_is_nothing_to_do_and_nothing_is_left(string netns)
    {
        using var chain = new Attached("sbr");
        string path = netns.Length == 0 ? "" : Path.Combine(chain.Host.DataDirectory, netns);
        PluginResult reference = chain.Reference.Invoke("DEL", chain.Config(), chain.Container.Name, path, "eth0");
        Assert.NotEqual(0, reference.ExitCode);
        if (path.Length > 0)
        {
            Assert.True(File.Exists(path)); // its lock made it
            File.Delete(path);
        }

        Snapshot before = Snapshot.Take(chain.Host);
        for (int time = 0; time < 2; time++)
        {
            chain.Ours.Invoke("DEL", chain.Config(), chain.Container.Name, path, "eth0").Check();
            before.AssertSame(Snapshot.Take(chain.Host));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rules_go_with_an_interface_that_is_gone(bool withResult)
    {
        foreach (bool reference in (bool[])[true, false])
        {
            using var chain = new Attached("sbr");
            Plugin plugin = reference ? chain.Reference : chain.Ours;
            plugin.Add(chain.Container, chain.Config()).Check();
            chain.Ip("link del eth0");

            PluginResult deleted = plugin.Delete(chain.Container, withResult ? chain.Config() : chain.WithoutResult());

            if (reference)
            {
                Assert.NotEmpty(chain.Rules());
                continue;
            }

            deleted.Check();
            Assert.Empty(chain.Rules());
        }
    }

    [Fact]
    public void Rules_of_the_reference_go_with_an_interface_that_is_gone()
    {
        using var chain = new Attached("sbr");
        chain.Reference.Add(chain.Container, chain.Config()).Check();
        chain.Ip("link del eth0");

        chain.Delete(chain.Config()).Check();

        Assert.Empty(chain.Rules());
    }

    [Fact]
    public void Rules_go_when_the_interface_has_lost_its_addresses()
    {
        using var chain = new Attached("sbr");
        chain.Add(chain.Config()).Check();
        chain.Ip("addr flush dev eth0");

        chain.Delete(chain.Config()).Check();

        Assert.Empty(chain.Rules());
    }

    [Fact]
    public void Rules_of_others_stay()
    {
        using var chain = new Attached("sbr");
        chain.Ip("link add other type veth peer name other2");
        chain.Ip("link set other up");
        chain.Ip("link set other2 up");
        chain.Ip("route add 203.0.113.0/24 dev other table 700");
        chain.Add(chain.Config()).Check();
        string[] own = chain.Rules();
        foreach (string rule in (string[])
            ["from 10.22.0.2 lookup 50", "from 10.22.0.2 lookup 700", "from 10.22.0.2 to 192.0.2.1 lookup 100", "from 10.22.0.2 fwmark 3 lookup 100",
             "from 10.22.0.2 ipproto tcp dport 80 lookup 100", "from 10.22.0.0/24 lookup 100", "from 10.22.0.9 lookup 800", "not from 10.22.0.2 lookup 100",
             "from 10.22.0.2 iif eth0 lookup 100", "from 10.22.0.2 lookup main", "from 10.22.0.2 tos 0x10 lookup 100"])
            chain.Ip($"rule add {rule}");
        string before = chain.Container.Run("ip", "rule").Check().StandardOutput;

        chain.Delete(chain.Config()).Check();

        // Exactly one line each has gone.
        string[] gone = [.. before.Split('\n').Except(chain.Container.Run("ip", "rule").Check().StandardOutput.Split('\n'))];
        Assert.Contains("from 10.22.0.2 lookup 100 proto 80", Assert.Single(gone), StringComparison.Ordinal);
        Assert.Equal(2, own.Length);
        Assert.DoesNotContain(chain.Rules(), rule => rule.Contains("fd22", StringComparison.Ordinal));
    }

    [Fact]
    public void Stale_rules_do_not_keep_the_address_from_its_next_owner()
    {
        using var chain = new Attached("sbr");
        chain.Add(chain.Config()).Check();
        chain.Ip("link del eth0"); // and no DEL
        Plugin bridge = new(chain.Host, "bridge");
        bridge.Delete(chain.Container, chain.BridgeConfig).Check();
        Directory.Delete(Path.Combine(chain.Host.DataDirectory, "net"), recursive: true);
        PluginResult again = bridge.Add(chain.Container, chain.BridgeConfig).Check();
        Assert.Equal("10.22.0.2/24", again.ResultAddresses()[0]);

        chain.Add(chain.Config(result: again)).Check();

        Assert.Equal(2, chain.Rules().Length);
        chain.Check(chain.Config(result: again)).Check();
        chain.Delete(chain.Config(result: again)).Check();
        Assert.Empty(chain.Rules());
    }

    [Theory]
    [InlineData("""{ "table": "x" }""", 999)]
    public void A_table_that_is_none_is_told(string keys, int code)
    {
        using var chain = new Attached("sbr");
        chain.Delete(chain.Config(keys)).Failed(code, "\"table\"");
    }

    [Fact]
    public void A_result_that_nobody_can_read_is_no_obstacle()
    {
        using var chain = new Attached("sbr");
        chain.Add(chain.Config()).Check();

        chain.Delete(chain.Config().Replace("10.22.0.2/24", "nonsense", StringComparison.Ordinal)).Check();

        Assert.Empty(chain.Rules());
    }

    [Theory]
    [InlineData(true, "0.3.1", "{}")]
    [InlineData(true, "0.4.0", "{}")]
    [InlineData(true, "1.0.0", "{}")]
    [InlineData(false, "0.3.1", "{}")]
    [InlineData(false, "0.4.0", "{}")]
    [InlineData(false, "1.0.0", "{}")]
    public void One_checks_and_deletes_what_the_other_added(bool referenceAdds, string version, string keys)
    {
        using var chain = new Attached("sbr", version);
        Plugin adds = referenceAdds ? chain.Reference : chain.Ours, deletes = referenceAdds ? chain.Ours : chain.Reference;

        PluginResult added = adds.Add(chain.Container, chain.Config(keys)).Check();
        Assert.Equal(["from 10.22.0.2 lookup 100", "from fd22::2 lookup 101"], chain.Rules());
        if (version != "0.3.1")
            deletes.Check(chain.Container, chain.Config(keys, added)).Check();
        deletes.Delete(chain.Container, version == "0.3.1" ? chain.WithoutResult(keys) : chain.Config(keys, added)).Check();

        Assert.Empty(chain.Rules());
    }

    [Fact]
    public void Tables_are_those_of_the_reference()
    {
        using Attached ours = new("sbr"), theirs = new("sbr");
        ours.Add(ours.Config()).Check();
        theirs.Reference.Add(theirs.Container, theirs.Config()).Check();

        Assert.Equal(theirs.Rules(), ours.Rules());
        // Not IPv6 routes in the table of an IPv4 address, where nobody looks for them.
        Assert.Equal([.. theirs.Table("100").Where(route => !route.Contains(':', StringComparison.Ordinal))], ours.Table("100"));
        Assert.Equal(theirs.Table("101"), ours.Table("101"));
    }
}
