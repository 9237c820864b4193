using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The examples of tuning, sbr and vrf, through cnitool as their pages show them.</summary>
public class RoutingExampleTests
{
    [Fact]
    public void Tuning() => Run("60-tuning.conflist", "tuned", "tuning", "10.92.0.1 fd92:4b1e:77aa::1", (container, host) =>
    {
        Assert.Equal(1400, container.Mtu("eth0"));
        Assert.Equal(("4096", "1"), (container.Sysctl("core/somaxconn"), container.Sysctl("ipv4/conf/eth0/arp_notify")));
        Assert.Contains("\"network\":\"tuned\"", File.ReadAllText(Assert.Single(Directory.GetFiles(Path.Combine(host.DataDirectory, "tuning")))), StringComparison.Ordinal);
    });

    [Fact]
    public void Sbr() => Run("61-sbr.conflist", "storage", "sbr", "", (container, _) =>
    {
        Assert.Contains("from 10.93.0.2 lookup 100 proto 80", container.Run("ip", "rule").Check().StandardOutput, StringComparison.Ordinal);
        // The main table belongs to the container's first network, which it does not have here.
        container.Run("ping", "-I", "10.93.0.2", "-c", "1", "-W", "10", "10.93.0.1").Check();
        container.Run("ping", "-I", "fd93:4b1e:77aa::2", "-c", "1", "-W", "10", "fd93:4b1e:77aa::1").Check();
    });

    [Fact]
    public void Vrf()
    {
        Needs.Vrf();
        Run("62-vrf.conflist", "tenant", "vrf", "", (container, _) =>
        {
            Assert.Equal("tenant", container.Link("eth0").Text("master"));
            foreach (string each in (string[])["10.94.0.1", "fd94:4b1e:77aa::1"])
                container.Run("ping", "-I", "tenant", "-c", "1", "-W", "10", each).Check();
        });
    }

    private static void Run(string file, string network, string type, string reaches, Action<TestNamespace, TestHost> judge)
    {
        Plugin.NeedsOurs("bridge", "host-local", type);
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // The data directories of the example are the machine's: others, in a file of the host's own.
        string text = File.ReadAllText(Repository.PathOf($"examples/{file}"))
            .Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{host.DataDirectory}\",", StringComparison.Ordinal)
            .Replace("\"type\": \"tuning\",", $"\"type\": \"tuning\", \"dataDir\": \"{host.DataDirectory}/tuning\",", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(host.ConfigDirectory, file), text);
        // The kernel's rule for VRFs, once made, stays as long as the namespace.
        Tool("add").Check();
        Tool("del").Check();
        Directory.Delete(Path.Combine(host.DataDirectory, network), recursive: true);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        Tool("add").Check();

        judge(container, host);
        foreach (string each in reaches.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            container.Ping(each);
        Tool("check").Check();
        Tool("status").Check();
        Tool("del").Check();
        Tool("del").Check();
        before.AssertSame(Snapshot.Take(host, except: "cni0"));

        CommandResult Tool(string verb) => host.Run(
            [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", host.CacheDirectory, verb, network, container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = host.ConfigDirectory });
    }
}
