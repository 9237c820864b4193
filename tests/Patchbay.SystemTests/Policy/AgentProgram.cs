using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>The policy agent of a host: its configuration, its process, what it is asked.</summary>
internal sealed class AgentProgram
{
    private readonly TestHost _host;
    private PolicyServerProcess? _process;

    /// <param name="host">Where it runs.</param>
    /// <param name="certs">The directory of patchbay policy certs.</param>
    /// <param name="server">The policy server's address.</param>
    /// <param name="datastore">The CNI wrapper's file.</param>
    public AgentProgram(TestHost host, string certs, string server, string datastore)
    {
        _host = host;
        Configuration = new JsonObject
        {
            ["policy_server_url"] = $"https://{server}:4003",
            ["ca_cert_file"] = $"{certs}/ca.crt",
            ["client_cert_file"] = $"{certs}/client.crt",
            ["client_key_file"] = $"{certs}/client.key",
            ["cni_datastore_path"] = datastore,
            ["poll_interval"] = 3600, // tests ask for cycles, and wait for none
            ["long_poll_seconds"] = 0,
        };
        // A refusal that is left out would be waited for.
        host.Run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0").Check();
        host.Run("sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=100000"); // older kernels have one for the whole machine
    }

    /// <summary>What the next one is started with.</summary>
    public JsonObject Configuration { get; }

    public PolicyServerProcess Process => _process ?? throw new InvalidOperationException("no agent was started");

    /// <summary>Starts it and waits until it listens.</summary>
    public void Start(IReadOnlyDictionary<string, string?>? environment = null) => _process = PolicyServerProcess.Start(_host, Command(), environment);

    /// <summary>The command that <see cref="Start"/> runs.</summary>
    public string[] Command()
    {
        string file = Path.Combine(_host.Directory, "agent.json");
        File.WriteAllText(file, Configuration.ToJsonString());
        return [PolicyHost.Executable, "policy", "agent", "--config", file];
    }

    /// <summary>Has it run a cycle, as the CNI wrapper does.</summary>
    public HttpAnswer Poll() => Local("/force-policy-poll-cycle");

    /// <summary>Asks its local API.</summary>
    public HttpAnswer Local(string path) => Curl($"http://127.0.0.1:8722{path}");

    /// <summary>Asks its debug server.</summary>
    public HttpAnswer Debug(string path, params string[] options) => Curl([.. options, $"http://127.0.0.1:8721{path}"]);

    /// <summary>One of its figures.</summary>
    public string Metric(string name) =>
        Debug("/metrics").Is(200).Body.Split('\n').Single(each => each.StartsWith($"patchbay_agent_{name} ", StringComparison.Ordinal)).Split(' ')[1];

    /// <summary>The elements of one of its sets, as nft(8) has them in JSON.</summary>
    public string[] Elements(string set) => [.. _host.NftJson($"list table ip cf_networking").EnumerateArray()
        .Where(each => (each.TryGetProperty("set", out var found) || each.TryGetProperty("map", out found)) && found.GetProperty("name").GetString() == set && found.TryGetProperty("elem", out _))
        .SelectMany(each => (each.TryGetProperty("set", out JsonElement found) ? found : each.GetProperty("map")).GetProperty("elem").EnumerateArray()).Select(each => each.GetRawText())];

    private HttpAnswer Curl(params string[] arguments) => HttpAnswer.Parse(_host.Run(["curl", "-sS", "-i", "--max-time", "60", "-H", "Expect:", .. arguments]).Check());
}
