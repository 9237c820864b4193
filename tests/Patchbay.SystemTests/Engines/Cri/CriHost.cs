using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>A node without a kubelet: containerd, and the client that calls it as the kubelet does.</summary>
internal sealed class CriHost : IDisposable
{
    private CriHost(Containerd containerd)
    {
        Containerd = containerd;
        Client = new CriClient(containerd.Socket);
    }

    public Containerd Containerd { get; }

    public EngineHost Machine => Containerd.Machine;

    public TestHost Host => Containerd.Host;

    public CriClient Client { get; private set; }

    /// <summary>A node whose only network is this list; none when null.</summary>
    public static CriHost Create(string? network)
    {
        var node = new CriHost(Containerd.Start(network));
        node.AwaitService();
        return node;
    }

    /// <summary>A list of bridge, portmap and bandwidth over a subnet, as a node has it.</summary>
    public static string Network(string subnet = "10.88.0.0/24", string more = "") => $$"""
        {
          "cniVersion": "1.0.0", "name": "pods",
          "plugins": [
            { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
              "ipam": { "type": "host-local", "ranges": [[{ "subnet": "{{subnet}}" }], [{ "subnet": "fd00:88::/64" }]],
                        "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }] } },
            { "type": "portmap", "capabilities": { "portMappings": true } }{{more}}
          ]
        }
        """;

    /// <summary>A pod's description in crictl's words, with a name, and whatever is given.</summary>
    public static string Pod(string name, string more = "{}")
    {
        JsonObject pod = JsonNode.Parse(more)!.AsObject();
        pod["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["uid"] = $"uid-{name}", ["attempt"] = 1 };
        // "Hostname could only be empty when the pod network namespace is NODE", and must be empty then.
        if (pod["linux"] is null)
            pod["hostname"] = name;
        return pod.ToJsonString();
    }

    public string Run(string name, string more = "{}") => Client.RunPodSandbox(Pod(name, more));

    /// <summary>Stops and removes a pod, as the kubelet does.</summary>
    public void Remove(string id)
    {
        Client.StopPodSandbox(id);
        Client.RemovePodSandbox(id);
    }

    /// <summary>Runs a program in a pod's network.</summary>
    public CommandResult Inside(string id, params IReadOnlyList<string> arguments) =>
        Machine.Run(["nsenter", $"--net={Client.PodSandboxStatus(id).NamespacePath}", "--", .. arguments]);

    /// <summary>Addresses of an interface in the pod, without the link-local ones: <c>10.88.0.2/24</c>.</summary>
    public string[] AddressesOf(string id, string name = "eth0") =>
    [
        .. Inside(id, "ip", "-j", "addr", "show", "dev", name).Check().Json[0].GetProperty("addr_info").EnumerateArray()
            .Where(each => each.GetProperty("scope").GetString() != "link")
            .Select(each => $"{each.GetProperty("local").GetString()}/{each.GetProperty("prefixlen").GetInt32()}"),
    ];

    /// <summary>Serves the text <c>hello from NAME</c> over HTTP in the pod's network.</summary>
    public void Serve(string id, string name, int port)
    {
        Machine.WriteFile($"/run/www/{name}/index.html", $"hello from {name}");
        Machine.Start("nsenter", $"--net={Client.PodSandboxStatus(id).NamespacePath}", "--", "busybox", "httpd", "-f", "-p", $"{port}", "-h", $"/run/www/{name}");
        Wait.Until("httpd listens", () => Inside(id, "ss", "-Hltn", $"sport = {port}").StandardOutput.Length > 0);
    }

    /// <summary>What the pod's process sees as its /etc/resolv.conf.</summary>
    public string ResolvConf(string id) => File.ReadAllText(Machine.PathOf($"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{id}/resolv.conf"));

    /// <summary>Network namespaces that containerd made and has not removed.</summary>
    public string[] Namespaces() => Directory.Exists(Machine.PathOf("/run/netns")) ? Directory.GetFiles(Machine.PathOf("/run/netns")) : [];

    /// <summary>Stops the daemon, lets something happen, and starts it again.</summary>
    public void Restart(Action? meanwhile = null)
    {
        Containerd.Stop();
        Client.Dispose();
        meanwhile?.Invoke();
        Containerd.Start();
        Client = new CriClient(Containerd.Socket);
        AwaitService();
    }

    public void Dispose()
    {
        Client.Dispose();
        Containerd.Dispose();
    }

    // containerd answers before its CRI does, which says "server is not initialized yet" meanwhile.
    private void AwaitService() => Wait.Until("the CRI answers", () =>
    {
        try
        {
            Client.ListPodSandbox();
            return true;
        }
        catch (GrpcException)
        {
            return false;
        }
    });
}
