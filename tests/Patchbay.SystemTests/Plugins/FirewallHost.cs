using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A host that forwards between bridges with containers and a world outside that knows the way to them.</summary>
internal sealed class FirewallHost : IDisposable
{
    public const string Outside4 = "198.51.100.2";
    public const string Outside6 = "2001:db8::2";

    public FirewallHost()
    {
        Plugin.NeedsOurs("firewall", "bridge", "ptp", "host-local");
        Host = TestHost.Create();
        Firewall = new Plugin(Host, "firewall");
        // A host asks for a neighbour by its link-local address only, and gives up after three seconds: as long as a new bridge may look whether another one has that address.
        Host.Run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad").Check();
        Outside = Host.AddContainer();
        Host.Run("ip", "link", "add", "uplink", "up", "type", "veth", "peer", "name", "eth0", "netns", Outside.Name).Check();
        Outside.Run("ip", "link", "set", "eth0", "up").Check();
        foreach ((TestNamespace space, string link, string end) in (ReadOnlySpan<(TestNamespace, string, string)>)[(Host, "uplink", "1"), (Outside, "eth0", "2")])
        {
            space.Run("ip", "addr", "add", $"198.51.100.{end}/24", "dev", link).Check();
            space.Run("ip", "addr", "add", $"2001:db8::{end}/64", "dev", link, "nodad").Check();
        }

        Outside.Run("ip", "route", "add", "10.0.0.0/8", "via", "198.51.100.1").Check();
        Outside.Run("ip", "route", "add", "fd00::/8", "via", "2001:db8::1").Check();
    }

    public TestHost Host { get; }

    public TestNamespace Outside { get; }

    /// <summary>The plugin under test.</summary>
    public Plugin Firewall { get; }

    /// <summary>Connects a new container to bridge cniN, 10.N.0.0/24 and fd00:N::/64, of network netN.</summary>
    /// <returns>The container, and the result to be handed to the firewall.</returns>
    public (TestNamespace Container, PluginResult Result) Connect(int n = 1, string type = "bridge", string version = "1.1.0")
    {
        TestNamespace container = Host.AddContainer();
        string config = Conf.Make(
            Host,
            type,
            $$"""{ "name": "net{{n}}", "bridge": "cni{{n}}", "isGateway": true }""",
            version,
            $$"""[[{ "subnet": "10.{{n}}.0.0/24" }], [{ "subnet": "fd00:{{n}}::/64" }]]""",
            """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""");
        return (container, new Plugin(Host, type).Add(container, config).Check());
    }

    /// <summary>The plugin's configuration, with the result before it.</summary>
    public static string Config(CommandResult? result, string keys = "{}", int n = 1, string version = "1.1.0")
    {
        JsonObject config = JsonNode.Parse($$"""{ "cniVersion": "{{version}}", "name": "net{{n}}", "type": "firewall" }""")!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            config[key] = value?.DeepClone();
        if (result is not null)
            config["prevResult"] = JsonNode.Parse(result.StandardOutput);
        return config.ToJsonString();
    }

    /// <summary>What Docker does to a host: nothing is forwarded unless somebody speaks for it.</summary>
    public void DropForwarded(string flavour = "")
    {
        Host.Run($"iptables{flavour}", "-P", "FORWARD", "DROP").Check();
        Host.Run($"ip6tables{flavour}", "-P", "FORWARD", "DROP").Check();
    }

    /// <summary>A container's way out and back, in both families; or that there is none in either.</summary>
    public static void AssertReaches(TestNamespace from, bool reaches, string to4 = Outside4, string to6 = Outside6)
    {
        foreach (string address in (string[])[to4, to6])
        {
            // A packet that must not come through is waited for a second; one that must, as long as it takes.
            CommandResult ping = from.Run("ping", "-c", "1", "-W", reaches ? "20" : "1", address);
            Assert.True(ping.ExitCode == 0 == reaches, $"expected {(reaches ? "an answer" : "no answer")}: {ping}");
        }
    }

    /// <summary>Calls the plugin on a machine on which no iptables is installed.</summary>
    public PluginResult InvokeWithoutIptables(string command, string config, TestNamespace container)
    {
        var variables = new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = container.Name,
            ["CNI_NETNS"] = container.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = Plugin.OursDirectory,
        };
        const string Hide = "mount -t tmpfs none /usr/sbin; [ -L /sbin ] || mount -t tmpfs none /sbin; exec \"$0\"";
        return new PluginResult(Host.Run(["unshare", "--mount", "sh", "-c", Hide, Path.Combine(Plugin.OursDirectory, "firewall")], config, variables));
    }

    public void Dispose() => Host.Dispose();
}
