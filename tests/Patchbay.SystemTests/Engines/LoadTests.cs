using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>A node that comes up: sixteen runtimes attach, check and detach containers beside one another, all with the same cache.</summary>
public class LoadTests
{
    private const int Containers = 64;
    private const int Runtimes = 16;
    private const int FirstPort = 20000;

    [Theory]
    [InlineData("""{ "ipMasqBackend": "iptables" }""", """{ "backend": "iptables" }""")]
    [InlineData("""{ "ipMasqBackend": "nftables" }""", """{ "backend": "nftables" }""")]
    public void Nothing_is_lost_or_given_twice_or_left(string bridgeKeys, string keys)
    {
        Plugin.NeedsOurs("bridge", "host-local", "portmap", "firewall");
        using var node = new FirewallHost();
        TestHost host = node.Host;
        File.WriteAllText(Path.Combine(host.ConfigDirectory, "load.conflist"), List(host, bridgeKeys, keys));
        TestNamespace probe = host.AddContainer();
        Tool(host, "add", probe.Path, 1).Check();
        Tool(host, "del", probe.Path, 1).Check();
        Snapshot before = Snapshot.Take(host, except: "load0");
        host.Run("ip", "link", "del", "load0").Check(); // to be made by whoever comes first
        string[] names = [.. Enumerable.Range(0, Containers).Select(n => $"{host.Name}-l{n}")];
        Batch("add", names);
        try
        {
            var added = new ConcurrentDictionary<int, CommandResult>();
            Together(n => added[n] = Tool(host, "add", $"/run/netns/{names[n]}", FirstPort + n).Check());

            JsonElement[] ports = [.. host.IpJson("link show master load0").EnumerateArray()];
            Assert.Equal(Containers, ports.Length);
            Assert.Equal(Containers, added.Values.Select(each => each.ResultAddresses()[0]).Distinct().Count());
            Assert.Equal(Containers, Directory.GetFiles(host.DataDirectory, "10.77.*", SearchOption.AllDirectories).Length);
            Assert.Equal(Containers, Entries(host).Length);
            foreach (int n in (int[])[0, 17, 42, Containers - 1])
                AssertReached(node, names[n], FirstPort + n);
            Together(n => Tool(host, "check", $"/run/netns/{names[n]}", FirstPort + n).Check());

            Together(n => Tool(host, "del", $"/run/netns/{names[n]}", FirstPort + n).Check());

            before.AssertSame(Snapshot.Take(host, except: "load0"));
            Assert.Empty(Entries(host));
            Assert.Empty(host.IpJson("link show master load0").EnumerateArray());
        }
        finally
        {
            Batch("del", names);
        }
    }

    /// <summary>Half of the runtimes attach while the other half detach and check.</summary>
    [Fact]
    public void Operations_of_all_kinds_get_along()
    {
        Plugin.NeedsOurs("bridge", "host-local", "portmap", "firewall");
        using var node = new FirewallHost();
        TestHost host = node.Host;
        File.WriteAllText(Path.Combine(host.ConfigDirectory, "load.conflist"), List(host, "{}", "{}"));
        TestNamespace probe = host.AddContainer();
        Tool(host, "add", probe.Path, 1).Check();
        Tool(host, "del", probe.Path, 1).Check();
        Snapshot before = Snapshot.Take(host, except: "load0");
        string[] names = [.. Enumerable.Range(0, Runtimes).Select(n => $"{host.Name}-l{n}")];
        Batch("add", names);
        try
        {
            Parallel.For(0, Runtimes, new ParallelOptions { MaxDegreeOfParallelism = Runtimes }, n =>
            {
                for (int time = 0; time < 3; time++)
                    foreach (string verb in (string[])["add", "check", "del"])
                        Tool(host, verb, $"/run/netns/{names[n]}", FirstPort + n).Check();
            });
            before.AssertSame(Snapshot.Take(host, except: "load0"));
            Assert.Empty(Entries(host));
        }
        finally
        {
            Batch("del", names);
        }
    }

    // Each runtime is a process of its own for each call, as kubelet's or nerdctl's are; the cache is all that they share.
    private static CommandResult Tool(TestHost host, string verb, string netns, int port) => host.Run(
        [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", host.CacheDirectory, verb, "load", netns],
        null,
        new Dictionary<string, string?>
        {
            ["NETCONFPATH"] = host.ConfigDirectory,
            ["CNI_PATH"] = Plugin.OursDirectory,
            ["CNI_ARGS"] = null,
            ["CAP_ARGS"] = string.Create(CultureInfo.InvariantCulture, $$"""{ "portMappings": [ { "hostPort": {{port}}, "containerPort": 80, "protocol": "tcp" } ] }"""),
        });

    private static void Together(Action<int> work) =>
        Parallel.For(0, Runtimes, new ParallelOptions { MaxDegreeOfParallelism = Runtimes }, runtime =>
        {
            for (int n = runtime; n < Containers; n += Runtimes)
                work(n);
        });

    private static void AssertReached(FirewallHost node, string name, int port)
    {
        using EchoServer inside = EchoServer.Tcp($"/run/netns/{name}", 80);
        Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(node.Outside, "198.51.100.1", port));
    }

    private static string[] Entries(TestHost host) =>
        [.. Directory.GetFiles(Path.Combine(host.CacheDirectory, "results")).Select(Path.GetFileName).OfType<string>().Where(name => name[0] != '.')];

    private static string List(TestHost host, string bridgeKeys, string keys)
    {
        JsonObject list = JsonNode.Parse($$"""
            {
              "cniVersion": "1.1.0", "name": "load",
              "plugins": [
                { "type": "bridge", "bridge": "load0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
                  "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "ranges": [[{ "subnet": "10.77.0.0/16" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
                { "type": "portmap", "capabilities": { "portMappings": true } },
                { "type": "firewall" }
              ]
            }
            """)!.AsObject();
        foreach ((int index, string more) in new[] { bridgeKeys, keys, keys }.Index())
            foreach ((string key, JsonNode? value) in JsonNode.Parse(more)!.AsObject())
                list["plugins"]![index]![key] = value!.DeepClone();
        return list.ToJsonString();
    }

    // One program for all of them; lo comes up by itself only where somebody asks for it.
    private static void Batch(string verb, string[] names) =>
        Command.Run(["ip", "-force", "-batch", "-"], string.Concat(names.Select(name => $"netns {verb} {name}\n"))).Check();
}
