using Patchbay.SystemTests.Engines.Cri;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>NetworkReady, of which the kubelet makes the node's Ready: containerd 1.6 makes it of what it could load, and asks no plugin for STATUS.</summary>
public class CriNetworkReadyTests
{
    [Fact]
    public void No_configuration_is_not_ready_until_there_is_one()
    {
        using CriHost node = CriHost.Create(network: null);

        CriCondition none = node.Client.Condition("NetworkReady");

        Assert.False(none.Status);
        Assert.Equal("NetworkPluginNotReady", none.Reason);
        Assert.Equal("Network plugin returns error: cni plugin not initialized", none.Message);
        Assert.Contains("no network config found in /etc/cni/net.d", node.Client.Info()["lastCNILoadStatus"], StringComparison.Ordinal);
        Assert.True(node.Client.Condition("RuntimeReady").Status);
        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("early"));
        Assert.Contains("cni plugin not initialized", refused.Text, StringComparison.Ordinal);
        // Such a pod stays, not ready, until the kubelet stops it; and while there is no network, not even that succeeds.
        string early = Assert.Single(node.Client.ListPodSandbox()).Key;
        Assert.Contains("cni plugin not initialized", Assert.Throws<GrpcException>(() => node.Client.StopPodSandbox(early)).Text, StringComparison.Ordinal);

        // containerd watches the directory for files that are written; one that is moved there counts from the next write on.
        node.Machine.WriteFile("/etc/cni/new", CriHost.Network());
        File.Move(node.Machine.PathOf("/etc/cni/new"), node.Machine.PathOf("/etc/cni/net.d/10-patchbay.conflist"));
        node.Machine.WriteFile("/etc/cni/net.d/.written", "now");
        Wait.Until("NetworkReady", () => node.Client.Condition("NetworkReady").Status);
        Assert.Equal("OK", node.Client.Info()["lastCNILoadStatus"].Trim('"'));
        node.Remove(early);
        node.Remove(node.Run("web"));
        Assert.Empty(node.Namespaces());

        File.Delete(node.Machine.PathOf("/etc/cni/net.d/10-patchbay.conflist"));
        Wait.Until("not NetworkReady", () => !node.Client.Condition("NetworkReady").Status);
    }

    [Fact]
    public void A_broken_configuration_is_named()
    {
        using CriHost node = CriHost.Create("""{ "cniVersion": "1.0.0", "name": "pods", "plugins": [ """);

        Assert.False(node.Client.Condition("NetworkReady").Status);
        Assert.Contains("10-patchbay.conflist", node.Client.Info()["lastCNILoadStatus"], StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_configurations_the_first_by_name_counts()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Machine.WriteFile("/etc/cni/net.d/20-other.conflist", CriHost.Network("10.99.0.0/24").Replace("\"pods\"", "\"others\"", StringComparison.Ordinal).Replace("cni0", "cni1", StringComparison.Ordinal).Replace("{ \"dst\": \"0.0.0.0/0\" }, { \"dst\": \"::/0\" }", "", StringComparison.Ordinal));
        Assert.True(node.Client.Condition("NetworkReady").Status);

        string id = node.Run("web");

        Assert.Equal("10.88.0.2", node.Client.PodSandboxStatus(id).Ip);
        Assert.Contains("\"pods\"", node.Client.Info()["cniconfig"], StringComparison.Ordinal);
        Assert.DoesNotContain("\"others\"", node.Client.Info()["cniconfig"], StringComparison.Ordinal);
        node.Remove(id);

        // No limit: every pod is on every network.
        node.Restart(() => node.Machine.Run("sed", "-i", "s/max_conf_num = 1/max_conf_num = 0/", "/etc/containerd/config.toml").Check());
        id = node.Run("both");
        Assert.Equal(["10.88.0.3/24", "fd00:88::3/64"], node.AddressesOf(id));
        Assert.Equal("10.99.0.2/24", node.AddressesOf(id, "eth1")[0]);
        node.Remove(id);
    }

    // What the limit of this version is: it is the first pod that tells that a plugin is missing.
    // A chain that cannot be deleted for want of a plugin is deleted once it is there: containerd keeps the pod for that.
    [Theory]
    [InlineData("bridge")]
    [InlineData("portmap")]
    [InlineData("loopback")]
    public void A_missing_plugin_is_told_by_the_first_pod_and_leaves_nothing_once_it_is_there(string missing)
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        node.Remove(node.Run("first"));
        Snapshot before = Snapshot.Take(node.Host, except: "cni0");
        File.Delete(node.Machine.PathOf($"/opt/cni/bin/{missing}"));

        Assert.True(node.Client.Condition("NetworkReady").Status);
        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("web"));

        Assert.Contains($"failed to find plugin \"{missing}\" in path [/opt/cni/bin]", refused.Text, StringComparison.Ordinal);
        node.Machine.InstallPlugins();
        foreach (string id in node.Client.ListPodSandbox().Keys)
            node.Remove(id);
        Assert.Empty(node.Namespaces());
        before.AssertSame(Snapshot.Take(node.Host, except: "cni0"));
    }

    [Fact]
    public void Status_50_of_a_plugin_is_not_asked_for_and_the_pod_tells_the_same()
    {
        using CriHost node = CriHost.Create(CriHost.Network("10.88.0.0/30"));
        string only = node.Run("only");

        // Our STATUS, as a runtime of CNI 1.1 asks it.
        string config = $$"""{ "cniVersion": "1.1.0", "name": "pods", "type": "host-local", "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/30" }]] } }""";
        CommandResult status = node.Machine.Run(
            ["/opt/cni/bin/host-local"], config, new Dictionary<string, string?> { ["CNI_COMMAND"] = "STATUS", ["CNI_PATH"] = "/opt/cni/bin" });
        Assert.Equal(50, status.Json.GetProperty("code").GetInt32());

        Assert.True(node.Client.Condition("NetworkReady").Status);
        GrpcException refused = Assert.Throws<GrpcException>(() => node.Run("second"));
        Assert.Contains("no IP addresses available in range set: 10.88.0.1-10.88.0.2", refused.Text, StringComparison.Ordinal);
        Assert.Contains("no IP addresses available in range set", status.Json.GetRawText(), StringComparison.Ordinal);
        node.Remove(only);
    }
}
