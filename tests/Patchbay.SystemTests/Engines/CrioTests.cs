using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>The calls of CRI-O's library ocicni (docs/engines/cri-o.md): VERSION and STATUS at the start, GC once, CHECK for restored pods, several networks a pod.</summary>
public sealed class CrioTests : IDisposable
{
    private readonly FirewallHost _node = new();
    private readonly EngineCalls _crio;
    private readonly EngineCalls _second;

    public CrioTests()
    {
        Plugin.NeedsOurs("portmap");
        _crio = new EngineCalls(Host, EngineCalls.Read(Host, "10-crio-bridge.conflist"));
        JsonObject second = EngineCalls.Read(Host, "10-crio-bridge.conflist");
        (second["name"], second["plugins"]![0]!["bridge"]) = ("storage", "cni1");
        second["plugins"]![0]!["ipam"]!["ranges"] = JsonNode.Parse("""[[{ "subnet": "10.86.0.0/16" }]]""");
        second["plugins"]![0]!["ipam"]!["routes"] = new JsonArray();
        second["plugins"]![0]!["capabilities"] = JsonNode.Parse("""{ "aliases": true, "mac": true, "cgroupPath": true, "io.kubernetes.cri.pod-annotations": true }""");
        _second = new EngineCalls(Host, second);
        foreach (EngineCalls network in (EngineCalls[])[_crio, _second])
        {
            EngineAttachment probe = Pod(Host.AddContainer(), "probe", 1);
            network.Add(probe).Check();
            network.Delete(probe).Check();
        }
    }

    private TestHost Host => _node.Host;

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_start_asks_for_versions_and_status_and_collects()
    {
        Assert.All(_crio.Versions(), version => Assert.Contains("1.1.0", version.Check().Json.GetProperty("supportedVersions").ToString(), StringComparison.Ordinal));
        for (int time = 0; time < 3; time++)
            Assert.All(_crio.Status(), status => status.Check());
        Assert.All(_crio.Collect(valid: null, stale: []), collected => collected.Check());
    }

    [Fact]
    public void A_pod_on_two_networks_is_checked_after_a_restart_and_leaves_nothing()
    {
        TestNamespace pod = Host.AddContainer(), other = Host.AddContainer();
        EngineAttachment first = Pod(pod, "web", 8080), neighbour = Pod(other, "other", 8081);
        // ocicni's runtime configuration is a network's own: CRI-O gives ports to the first.
        EngineAttachment second = first with { IfName = "eth1", Args = first.Args + ";MAC=02:00:00:00:86:01", Capabilities = new JsonObject { ["aliases"] = first.Capabilities!["aliases"]!.DeepClone() } };
        Snapshot before = Snapshot.Take(Host, except: ["cni0", "cni1"]);

        _crio.Add(first).Check();
        _second.Add(second).Check();
        _crio.Add(neighbour).Check();

        Assert.Equal("02:00:00:00:86:01", pod.Link("eth1").Text("address"));
        pod.Ping(other.Addresses("eth0")[0].Split('/')[0]);
        pod.Ping(FirewallHost.Outside4);
        pod.Ping("10.86.0.1");
        using (EchoServer inside = EchoServer.Tcp(pod, 80))
            Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, "198.51.100.1", 8080));
        Assert.All([.. _crio.Check(first), .. _second.Check(second)], check => check.Check());

        // StopPodSandbox, twice; the networks are found in the cache, by file name, so storage comes last.
        for (int time = 0; time < 2; time++)
        {
            _crio.Delete(first).Check();
            _second.Delete(second).Check();
            _crio.Delete(neighbour).Check();
        }

        before.AssertSame(Snapshot.Take(Host, except: ["cni0", "cni1"]));
    }

    [Fact]
    public void Collection_removes_pods_that_nobody_knows_and_leaves_the_others_alone()
    {
        TestNamespace a = Host.AddContainer(), b = Host.AddContainer(), lost = Host.AddContainer();
        EngineAttachment podA = Pod(a, "a", 8080), podB = Pod(b, "b", 8081), podLost = Pod(lost, "lost", 8082);
        _crio.Add(podA).Check();
        _crio.Add(podB).Check();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        _crio.Add(podLost).Check();
        lost.Run("ip", "link", "del", "eth0").Check(); // its processes were killed while CRI-O was down
        _crio.Forget(podLost);

        Assert.All(_crio.Collect([podA, podB], stale: []), collected => collected.Check());

        before.AssertSame(Snapshot.Take(Host, except: "cni0"));
        a.Ping(b.Addresses("eth0")[0].Split('/')[0]);
        using EchoServer inside = EchoServer.Tcp(a, 80);
        Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, "198.51.100.1", 8080));
        Assert.All(_crio.Check(podA), check => check.Check());
    }

    [Fact]
    public void An_empty_list_is_null_and_takes_all_of_the_network_and_nothing_of_another()
    {
        TestNamespace a = Host.AddContainer(), b = Host.AddContainer(), elsewhere = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host, except: ["cni0", "cni1"]);
        EngineAttachment podElsewhere = Pod(elsewhere, "elsewhere", 8085);
        foreach ((TestNamespace pod, int port) in (ReadOnlySpan<(TestNamespace, int)>)[(a, 8080), (b, 8081)])
        {
            EngineAttachment gone = Pod(pod, $"gone{port}", port);
            _crio.Add(gone).Check();
            _crio.Forget(gone);
            pod.Run("ip", "link", "del", "eth0").Check();
        }

        _second.Add(podElsewhere).Check();
        Assert.All(_crio.Collect(valid: null, stale: []), collected => collected.Check());
        Assert.All(_second.Check(podElsewhere), check => check.Check());

        _second.Delete(podElsewhere).Check();
        before.AssertSame(Snapshot.Take(Host, except: ["cni0", "cni1"]));
    }

    // Names and order of the arguments, and the forms of the capabilities, are ocicni's: aliases of all networks as an object.
    private static EngineAttachment Pod(TestNamespace pod, string name, int port)
    {
        string id = EngineCalls.NewId();
        return new EngineAttachment(id, pod.Path, "eth0", EngineAttachment.PodArgs(id, name), JsonNode.Parse($$"""
            {
              "portMappings": [{ "hostPort": {{port}}, "containerPort": 80, "protocol": "tcp", "hostIP": "" }],
              "aliases": { "crio": ["{{name}}"] },
              "bandwidth": { "ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0 },
              "cgroupPath": "/kubepods.slice/kubepods-pod0.slice",
              "io.kubernetes.cri.pod-annotations": { "example.com/colour": "blue" }
            }
            """)!.AsObject());
    }
}
