using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>The calls of k3s' containerd (docs/engines/k3s.md): a directory of links to one file, flannel's chain, a lease in subnet.env.</summary>
public sealed class K3sTests : IDisposable
{
    private static readonly string[] Names = ["cni", "bandwidth", "bridge", "firewall", "flannel", "host-local", "loopback", "portmap"];

    private readonly FirewallHost _node = new();
    private readonly EngineCalls _flannel;
    private readonly EngineCalls _loopback;

    public K3sTests()
    {
        Plugin.NeedsOurs("flannel", "portmap", "bandwidth", "loopback");
        // data/<hash>/bin has the file and a link for each name, data/cni a link for each that leads there.
        string bin = Path.Combine(Host.Directory, "k3s/data/9f3c/bin"), links = Path.Combine(Host.Directory, "k3s/data/cni");
        Directory.CreateDirectory(bin);
        Directory.CreateDirectory(links);
        Host.Run("cp", Path.Combine(Plugin.OursDirectory, "bridge"), Path.Combine(bin, "cni")).Check();
        foreach (string name in Names)
        {
            if (name != "cni")
                File.CreateSymbolicLink(Path.Combine(bin, name), "cni");
            File.CreateSymbolicLink(Path.Combine(links, name), Path.Combine(bin, "cni"));
        }

        File.WriteAllText(Path.Combine(Host.Directory, "subnet.env"), """
            FLANNEL_NETWORK=10.42.0.0/16
            FLANNEL_SUBNET=10.42.0.1/24
            FLANNEL_MTU=1450
            FLANNEL_IPMASQ=true

            """);
        JsonObject loopback = JsonNode.Parse("""{ "cniVersion": "0.3.1", "name": "cni-loopback", "plugins": [{ "type": "loopback" }] }""")!.AsObject();
        _flannel = new EngineCalls(Host, EngineCalls.Read(Host, "k3s-flannel.conflist"), links);
        _loopback = new EngineCalls(Host, loopback, links);
    }

    private TestHost Host => _node.Host;

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pods_are_networked_through_the_links(bool limited)
    {
        if (limited)
        {
            Needs.Ifb();
            Needs.Tbf();
        }

        TestNamespace web = Host.AddContainer(), other = Host.AddContainer(), probe = Host.AddContainer();
        EngineAttachment warm = Pod(probe, "probe", 1, limited);
        _flannel.Add(warm).Check();
        _flannel.Delete(warm).Check();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        EngineAttachment first = Pod(web, "web", 8080, limited), second = Pod(other, "other", 8081, limited);

        foreach (EngineAttachment pod in (EngineAttachment[])[first, second])
        {
            _loopback.Add(pod with { IfName = "lo" }).Check();
            PluginResult added = _flannel.Add(pod).Check();
            Assert.Equal("1.0.0", added.Json.Text("cniVersion"));
        }

        Assert.StartsWith("10.42.0.", web.Addresses("eth0")[0], StringComparison.Ordinal);
        Assert.Equal(1450, web.Mtu("eth0"));
        Assert.Equal(["10.42.0.1/24"], Host.Addresses("cni0"));
        Assert.Contains("default via 10.42.0.1 dev eth0", web.Routes());
        Assert.Contains("10.42.0.0/16 via 10.42.0.1 dev eth0", web.Routes());
        web.Ping(other.Addresses("eth0")[0].Split('/')[0]);
        using (EchoServer inside = EchoServer.Tcp(web, 80))
            Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, "198.51.100.1", 8080));
        Assert.All(_flannel.Check(first), check => check.Check());

        // StopPodSandbox: first as it should be, then once more when the namespace is gone.
        foreach (EngineAttachment pod in (EngineAttachment[])[first, second])
        {
            _flannel.Delete(pod).Check();
            _loopback.Delete(pod with { IfName = "lo" }).Check();
            _flannel.Delete(pod with { Netns = "" }).Check();
            _flannel.Delete(pod with { Netns = "/var/run/netns/cni-00000000-0000-0000-0000-000000000000" }).Check();
        }

        foreach (TestNamespace pod in (TestNamespace[])[web, other])
            pod.Run("ip", "link", "set", "lo", "up").Check(); // DEL of loopback leaves it down, the snapshot found it up
        before.AssertSame(Snapshot.Take(Host, except: "cni0"));
    }

    [Fact]
    public void A_pod_outlives_an_update_that_moves_the_file()
    {
        TestNamespace web = Host.AddContainer();
        EngineAttachment pod = Pod(web, "web", 8080, limited: false);
        EngineAttachment warm = Pod(Host.AddContainer(), "probe", 1, limited: false);
        _flannel.Add(warm).Check();
        _flannel.Delete(warm).Check();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        _flannel.Add(pod).Check();

        // Another release has another hash: the links lead there, the old directory goes; the lease is not there yet.
        string old = Path.Combine(Host.Directory, "k3s/data/9f3c"), now = Path.Combine(Host.Directory, "k3s/data/a11b");
        Directory.Move(old, now);
        foreach (string name in Names)
        {
            string link = Path.Combine(Host.Directory, "k3s/data/cni", name);
            File.Delete(link);
            File.CreateSymbolicLink(link, Path.Combine(now, "bin/cni"));
        }

        File.Delete(Path.Combine(Host.Directory, "subnet.env"));
        web.Run("ip", "link", "del", "eth0").Check();
        _flannel.Delete(pod with { Netns = "" }).Check();
        before.AssertSame(Snapshot.Take(Host, except: "cni0"));
    }

    private static EngineAttachment Pod(TestNamespace pod, string name, int port, bool limited)
    {
        string id = EngineCalls.NewId();
        JsonObject capabilities = EngineCalls.GoCniPorts((port, 80, "tcp", ""));
        capabilities["dns"] = JsonNode.Parse("""{ "Servers": ["10.43.0.10"], "Searches": ["default.svc.cluster.local"], "Options": ["ndots:5"] }""");
        if (limited)
            capabilities["bandwidth"] = JsonNode.Parse("""{ "IngressRate": 100000000, "IngressBurst": 80000000, "EgressRate": 100000000, "EgressBurst": 80000000 }""");
        return new EngineAttachment(id, pod.Path, "eth0", EngineAttachment.PodArgs(id, name), capabilities);
    }
}
