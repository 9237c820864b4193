using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.CloudFoundry;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Overlay;

namespace Patchbay.SystemTests.Policy;

/// <summary>A host of a platform of several: patchbay's overlay and policy agents, containers by networker, wrapper, flannel and bridge.</summary>
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

    /// <summary>The running overlay agent.</summary>
    public PolicyServerProcess Overlay { get; private set; } = null!;

    /// <summary>The subnet of this host's containers; null before there is one.</summary>
    public string? Subnet => File.Exists(SubnetFile) ? File.ReadAllLines(SubnetFile)[1].Split('=')[1] : null;

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

    public void StartOverlay()
    {
        string file = Path.Combine(Host.Directory, "overlay.json");
        File.WriteAllText(file, new JsonObject
        {
            ["underlay_ip"] = Cloud.Address,
            ["poll_interval"] = 0.2,
            ["datastore"] = Cloud.Datastore,
            ["subnet_file"] = SubnetFile,
            ["connectivity_server_url"] = "https://192.0.2.1:4103",
            ["ca_cert_file"] = $"{_server.Certs}/ca.crt",
            ["client_cert_file"] = $"{_server.Certs}/client.crt",
            ["client_key_file"] = $"{_server.Certs}/client.key",
        }.ToJsonString());
        Overlay = PolicyServerProcess.Start(Host, [PolicyHost.Executable, "overlay", "agent", "--config", file]);
    }

    /// <summary>Whether packets to another host's containers go there.</summary>
    public bool HasWayTo(Cell other) => Host.Run("ip", "route", "show", "dev", Vtep).StandardOutput.Contains($"{other.Subnet!.Replace(".1/24", ".0/24", StringComparison.Ordinal)} via", StringComparison.Ordinal);

    public void Dispose() => PowerOff();

    private string SubnetFile => Path.Combine(Cloud.Data, "subnet.env");

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
        StartOverlay();
        OverlayHosts.Eventually(() => Subnet is not null && Host.HasLink(Vtep), "a lease", Overlay);
        JsonNode wrapper = JsonNode.Parse(Cloud.Wrapper($$"""
            { "vtep_name": "{{Vtep}}", "policy_agent_force_poll_address": "127.0.0.1:8722", "delegate": {
                "name": "cni-flannel", "type": "flannel", "subnetFile": "{{data}}/subnet.env", "dataDir": "{{data}}/flannel", "ipam": { "type": "host-local", "dataDir": "{{data}}/ipam" },
                "delegate": { "bridge": "cni-flannel0", "isDefaultGateway": true, "ipMasq": false } } }
            """))!;
        Cloud.Network("30-cni-wrapper-plugin.conf", wrapper.ToJsonString());
        Agent.Start();
    }
}
