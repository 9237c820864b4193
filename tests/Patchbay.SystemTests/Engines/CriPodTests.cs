using System.Text.Json;
using Patchbay.SystemTests.Engines.Cri;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>Pods that containerd's CRI runs with our plugins, asked for as the kubelet asks.</summary>
public class CriPodTests
{
    private const string Bandwidth = """, { "type": "bandwidth", "capabilities": { "bandwidth": true } }""";

    [Fact]
    public void A_pod_has_its_addresses_until_it_is_stopped()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        string first = node.Run("first");
        node.Remove(first); // brings the bridge, which belongs to no pod
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");

        string id = node.Run("web");

        PodStatus status = node.Client.PodSandboxStatus(id);
        Assert.True(status.Ready);
        Assert.Equal("10.88.0.3", status.Ip);
        Assert.Equal(["fd00:88::3"], status.AdditionalIps);
        Assert.Equal(["10.88.0.3/24", "fd00:88::3/64"], node.AddressesOf(id));
        Assert.Equal(["127.0.0.1/8"], node.AddressesOf(id, "lo").Where(each => each.StartsWith("127", StringComparison.Ordinal)));
        node.Inside(id, "ping", "-c", "1", "127.0.0.1").Check();
        node.Inside(id, "ping", "-c", "1", "10.88.0.1").Check();
        node.Inside(id, "ping", "-c", "1", "fd00:88::1").Check();
        node.Machine.Run("ping", "-c", "1", status.Ip).Check();

        node.Client.StopPodSandbox(id);
        Assert.False(node.Client.PodSandboxStatus(id).Ready);
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
        Assert.Empty(node.Namespaces());
        node.Client.StopPodSandbox(id);
        node.Client.RemovePodSandbox(id);
        node.Client.RemovePodSandbox(id);
        Assert.Empty(node.Client.ListPodSandbox());
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    [Fact]
    public void Its_calls_are_those_that_the_page_tells()
    {
        using CriHost node = CriHost.Create(Recorder.Network);
        Recorder.Install(node.Machine);

        string id = node.Run("web", """
            { "port_mappings": [{ "protocol": 1, "container_port": 53, "host_port": 5353, "host_ip": "192.0.2.1" }, { "container_port": 80 }],
              "annotations": { "kubernetes.io/ingress-bandwidth": "8M" }, "dns_config": { "servers": ["192.0.2.53"] } }
            """);
        string space = node.Client.PodSandboxStatus(id).NamespacePath;
        node.Remove(id);

        Recorder.Call[] calls = Recorder.Calls(node.Machine);
        // Stopping calls DEL, and so does removing, without the namespace.
        Assert.Equal(["ADD", "DEL", "DEL"], calls.Select(call => call.Command));
        Assert.All(calls, call => Assert.Equal((id, "eth0", "/opt/cni/bin"), (call.ContainerId, call.IfName, call.Path)));
        Assert.Equal([space, space, ""], calls.Select(call => call.Netns));
        Assert.Matches("^/var/run/netns/cni-[0-9a-f-]+$", space);
        Assert.Equal(
            ["IgnoreUnknown=1", $"K8S_POD_INFRA_CONTAINER_ID={id}", "K8S_POD_NAME=web", "K8S_POD_NAMESPACE=default", "K8S_POD_UID=uid-web"],
            calls[0].Args.Split(';').Order(StringComparer.Ordinal));
        using var config = JsonDocument.Parse(calls[0].Config);
        // Names in capitals, as the Go structures have them; and a burst of 2^32-1 bits, where the pod's annotation gives none.
        Assert.Equal(
            """{"bandwidth":{"IngressRate":8000000,"IngressBurst":4294967295,"EgressRate":0,"EgressBurst":0}"""
            + ""","dns":{"Servers":["192.0.2.53"],"Searches":null,"Options":null}"""
            + ""","io.kubernetes.cri.pod-annotations":{"kubernetes.io/ingress-bandwidth":"8M"}"""
            + ""","portMappings":[{"HostPort":5353,"ContainerPort":53,"Protocol":"udp","HostIP":"192.0.2.1"}]}""",
            config.RootElement.GetProperty("runtimeConfig").GetRawText());
    }

    [Fact]
    public void Pods_reach_each_other()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        string server = node.Run("server");
        string client = node.Run("client");
        node.Serve(server, "server", 8080);
        string address = node.Client.PodSandboxStatus(server).Ip;

        node.Inside(client, "ping", "-c", "1", address).Check();
        Assert.Equal("hello from server", node.Inside(client, "busybox", "wget", "-q", "-O", "-", $"http://{address}:8080/").Check().StandardOutput);
        Assert.Equal("hello from server", node.Inside(client, "busybox", "wget", "-q", "-O", "-", "http://[fd00:88::2]:8080/").Check().StandardOutput);
    }

    [Fact]
    public void A_host_port_leads_to_the_pod()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first", """{ "port_mappings": [{ "container_port": 80, "host_port": 8079 }] }"""));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");
        Neighbour(node, out TestNamespace neighbour);
        Snapshot connected = Snapshot.Take(node.Host, except: "cni0");

        // The kubelet gives all of a container's ports: one without a host port (0) is none to map.
        string id = node.Run("web", """
            { "port_mappings": [
                { "protocol": 0, "container_port": 80, "host_port": 8080 },
                { "protocol": 0, "container_port": 80, "host_port": 8081, "host_ip": "192.0.2.1" },
                { "protocol": 1, "container_port": 53, "host_port": 5353 },
                { "protocol": 0, "container_port": 9090 } ] }
            """);
        node.Serve(id, "web", 80);
        string other = node.Run("client");

        Assert.Equal("hello from web", Get(neighbour, "192.0.2.1:8080"));
        Assert.Equal("hello from web", Get(neighbour, "192.0.2.1:8081"));
        Assert.Equal("hello from web", Get(neighbour, "[2001:db8::1]:8080"));
        Assert.Equal("hello from web", Get(node.Host, "127.0.0.1:8080"));
        Assert.Equal("hello from web", node.Inside(other, "busybox", "wget", "-q", "-O", "-", "http://192.0.2.1:8080/").Check().StandardOutput);
        Assert.Equal("hello from web", node.Inside(id, "busybox", "wget", "-q", "-O", "-", "http://192.0.2.1:8080/").Check().StandardOutput);
        Assert.StartsWith("nothing", Get(neighbour, "192.0.2.1:9090"), StringComparison.Ordinal);
        Assert.StartsWith("nothing", Get(node.Host, "127.0.0.1:8081"), StringComparison.Ordinal);

        node.Remove(other);
        node.Remove(id);
        Assert.StartsWith("nothing", Get(neighbour, "192.0.2.1:8080"), StringComparison.Ordinal);
        connected.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
        Assert.NotEmpty(before.Difference(connected));
    }

    [Fact]
    public void Annotations_limit_the_bandwidth()
    {
        Needs.Tbf();
        Needs.Ifb();
        Needs.Ingress();
        using CriHost node = CriHost.Create(CriHost.Network(more: Bandwidth));
        node.Remove(node.Run("first"));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");

        string id = node.Run("slow", """{ "annotations": { "kubernetes.io/ingress-bandwidth": "8M", "kubernetes.io/egress-bandwidth": "16M" } }""");

        // What comes into the pod goes out of the host's end of the pair, and what leaves it comes out of the ifb device. tc(8) tells bytes a second.
        long[] rates = [.. node.Host.TcJson("qdisc show").EnumerateArray().Where(each => each.GetProperty("kind").GetString() == "tbf")
            .Select(each => each.GetProperty("options").GetProperty("rate").GetInt64()).Order()];
        Assert.Equal([1_000_000, 2_000_000], rates);
        node.Remove(id);
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    [Fact]
    public void A_bandwidth_that_nobody_can_mean_fails_the_pod_before_any_plugin_is_called()
    {
        using CriHost node = CriHost.Create(CriHost.Network(more: Bandwidth));
        node.Remove(node.Run("first"));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");

        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("slow", """{ "annotations": { "kubernetes.io/ingress-bandwidth": "1" } }"""));

        Assert.Contains("unreasonably small", refused.Text, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
        // containerd reads the annotation again when it stops the pod, so this version cannot stop it either, and keeps its empty namespace.
        string kept = Assert.Single(node.Client.ListPodSandbox()).Key;
        Assert.Contains("unreasonably small", Assert.Throws<GrpcException>(() => node.Client.StopPodSandbox(kept)).Text, StringComparison.Ordinal);
        Assert.Single(node.Namespaces());
        node.Containerd.Ctr("--namespace", "k8s.io", "containers", "rm", kept).Check();
        node.Restart();
        Assert.Empty(node.Client.ListPodSandbox());
    }

    [Fact]
    public void Name_servers_are_the_pods_not_the_results()
    {
        string network = CriHost.Network().Replace("\"hairpinMode\": true", """ "dns": { "nameservers": ["192.0.2.99"] } """, StringComparison.Ordinal);
        using CriHost node = CriHost.Create(network);

        string id = node.Run("named", """{ "dns_config": { "servers": ["192.0.2.53"], "searches": ["pods.example"], "options": ["ndots:5"] } }""");

        Assert.Equal("search pods.example\nnameserver 192.0.2.53\noptions ndots:5\n", node.ResolvConf(id));
        // The plugin's own are in the result, which containerd keeps and does not use.
        JsonElement result = node.Client.PodSandboxStatus(id).Info.GetProperty("cniResult");
        Assert.Contains("192.0.2.99", result.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pod_on_the_hosts_network_calls_no_plugin()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        Snapshot before = Snapshot.Take(node.Host);

        string id = node.Run("host", """{ "linux": { "security_context": { "namespace_options": { "network": 2 } } } }""");

        Assert.Equal("", node.Client.PodSandboxStatus(id).Ip);
        before.AssertSame(Snapshot.Take(node.Host));
        node.Remove(id);
    }

    // A machine beside the node, which has the node's addresses 192.0.2.1 and 2001:db8::1 at its other end.
    private static void Neighbour(CriHost node, out TestNamespace neighbour)
    {
        neighbour = node.Host.AddContainer();
        node.Host.Run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", neighbour.Name).Check();
        foreach ((TestNamespace space, int last) in ((TestNamespace, int)[])[(node.Host, 1), (neighbour, 2)])
        {
            space.Run("ip", "addr", "add", $"192.0.2.{last}/24", "dev", "lan0").Check();
            space.Run("ip", "addr", "add", $"2001:db8::{last}/64", "dev", "lan0", "nodad").Check();
            space.Run("ip", "link", "set", "lan0", "up").Check();
        }
    }

    // What an HTTP server says, or why there is none. Not -T: with it Debian 12's static busybox crashes.
    private static string Get(TestNamespace from, string address)
    {
        CommandResult got = from.Run("timeout", "5", "busybox", "wget", "-q", "-O", "-", $"http://{address}/");
        return got.ExitCode == 0 ? got.StandardOutput : $"nothing: {got.StandardError.Trim()}";
    }
}
