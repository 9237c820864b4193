using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>tuning: what it refuses, by itself and by the administrator's list.</summary>
public class TuningBadInputTests
{
    [Theory]
    [InlineData("""{ "sysctl": { "net/../kernel/hostname": "x" } }""", 7, "invalid net sysctl key: \"net/../kernel/hostname\"")]
    [InlineData("""{ "sysctl": { "net.core.//.//.kernel.hostname": "x" } }""", 7, "invalid net sysctl key")]
    [InlineData("""{ "sysctl": { "/proc/sys/net/core/somaxconn": "1" } }""", 7, "invalid net sysctl key")]
    [InlineData("""{ "sysctl": { "kernel.hostname": "x" } }""", 7, "kernel.hostname")]
    [InlineData("""{ "sysctl": { "net.core.somaxconn": "1\n2" } }""", 7, "line break")]
    [InlineData("""{ "sysctl": { "net.core.somaxconn": 500 } }""", 999, "\"sysctl.net.core.somaxconn\" must be a string, not 500")]
    [InlineData("""{ "sysctl": { "net.core.somaxconn": null } }""", 999, "must be a string")]
    [InlineData("""{ "sysctl": [] }""", 999, "\"sysctl\" must be an object")]
    [InlineData("""{ "sysctl": { "net.core.somaxconn": "1", "net/core/somaxconn": "2" } }""", 7, "duplicated sysctl keys are not allowed")]
    [InlineData("""{ "sysctl": { "net.core": "1" } }""", 999, "net/core")]
    [InlineData("""{ "sysctl": { "net.core.somaxconn.x": "1" } }""", 7, "net.core.somaxconn.x")]
    [InlineData("""{ "mac": "01:00:5e:00:00:01" }""", 7, "multicast")]
    [InlineData("""{ "mac": "00:00:00:00:00:00" }""", 7, "zeros")]
    [InlineData("""{ "mac": "0a:58:0a:01:02" }""", 7, "invalid mac address \"0a:58:0a:01:02\"")]
    [InlineData("""{ "mac": 5 }""", 999, "\"mac\" must be a string")]
    [InlineData("""{ "mtu": -1 }""", 999, "\"mtu\" must be a whole number")]
    [InlineData("""{ "mtu": "1400" }""", 999, "\"mtu\" must be a whole number")]
    [InlineData("""{ "mtu": 67 }""", 999, "eth0")]
    [InlineData("""{ "txQLen": 4294967296 }""", 999, "\"txQLen\" must be a whole number")]
    [InlineData("""{ "promisc": "yes" }""", 999, "\"promisc\" must be true or false")]
    [InlineData("""{ "allmulti": 1 }""", 999, "\"allmulti\" must be true or false")]
    [InlineData("""{ "mtu": 1400, "dataDir": "relative" }""", 7, "\"dataDir\" must be an absolute path, not \"relative\"")]
    [InlineData("""{ "args": { "cni": { "sysctl": { "kernel.hostname": "x" } } } }""", 7, "kernel.hostname")]
    [InlineData("""{ "args": { "cni": { "mtu": true } } }""", 999, "\"args.cni.mtu\"")]
    public void Wrong_values_are_named_and_change_nothing(string keys, int code, string text)
    {
        using var chain = new Attached("tuning");
        JsonObject all = JsonNode.Parse(keys)!.AsObject();
        all["dataDir"] ??= Path.Combine(chain.Host.DataDirectory, "tuning");
        string limit = chain.Container.Sysctl("core/somaxconn");
        Snapshot before = Snapshot.Take(chain.Host);

        chain.Add(chain.Config(all.ToJsonString())).Failed(code, text);

        before.AssertSame(Snapshot.Take(chain.Host));
        Assert.Equal(limit, chain.Container.Sysctl("core/somaxconn"));
    }

    [Fact]
    public void One_key_twice_is_refused()
    {
        using var chain = new Attached("tuning");
        string config = chain.Config("""{ "sysctl": { "net.core.somaxconn": "SECOND" } }""")
            .Replace("\"SECOND\"", "\"5\",\"net.core.somaxconn\":\"6\"", StringComparison.Ordinal);

        chain.Add(config).Failed(7, "duplicated sysctl keys are not allowed");
    }

    [Fact]
    public void Unknown_arguments_are_refused_as_by_the_reference()
    {
        using var chain = new Attached("tuning");
        chain.Add(chain.Config("{}"), "MAC=02:00:00:00:00:01;K8S_POD_NAME=x").Failed(999, "ARGS: unknown args [\"K8S_POD_NAME=x\"]");
    }

    [Theory]
    [InlineData("ADD")]
    [InlineData("CHECK")]
    public void A_previous_result_is_required(string command)
    {
        using var chain = new Attached("tuning");
        chain.Ours.Invoke(command, chain.WithoutResult(), chain.Container.Name, chain.Container.Path, "eth0").Failed(7, "Required prevResult missing");
    }

    [Fact]
    public void A_previous_result_that_lies_is_refused()
    {
        using var chain = new Attached("tuning");
        TestNamespace other = chain.Host.AddContainer();
        string config = chain.Config(TuningTests.Keys(chain.Host, """{ "sysctl": { "net.core.somaxconn": "500" } }"""));
        Snapshot before = Snapshot.Take(chain.Host);

        // Elsewhere, nowhere, and not there.
        chain.Ours.Add(other, config).Failed(7, "sandbox", chain.Container.Path, other.Path);
        chain.Add(config.Replace(chain.Container.Path, "/run/netns/no-such", StringComparison.Ordinal)).Failed(7, "/run/netns/no-such");
        chain.Ours.Add(other, config.Replace(chain.Container.Path, other.Path, StringComparison.Ordinal)).Failed(7, "\"eth0\"", "does not exist");
        chain.Add(config.Replace("\"prevResult\":{", "\"prevResult\":{\"ips\":7,", StringComparison.Ordinal).Replace("\"ips\":[", "\"x\":[", StringComparison.Ordinal)).Failed(999, "ips");

        before.AssertSame(Snapshot.Take(chain.Host));
        // The same namespace by another path is no lie.
        chain.Add(config.Replace(chain.Container.Path, $"/var{chain.Container.Path}", StringComparison.Ordinal)).Check();
    }

    private static PluginResult Add(Attached chain, string list, string config)
    {
        string file = Path.Combine(chain.Host.Directory, "allowlist");
        File.WriteAllText(file, list);
        // In a mount namespace of its own: the machine's /etc is nobody's to change.
        string script = $"mount -t tmpfs none /etc && mkdir -p /etc/cni/tuning && cp {file} /etc/cni/tuning/allowlist.conf && exec {Plugin.OursDirectory}/tuning";
        return new PluginResult(chain.Host.Run(["unshare", "--mount", "sh", "-c", script], config, new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = "ADD",
            ["CNI_CONTAINERID"] = chain.Container.Name,
            ["CNI_NETNS"] = chain.Container.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = Plugin.OursDirectory,
        }));
    }

    [Theory]
    [InlineData("net.core.somaxconn\n", true)]
    [InlineData("^net.ipv4.conf.IFNAME.[a-z_]*$\nnet.core.somaxconn", true)]
    [InlineData("^net\\.core\\.(somaxconn|optmem_max)$\r\n", true)]
    [InlineData("^net.ipv4\n", false)]
    [InlineData("somaxconn2", false)]
    [InlineData("", false)] // a list that allows nothing
    [InlineData("^net.core.[[:alpha:]]{9}$", true)]
    public void The_list_decides(string list, bool allowed)
    {
        using var chain = new Attached("tuning");
        string config = chain.Config("""{ "sysctl": { "net.core.somaxconn": "500" } }""");

        PluginResult added = Add(chain, list, config);

        if (allowed)
            added.Check();
        else
            Assert.StartsWith("Sysctl net.core.somaxconn is not allowed. Only the following sysctls are allowed: [", added.Failed(7).ErrorText, StringComparison.Ordinal);
        Assert.Equal(allowed, chain.Container.Sysctl("core/somaxconn") == "500");
    }

    [Fact]
    public void The_name_as_written_counts()
    {
        using var chain = new Attached("tuning");
        string config = chain.Config("""{ "sysctl": { "net.ipv4.conf.IFNAME.arp_filter": "1" } }""");

        Add(chain, "^net.ipv4.conf.IFNAME.arp_filter$", config).Check();
        Add(chain, "^net.ipv4.conf.eth0.arp_filter$", config).Failed(7, "not allowed");
    }

    [Fact] // an empty expression would be found in every name
    public void A_blank_line_allows_nothing()
    {
        using var chain = new Attached("tuning");
        string config = chain.Config("""{ "sysctl": { "net.core.somaxconn": "500" } }""");

        Add(chain, "^net.ipv4\n\n", config).Failed(7, "not allowed");
    }

    [Fact]
    public void A_line_that_is_no_expression_is_named()
    {
        using var chain = new Attached("tuning");
        Add(chain, "net.core\nnet.(ipv4\n", chain.Config("""{ "sysctl": { "net.core.somaxconn": "500" } }""")).Failed(7, "/etc/cni/tuning/allowlist.conf, line 2", "net.(ipv4");
        // Nothing is asked for: nobody looks.
        Add(chain, "net.(ipv4\n", chain.Config("{}")).Check();
    }
}
