using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Plugins.Yggoverlay;

namespace Patchbay.SystemTests.Overlay;

/// <summary>An overlay over Yggdrasil, the real daemon, between hosts whose only common network is the mesh.</summary>
public sealed class OverlayYggTests
{
    private static readonly string Connections = Repository.PathOf("tests/Patchbay.SystemTests/Policy/connections.py");

    [Theory]
    [InlineData("0.4")]
    [InlineData("0.5")]
    public void Containers_reach_each_other_and_a_restart_of_the_node_leaves_the_overlay_in_place(string generation)
    {
        Plugin.NeedsOurs("flannel", "bridge", "host-local");
        Needs.Program("python3");
        OverlayHosts.CheckNeeds();
        using var mesh = new YggMesh(generation: generation);
        using var hosts = new OverlayHosts(mesh.One.Host, mesh.Two.Host);
        hosts.WriteLeases($"{mesh.One.NodeAddress} 10.255.1.0/24", $"{mesh.Two.NodeAddress} 10.255.2.0/24");
        Start(hosts, 1, mesh.One);
        Start(hosts, 2, mesh.Two);

        int mtu = mesh.One.Host.Mtu("ygg0") - 70;
        Assert.Equal(mtu, hosts.NetworkInfo(1)!.Value.GetProperty("mtu").GetInt32());
        (TestNamespace a, string addressOfA) = hosts.AddContainer(1);
        (TestNamespace b, string addressOfB) = hosts.AddContainer(2);
        Process server = b.Start(["python3", Connections, "serve", "tcp/8080"]);
        Assert.Equal("ready", server.NextLine());
        YggHost.Reach(a, addressOfB);
        Assert.Equal($"{addressOfB}:tcp/8080 yes\n", a.Run("python3", Connections, "try", $"{addressOfB}:tcp/8080").Check().StandardOutput);
        Assert.True(a.PingsWhole(addressOfB, mtu - 28), "the largest packet");

        int index = hosts.Index(2);
        mesh.Two.Stop(crash: true);
        Assert.Equal(["10.255.1.0/24"], hosts.Routes(2));
        mesh.Two.Start();
        YggHost.Reach(a, addressOfB);
        YggHost.Reach(b, addressOfA);
        Assert.Equal(index, hosts.Index(2));
    }

    private static void Start(OverlayHosts hosts, int number, YggHost node)
    {
        JsonObject configuration = hosts.AgentConfiguration(number, controller: false);
        configuration["underlay_ip"] = node.NodeAddress;
        hosts.StartAgent(number, configuration);
        Wait.Until("the lease", () => hosts.NetworkInfo(number) is not null);
    }
}
