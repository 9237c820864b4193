using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.CloudFoundry;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A host of a platform of several: a subnet of the overlay, containers by networker, wrapper, flannel and bridge, and a policy agent.</summary>
internal sealed class Cell : IDisposable
{
    private const string Vtep = "silk-vtep";

    private readonly PolicyHost _server;
    private readonly Traffic _traffic;
    private readonly int _number;
    private readonly List<(string Name, string App)> _containers = [];

    /// <param name="server">The policy server, whose host has the switch "sw0" between the cells.</param>
    /// <param name="traffic">Where containers are known by name.</param>
    /// <param name="number">1 or 2.</param>
    public Cell(PolicyHost server, Traffic traffic, int number)
    {
        (_server, _traffic, _number) = (server, traffic, number);
        Boot();
    }

    public CloudHost Cloud { get; private set; } = null!;

    public TestHost Host => Cloud.Host;

    public AgentProgram Agent { get; private set; } = null!;

    /// <summary>Connects a container of an app, as Garden does.</summary>
    public void Up(string name, string app)
    {
        TestNamespace container = Host.AddContainer();
        string properties = $$"""{ "Properties": { "policy_group_id": "{{app}}", "app_id": "{{app}}", "space_id": "space", "org_id": "org", "ports": "8080" } }""";
        JsonElement up = Cloud.Up(container, properties, handle: name).Check().Json;
        _traffic.Adopt(name, container, up.GetProperty("properties").GetProperty("garden.network.container-ip").GetString()!);
        _containers.Add((name, app));
    }

    public void Down(string name)
    {
        Cloud.Networker("down", name).Check();
        _containers.RemoveAll(each => each.Name == name);
    }

    /// <summary>Is switched off and on: what is in the kernel is gone, what is on disk is there; then Garden takes its containers down and makes them again.</summary>
    public void Restart()
    {
        (string Name, string App)[] containers = [.. _containers];
        PowerOff();
        Boot();
        foreach ((string name, _) in containers)
            Down(name);
        foreach ((string name, string app) in containers)
            Up(name, app);
    }

    public void Dispose() => PowerOff();

    private string Port => $"cell{_number}";

    private void PowerOff()
    {
        if (Directory.Exists(Cloud.Mounts))
        {
            foreach (string mount in Directory.GetFiles(Cloud.Mounts))
                Command.Run(["umount", "--lazy", mount]);
        }

        Cloud.Dispose();
        _server.Host.Run("ip", "link", "del", Port); // the kernel removes it with its other end, but not at once
    }

    private void Boot()
    {
        string data = Path.Combine(_server.Host.Directory, Port);
        Cloud = new CloudHost($"192.0.2.{10 + _number}", data, _server.Host, Port);
        _server.Host.Run("ip", "link", "set", Port, "master", "sw0").Check();
        Agent = new AgentProgram(Host, _server.Certs, "192.0.2.1", Cloud.Datastore);
        ConnectOverlay(other: 3 - _number);
        File.WriteAllText(Path.Combine(data, "subnet.env"), $"FLANNEL_NETWORK=10.255.0.0/16\nFLANNEL_SUBNET=10.255.{_number}.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n");
        JsonNode wrapper = JsonNode.Parse(Cloud.Wrapper($$"""
            { "vtep_name": "{{Vtep}}", "policy_agent_force_poll_address": "127.0.0.1:8722", "delegate": {
                "name": "cni-flannel", "type": "flannel", "subnetFile": "{{data}}/subnet.env", "dataDir": "{{data}}/flannel", "ipam": { "type": "host-local", "dataDir": "{{data}}/ipam" },
                "delegate": { "bridge": "cni-flannel0", "isDefaultGateway": true, "ipMasq": false } } }
            """))!;
        Cloud.Network("30-cni-wrapper-plugin.conf", wrapper.ToJsonString());
        Agent.Start();
    }

    // What patchbay overlay makes of two leases.
    private void ConnectOverlay(int other) => Host.Run(["sh", "-ec", $"""
        ip link add {Vtep} type vxlan id 1 local {Cloud.Address} dstport 4789 gbp nolearning
        ip link set {Vtep} mtu 1450 address ee:ee:0a:ff:0{_number}:00
        ip addr add 10.255.{_number}.0/32 dev {Vtep}
        ip link set {Vtep} up
        ip route add 10.255.{other}.0/24 via 10.255.{other}.0 dev {Vtep} onlink src 10.255.{_number}.0
        ip neigh add 10.255.{other}.0 lladdr ee:ee:0a:ff:0{other}:00 dev {Vtep} nud permanent
        bridge fdb append ee:ee:0a:ff:0{other}:00 dst 192.0.2.{10 + other} dev {Vtep}
        """]).Check();
}
