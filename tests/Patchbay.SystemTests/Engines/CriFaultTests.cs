using Patchbay.SystemTests.Engines.Cri;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>What goes wrong on a node, and what is left of it: containerd's CRI with our plugins.</summary>
public class CriFaultTests
{
    [Fact]
    public void A_subnet_used_up_fails_the_pod_with_our_words_and_leaves_nothing()
    {
        using CriHost node = CriHost.Create(CriHost.Network("10.88.0.0/30"));
        string only = node.Run("only");
        Snapshot before = Snapshot.Take(node.Host);
        string[] namespaces = node.Namespaces();

        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("second", """{ "port_mappings": [{ "container_port": 80, "host_port": 8080 }] }"""));

        Assert.Contains("no IP addresses available in range set: 10.88.0.1-10.88.0.2", refused.Text, StringComparison.Ordinal);
        Assert.Equal([only], node.Client.ListPodSandbox().Keys);
        Assert.Equal(namespaces, node.Namespaces());
        before.AssertSame(Snapshot.Take(node.Host));
        node.Inside(only, "ping", "-c", "1", "10.88.0.1").Check();

        node.Remove(only);
        string next = node.Run("second");
        Assert.Equal("10.88.0.2", node.Client.PodSandboxStatus(next).Ip);
    }

    [Fact]
    public void Pods_outlive_a_restart_of_containerd()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first"));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");
        string id = node.Run("web");
        string[] addresses = node.AddressesOf(id);
        Snapshot running = Snapshot.Take(node.Host);

        node.Restart(() => running.AssertSame(Snapshot.Take(node.Host)));

        Assert.True(node.Client.ListPodSandbox()[id]);
        Assert.Equal("10.88.0.3", node.Client.PodSandboxStatus(id).Ip);
        Assert.Equal(addresses, node.AddressesOf(id));
        running.AssertSame(Snapshot.Take(node.Host));
        node.Inside(id, "ping", "-c", "1", "10.88.0.1").Check();
        node.Remove(id);
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    // As after a reboot, where /run is empty and the reservations are not.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pod_whose_namespace_vanished_is_stopped_and_leaves_nothing(bool whileStopped)
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first", """{ "port_mappings": [{ "container_port": 80, "host_port": 8080 }] }"""));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");
        string id = node.Run("web", """{ "port_mappings": [{ "container_port": 80, "host_port": 8080 }] }""");
        PodStatus status = node.Client.PodSandboxStatus(id);
        string pid = status.Info.GetProperty("pid").GetInt32().ToString(System.Globalization.CultureInfo.InvariantCulture);
        void Vanish() => node.Machine.Run("sh", "-c", $"kill -9 {pid}; umount {status.NamespacePath}; rm {status.NamespacePath}").Check();

        if (whileStopped)
            node.Restart(Vanish);
        else
            Vanish();
        node.Machine.AwaitLinks(0);

        node.Client.StopPodSandbox(id);
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
        node.Client.StopPodSandbox(id);
        node.Client.RemovePodSandbox(id);
        Assert.Empty(node.Client.ListPodSandbox());
    }

    // A node is switched over, and back, under its pods.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_one_set_of_plugins_added_the_other_deletes(bool toOurs)
    {
        const string Ports = """{ "port_mappings": [{ "container_port": 80, "host_port": 8080 }] }""";
        Assert.SkipUnless(File.Exists($"{ReferencePlugins.Directory}/bridge"), "needs the reference plugins of Debian's containernetworking-plugins");
        using CriHost node = CriHost.Create(CriHost.Network());
        // iptables, which is all that the reference plugins of this version know.
        string network = CriHost.Network().Replace("\"portmap\",", "\"portmap\", \"backend\": \"iptables\",", StringComparison.Ordinal)
            .Replace("\"ipMasq\": true,", "\"ipMasq\": true, \"ipMasqBackend\": \"iptables\",", StringComparison.Ordinal);
        node.Machine.WriteFile("/etc/cni/net.d/10-patchbay.conflist", network);
        Wait.Until("the new list", () => node.Client.Info()["cniconfig"].Contains("ipMasqBackend", StringComparison.Ordinal));
        string[] sets = toOurs ? [ReferencePlugins.Directory, Plugin.OursDirectory] : [Plugin.OursDirectory, ReferencePlugins.Directory];
        Use(node, sets[0]);
        node.Remove(node.Run("first", Ports));
        Use(node, sets[1]);
        node.Remove(node.Run("second", Ports));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");

        Use(node, sets[0]);
        string id = node.Run("web", Ports);
        Use(node, sets[1]);
        node.Serve(id, "web", 80);
        Assert.Equal("hello from web", node.Machine.Run("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/").Check().StandardOutput);
        node.Remove(id);

        Assert.Empty(node.Namespaces());
        // The reference does not know of our portmap's note of ports that ::1 has a part in (docs/portmap.md).
        new Plugin(node.Host, "portmap").Invoke("GC", """{ "cniVersion": "1.1.0", "name": "pods", "type": "portmap", "cni.dev/valid-attachments": [] }""").Check();
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    // containerd 1.6 links a libcni that knows results up to 1.0.0.
    [Fact]
    public void A_list_of_a_version_that_containerd_does_not_know_fails_the_pod_and_leaves_nothing()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first"));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");
        node.Machine.WriteFile("/etc/cni/net.d/10-patchbay.conflist", CriHost.Network().Replace("\"1.0.0\"", "\"1.1.0\"", StringComparison.Ordinal));
        Wait.Until("the new list", () => node.Client.Info()["cniconfig"].Contains("1.1.0", StringComparison.Ordinal));

        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("web"));

        Assert.Contains("unsupported CNI result version \"1.1.0\"", refused.Text, StringComparison.Ordinal);
        foreach (string id in node.Client.ListPodSandbox().Keys)
            node.Remove(id);
        Assert.Empty(node.Namespaces());
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    [Fact]
    public void Many_pods_at_once_have_addresses_of_their_own_and_leave_nothing()
    {
        const int Pods = 8;
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first", """{ "port_mappings": [{ "container_port": 80, "host_port": 7999 }] }"""));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");

        string[] ids = new string[Pods];
        Parallel.For(0, Pods, i => ids[i] = node.Run($"web{i}", $$"""{ "port_mappings": [{ "container_port": 80, "host_port": {{8000 + i}} }] }"""));

        string[] addresses = [.. ids.Select(id => node.Client.PodSandboxStatus(id).Ip)];
        Assert.Equal(Pods, addresses.Distinct().Count());
        node.Machine.Run(["sh", "-c", $"for each in {string.Join(' ', addresses)}; do ping -c 1 $each || exit 1; done"]).Check();
        Parallel.ForEach(ids, node.Remove);
        Assert.Empty(node.Client.ListPodSandbox());
        Assert.Empty(node.Namespaces());
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    private static void Use(CriHost node, string plugins)
    {
        Directory.Delete(node.Machine.PathOf("/opt/cni/bin"), recursive: true);
        node.Machine.Install(plugins);
    }
}
