using System.Globalization;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A host with routed containers, as ptp or silk leave them, and a policy agent; the policy server runs on it too. What the CNI wrapper writes down is written here.</summary>
internal sealed class AgentHost : IDisposable
{
    private const string Gateway = "169.254.0.1";

    private readonly JsonObject _datastore = [];
    private int _links;
    private int _version;

    private AgentHost(PolicyHost server)
    {
        Server = server;
        Host = server.Host;
        Datastore = Path.Combine(Host.Directory, "store.json");
        Program = new AgentProgram(Host, server.Certs, "127.0.0.1", Datastore);
        WriteDatastore();
    }

    public PolicyHost Server { get; }

    public TestHost Host { get; }

    public Traffic Traffic { get; } = new();

    public AgentProgram Program { get; }

    /// <summary>What the next agent is started with.</summary>
    public JsonObject Configuration => Program.Configuration;

    public string Datastore { get; }

    public PolicyServerProcess Agent => Program.Process;

    public static AgentHost Create()
    {
        Needs.Program("python3");
        return new AgentHost(PolicyHost.Create());
    }

    public void StartAgent() => Program.Start();

    public HttpAnswer Poll() => Program.Poll();

    public HttpAnswer Local(string path) => Program.Local(path);

    public HttpAnswer Debug(string path, params string[] options) => Program.Debug(path, options);

    /// <summary>Connects a container and writes it down, which the agent is not told.</summary>
    public string AddContainer(string handle, string app, string? address = null, string? space = null)
    {
        TestNamespace container = Host.AddContainer();
        string link = $"v{_links++}";
        address ??= $"10.255.1.{_links + 1}";
        Host.Run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", container.Name).Check();
        Host.Run("ip", "addr", "add", $"{Gateway}/32", "dev", link).Check();
        Host.Run("ip", "link", "set", link, "up").Check();
        Host.Run("ip", "route", "replace", $"{address}/32", "dev", link).Check();
        container.Run("ip", "addr", "add", $"{address}/32", "dev", "eth0").Check();
        container.Run("ip", "link", "set", "eth0", "up").Check();
        container.Run("ip", "route", "add", Gateway, "dev", "eth0").Check();
        container.Run("ip", "route", "add", "default", "via", Gateway).Check();
        Traffic.Adopt(handle, container, address);
        if (!Traffic.Knows(app)) // the first one of an app can be called by the app's id
            Traffic.Adopt(app, container, address);
        WriteDown(handle, app, address, space);
        return address;
    }

    /// <summary>Takes a container that somebody else has connected and written down.</summary>
    public void Adopt(string handle, TestNamespace container, string address) => Traffic.Adopt(handle, container, address);

    public string AddressOf(string handle) => Traffic.AddressOf(handle);

    public void WriteDown(string handle, string app, string address, string? space = null)
    {
        _datastore[handle] = new JsonObject
        {
            ["handle"] = handle,
            ["ip"] = address,
            ["metadata"] = new JsonObject { ["policy_group_id"] = app, ["app_id"] = app, ["space_id"] = space ?? "space", ["ports"] = "8080" },
        };
        WriteDatastore();
    }

    public void Forget(string handle)
    {
        _datastore.Remove(handle);
        WriteDatastore();
    }

    public void WriteDatastore(string? text = null)
    {
        File.WriteAllText(Datastore, text ?? _datastore.ToJsonString());
        File.WriteAllText($"{Datastore}_version", (++_version).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Creates policies: <c>"a b tcp 8080"</c>.</summary>
    public void Allow(params string[] policies) => Server.Allow(policies);

    public void Revoke(params string[] policies) => Server.Revoke(policies);

    public void Serve(string handle, params string[] ports) => Traffic.Serve(handle, ports);

    public string[] Reached(string handle, params string[] targets) => Traffic.Reached(handle, targets);

    public Traffic.HeldConnection Hold(string handle, string to, int port) => Traffic.Hold(handle, to, port);

    public string[] Elements(string set) => Program.Elements(set);

    /// <summary>The whole ruleset as text.</summary>
    public string Ruleset() => Host.Run("nft", "list", "ruleset").Check().StandardOutput;

    public void Dispose() => Server.Dispose();
}
