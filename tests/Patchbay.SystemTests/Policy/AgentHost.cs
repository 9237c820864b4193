using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A host with routed containers, as ptp or silk leave them, and a policy agent; the policy server runs on it too. What the CNI wrapper writes down is written here.</summary>
internal sealed class AgentHost : IDisposable
{
    private const string Gateway = "169.254.0.1";
    private static readonly string Connections = Repository.PathOf("tests/Patchbay.SystemTests/Policy/connections.py");

    private readonly Dictionary<string, (TestNamespace Space, string Address)> _containers = [];
    private readonly JsonObject _datastore = [];
    private int _links;
    private int _version;
    private PolicyServerProcess? _agent;

    private AgentHost(PolicyHost server)
    {
        Server = server;
        Host = server.Host;
        Datastore = Path.Combine(Host.Directory, "store.json");
        Configuration = new JsonObject
        {
            ["policy_server_url"] = "https://127.0.0.1:4003",
            ["ca_cert_file"] = $"{server.Certs}/ca.crt",
            ["client_cert_file"] = $"{server.Certs}/client.crt",
            ["client_key_file"] = $"{server.Certs}/client.key",
            ["cni_datastore_path"] = Datastore,
            ["poll_interval"] = 3600, // tests ask for cycles, and wait for none
            ["long_poll_seconds"] = 0,
        };
        Host.Run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0").Check();
        Host.Run("sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=100000"); // older kernels have one for the whole machine
        WriteDatastore();
    }

    public PolicyHost Server { get; }

    public TestHost Host { get; }

    /// <summary>What the next agent is started with.</summary>
    public JsonObject Configuration { get; }

    public string Datastore { get; }

    public PolicyServerProcess Agent => _agent ?? throw new InvalidOperationException("no agent was started");

    public static AgentHost Create()
    {
        Needs.Program("python3");
        return new AgentHost(PolicyHost.Create());
    }

    /// <summary>Starts an agent and waits until it listens and has run its first cycle.</summary>
    public void StartAgent()
    {
        string file = Path.Combine(Host.Directory, "agent.json");
        File.WriteAllText(file, Configuration.ToJsonString());
        _agent = PolicyServerProcess.Start(Host, [PolicyHost.Executable, "policy", "agent", "--config", file]);
    }

    /// <summary>Has the agent run a cycle, as the CNI wrapper does.</summary>
    public HttpAnswer Poll() => Local("/force-policy-poll-cycle");

    /// <summary>Asks the agent's local API.</summary>
    public HttpAnswer Local(string path) => Curl($"http://127.0.0.1:8722{path}");

    /// <summary>Asks the agent's debug server.</summary>
    public HttpAnswer Debug(string path, params string[] options) => Curl([.. options, $"http://127.0.0.1:8721{path}"]);

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
        _containers[handle] = (container, address);
        _containers.TryAdd(app, (container, address)); // the first one of an app can be called by the app's id
        WriteDown(handle, app, address, space);
        return address;
    }

    /// <summary>Takes a container that somebody else has connected and written down.</summary>
    public void Adopt(string handle, TestNamespace container, string address) => _containers[handle] = (container, address);

    public string AddressOf(string handle) => _containers[handle].Address;

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
    public void Allow(params string[] policies) => Server.External("POST", "v1/external/policies", PolicyHost.Body(policies)).Is(200);

    public void Revoke(params string[] policies) => Server.External("POST", "v1/external/policies/delete", PolicyHost.Body(policies)).Is(200);

    /// <summary>Listens in a container: <c>"tcp/8080"</c>.</summary>
    public void Serve(string handle, params string[] ports)
    {
        Process server = _containers[handle].Space.Start(["python3", Connections, "serve", .. ports]);
        Assert.Equal("ready", server.NextLine());
    }

    /// <summary>Tries real connections from a container.</summary>
    /// <param name="handle">The container.</param>
    /// <param name="targets">Handle and port of each: <c>"b:tcp/8080"</c>.</param>
    /// <returns>Those that were answered.</returns>
    public string[] Reached(string handle, params string[] targets)
    {
        Dictionary<string, string> byAddress = targets.ToDictionary(each => $"{AddressOf(each.Split(':')[0])}:{each.Split(':')[1]}");
        string output = _containers[handle].Space.Run(["python3", Connections, "try", .. byAddress.Keys]).Check().StandardOutput;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(each => each.Split(' ')).Where(each => each[1] == "yes").Select(each => byAddress[each[0]]).Order(StringComparer.Ordinal)];
    }

    /// <summary>Opens a connection that stays.</summary>
    public HeldConnection Hold(string handle, string to, int port) =>
        new(_containers[handle].Space.Start(["python3", Connections, "hold", AddressOf(to), port.ToString(CultureInfo.InvariantCulture)]));

    /// <summary>The elements of one of the agent's sets, as nft(8) has them in JSON.</summary>
    public string[] Elements(string set) => [.. Host.NftJson($"list table ip cf_networking").EnumerateArray()
        .Where(each => (each.TryGetProperty("set", out var found) || each.TryGetProperty("map", out found)) && found.GetProperty("name").GetString() == set && found.TryGetProperty("elem", out _))
        .SelectMany(each => (each.TryGetProperty("set", out var found) ? found : each.GetProperty("map")).GetProperty("elem").EnumerateArray()).Select(each => each.GetRawText())];

    /// <summary>The whole ruleset as text.</summary>
    public string Ruleset() => Host.Run("nft", "list", "ruleset").Check().StandardOutput;

    public void Dispose() => Server.Dispose();

    private HttpAnswer Curl(params string[] arguments) => HttpAnswer.Parse(Host.Run(["curl", "-sS", "-i", "--max-time", "60", "-H", "Expect:", .. arguments]).Check());

    /// <summary>A connection that is open.</summary>
    internal sealed class HeldConnection
    {
        private readonly Process _process;

        internal HeldConnection(Process process)
        {
            _process = process;
            Assert.Equal("!", process.NextLine());
        }

        /// <summary>Whether a word goes there and comes back.</summary>
        public bool Works()
        {
            _process.StandardInput.WriteLine("word");
            _process.StandardInput.Flush();
            return _process.NextLine() == "word";
        }
    }
}
