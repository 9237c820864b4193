using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>tuning's backups: removed by DEL and GC whatever is missing, readable by both programs.</summary>
public class TuningStateTests
{
    private const string Keys = """{ "mac": "c2:11:22:33:44:55", "promisc": true, "allmulti": true, "mtu": 1400 }""";

    private static string Config(Attached chain, string keys = Keys) => chain.Config(TuningTests.Keys(chain.Host, keys));

    [Theory] // the reference leaves its backup until the host is started again
    [InlineData("link gone")]
    [InlineData("namespace gone")]
    [InlineData("no namespace")]
    public void Delete_removes_the_backup_of_what_is_gone(string what)
    {
        foreach (bool reference in (bool[])[true, false])
        {
            using var chain = new Attached("tuning");
            Plugin plugin = reference ? chain.Reference : chain.Ours;
            string config = Config(chain), backup = TuningTests.Backup(chain.Host, chain.Container);
            plugin.Add(chain.Container, config).Check();
            Assert.True(File.Exists(backup));
            if (what == "link gone")
                chain.Ip("link del eth0");
            string netns = what switch { "namespace gone" => "/run/netns/pb-no-such-namespace", "no namespace" => "", _ => chain.Container.Path };

            PluginResult deleted = plugin.Invoke("DEL", config, chain.Container.Name, netns, "eth0");

            Assert.Equal(reference, File.Exists(backup));
            if (reference)
                continue;
            deleted.Check();
            plugin.Invoke("DEL", config, chain.Container.Name, netns, "eth0").Check();
        }
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{ "mtu": "large" }""")]
    [InlineData("")]
    public void Delete_removes_a_backup_that_nobody_can_read(string content)
    {
        using var chain = new Attached("tuning");
        chain.Add(Config(chain)).Check();
        string backup = TuningTests.Backup(chain.Host, chain.Container);
        File.WriteAllText(backup, content);

        PluginResult deleted = chain.Delete(Config(chain)).Check();

        Assert.Contains(backup, deleted.StandardError, StringComparison.Ordinal);
        Assert.False(File.Exists(backup));
    }

    [Fact]
    public void Delete_restores_what_the_kernel_takes_and_tells_the_rest()
    {
        using var chain = new Attached("tuning");
        chain.Add(Config(chain)).Check();
        File.WriteAllText(TuningTests.Backup(chain.Host, chain.Container), """{ "mac": "ff:ff:ff:ff:ff:ff", "mtu": 1450, "promisc": false }""");

        PluginResult deleted = chain.Delete(Config(chain)).Check();

        Assert.Contains("eth0 stays changed", deleted.StandardError, StringComparison.Ordinal);
        Assert.Equal(1450, chain.Container.Mtu("eth0"));
    }

    [Fact]
    public void Delete_needs_no_valid_configuration()
    {
        using var chain = new Attached("tuning");
        int mtu = chain.Container.Mtu("eth0");
        chain.Add(Config(chain)).Check();

        chain.Delete(chain.WithoutResult(TuningTests.Keys(chain.Host, """{ "sysctl": { "kernel.hostname": "x" }, "mac": 7 }"""))).Check();

        Assert.Equal(mtu, chain.Container.Mtu("eth0"));
    }

    [Theory]
    [InlineData(true, "0.3.1")]
    [InlineData(true, "0.4.0")]
    [InlineData(true, "1.0.0")]
    [InlineData(false, "0.3.1")]
    [InlineData(false, "0.4.0")]
    [InlineData(false, "1.0.0")]
    public void One_checks_and_deletes_what_the_other_added(bool referenceAdds, string version)
    {
        using var chain = new Attached("tuning", version);
        // IFNAME is left out of CHECK by this age of the reference.
        string keys = TuningTests.Keys(chain.Host, """{ "mac": "c2:11:22:33:44:55", "promisc": true, "allmulti": true, "mtu": 1400, "sysctl": { "net.core.somaxconn": "500" } }""");
        string before = chain.Container.Link("eth0").Text("address");
        Snapshot snapshot = Snapshot.Take(chain.Host);
        Plugin adds = referenceAdds ? chain.Reference : chain.Ours, deletes = referenceAdds ? chain.Ours : chain.Reference;

        PluginResult added = adds.Add(chain.Container, chain.Config(keys)).Check();
        string with = chain.Config(keys, added);
        if (version != "0.3.1")
            deletes.Check(chain.Container, with).Check();
        deletes.Delete(chain.Container, version == "0.3.1" ? chain.WithoutResult(keys) : with).Check();

        Assert.Equal(before, chain.Container.Link("eth0").Text("address"));
        Assert.False(File.Exists(TuningTests.Backup(chain.Host, chain.Container)));
        snapshot.AssertSame(Snapshot.Take(chain.Host));
    }

    [Fact] // of the reference: 0600, in which only CAP_DAC_OVERRIDE finds a file
    public void Directory_can_be_searched_by_its_owner()
    {
        using var chain = new Attached("tuning");
        string directory = Path.Combine(chain.Host.DataDirectory, "tuning");
        chain.Reference.Add(chain.Container, Config(chain)).Check();
        Assert.False(File.GetUnixFileMode(directory).HasFlag(UnixFileMode.UserExecute));
        Directory.Delete(directory, recursive: true);

        chain.Add(Config(chain)).Check();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }

    [Fact]
    public void Garbage_collection_removes_this_networks_backups_without_an_attachment()
    {
        using var chain = new Attached("tuning", "1.1.0");
        chain.Add(Config(chain)).Check();
        string directory = Path.Combine(chain.Host.DataDirectory, "tuning"), own = TuningTests.Backup(chain.Host, chain.Container);
        string content = File.ReadAllText(own);
        foreach (string name in (string[])["dead_eth0.json", "dead_eth1.json", "de_ad_eth0.json"])
            File.WriteAllText(Path.Combine(directory, name), content);
        File.WriteAllText(Path.Combine(directory, "other_eth0.json"), content.Replace("\"net\"", "\"other\"", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(directory, "reference_eth0.json"), """{ "mtu": 1500 }""");
        File.WriteAllText(Path.Combine(directory, "broken_eth0.json"), "{");
        File.WriteAllText(Path.Combine(directory, "notes.txt"), content);
        string[] all = Names();

        chain.Ours.Invoke("GC", chain.WithoutResult(TuningTests.Keys(chain.Host, "{}"))).Check();
        Assert.Equal(all, Names());

        chain.Ours.Invoke("GC", Collect(new JsonArray(Attachment(chain.Container.Name, "eth0"), Attachment("dead", "eth1")))).Check();
        Assert.Equal([.. all.Except(["dead_eth0.json", "de_ad_eth0.json"])], Names());

        for (int time = 0; time < 2; time++)
        {
            chain.Ours.Invoke("GC", Collect([])).Check();
            Assert.Equal(["broken_eth0.json", "notes.txt", "other_eth0.json", "reference_eth0.json"], Names());
        }

        string[] Names() => [.. Directory.GetFiles(directory).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];
        string Collect(JsonArray valid) => chain.WithoutResult(TuningTests.Keys(chain.Host, $$"""{ "cni.dev/valid-attachments": {{valid.ToJsonString()}} }"""));
        static JsonObject Attachment(string id, string name) => new() { ["containerID"] = id, ["ifname"] = name };
    }

    [Fact]
    public void Garbage_collection_without_a_directory_makes_none()
    {
        using var chain = new Attached("tuning", "1.1.0");
        chain.Ours.Invoke("GC", chain.WithoutResult(TuningTests.Keys(chain.Host, """{ "cni.dev/valid-attachments": [] }"""))).Check();
        Assert.False(Directory.Exists(Path.Combine(chain.Host.DataDirectory, "tuning")));
    }

    [Fact]
    public void Status_tells_what_add_would_stumble_over_and_makes_nothing()
    {
        using var chain = new Attached("tuning", "1.1.0");
        Snapshot before = Snapshot.Take(chain.Host);

        Status(Keys).Check();
        Status("""{ "sysctl": { "net.ipv4.conf.IFNAME.arp_filter": "1" } }""").Check();
        Assert.Contains("kernel.hostname", Status("""{ "sysctl": { "kernel.hostname": "x" } }""").CheckError(7).ErrorText, StringComparison.Ordinal);
        Status("""{ "sysctl": { "net.core.somaxconn": "500", "net.ipv4.conf.eth7.arp_filter": "1" } }""").Check();
        Assert.Contains("/proc/sys/net/core/nosuch", Status("""{ "sysctl": { "net.core.nosuch": "1" } }""").CheckError(50).ErrorText, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(chain.Host.DataDirectory, "tuning"), "a file where a directory should be");
        Assert.Contains(Path.Combine(chain.Host.DataDirectory, "tuning"), Status(Keys, "/below").CheckError(50).ErrorText, StringComparison.Ordinal);
        Status("{}", "/below").Check();
        File.Delete(Path.Combine(chain.Host.DataDirectory, "tuning"));

        before.AssertSame(Snapshot.Take(chain.Host));
        Assert.False(Directory.Exists(Path.Combine(chain.Host.DataDirectory, "tuning")));

        PluginResult Status(string keys, string below = "")
        {
            JsonObject all = JsonNode.Parse(TuningTests.Keys(chain.Host, keys))!.AsObject();
            all["dataDir"] = all["dataDir"]!.GetValue<string>() + below;
            return chain.Ours.Invoke("STATUS", chain.WithoutResult(all.ToJsonString()));
        }
    }
}
