using System.Collections.Concurrent;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Many attachments at once, as when a node starts.</summary>
public class ConcurrencyTests
{
    private const int Count = 64;
    private static readonly ParallelOptions AtOnce = new() { MaxDegreeOfParallelism = 16 };

    [Theory]
    [InlineData("""{ "isDefaultGateway": true }""")]
    [InlineData("""{ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": "nftables", "macspoofchk": true }""")]
    public void Sixty_four_containers_get_addresses_of_their_own_and_leave_nothing(string keys)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace probe = host.AddContainer(), last = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, keys);
        bridge.Add(probe, config).Check();
        bridge.Delete(probe, config).Check();
        Snapshot before = Snapshot.Take(host, except: "cni0");
        host.Run("ip", "link", "del", "cni0").Check();
        // Names are enough for what is not looked at any more: one program makes them all.
        string[] names = [.. Enumerable.Range(0, Count).Select(n => $"{host.Name}-m{n}")];
        Batch("add", names);
        try
        {
            var added = new ConcurrentDictionary<string, PluginResult>();
            Parallel.ForEach(names, AtOnce, name =>
                added[name] = bridge.Invoke("ADD", config, name, $"/run/netns/{name}", "eth0").Check());

            Assert.Equal(Count, added.Values.Select(each => each.ResultAddresses()[0]).Distinct().Count());
            Assert.Equal(Count, added.Values.Select(each => each.ResultAddresses()[1]).Distinct().Count());
            Assert.Single(added.Values.Select(each => each.Json.GetProperty("interfaces")[0].Text("mac")).Distinct());
            Assert.Equal(Count, host.IpJson("link show master cni0").GetArrayLength());
            bridge.Add(last, config).Check();
            last.Ping(added[names[0]].ResultAddresses()[0].Split('/')[0]);
            last.Ping(added[names[^1]].ResultAddresses()[1].Split('/')[0]);
            bridge.Delete(last, config).Check();
            Parallel.ForEach(names, AtOnce, name =>
                bridge.Invoke("CHECK", Conf.WithResult(config, added[name]), name, $"/run/netns/{name}", "eth0").Check());

            Parallel.ForEach(names, AtOnce, name => bridge.Invoke("DEL", config, name, $"/run/netns/{name}", "eth0").Check());

            Assert.Equal(0, host.IpJson("link show master cni0").GetArrayLength());
            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
        finally
        {
            Batch("del", names);
        }
    }

    [Fact]
    public void Adds_and_deletes_of_reference_and_ours_get_along_at_once()
    {
        Plugin.NeedsOurs("host-local");
        using TestHost host = TestHost.Create();
        Plugin ours = new(host, "host-local"), theirs = ReferencePlugins.Plugin(host, "host-local");
        string config = Conf.Make(host, "host-local", ranges: """[[{ "subnet": "10.22.0.0/26" }]]""");
        var held = new ConcurrentDictionary<string, string>();

        // 61 addresses and at most 16 holders: none may be given twice, none may be refused.
        Parallel.For(0, 96, AtOnce, n =>
        {
            Plugin adds = n % 2 == 0 ? ours : theirs, deletes = n % 3 == 0 ? ours : theirs;
            string address = adds.Invoke("ADD", config, $"c{n}", host.Path, "eth0", environment: Override).Check().ResultAddresses()[0];
            Assert.True(held.TryAdd(address, $"c{n}"), $"{address} was given to c{n} and to {held.GetValueOrDefault(address)}");
            Assert.True(held.TryRemove(address, out _));
            deletes.Invoke("DEL", config, $"c{n}", host.Path, "eth0", environment: Override).Check();
        });

        Assert.Equal(["last_reserved_ip.0", "lock"], Directory.GetFiles(Path.Combine(host.DataDirectory, "net")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, string?> Override => new() { ["CNI_NETNS_OVERRIDE"] = "1" };

    private static void Batch(string verb, string[] names) =>
        Command.Run(["ip", "-force", "-batch", "-"], string.Concat(names.Select(name => $"netns {verb} {name}\n"))).Check();
}
