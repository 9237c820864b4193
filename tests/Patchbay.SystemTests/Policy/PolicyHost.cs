using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A host with certificates and a configuration, on which policy servers run; everything asks them by curl.</summary>
internal sealed class PolicyHost : IDisposable
{
    /// <summary>The executable under test: the published one, or that which PATCHBAY_BIN points to.</summary>
    public static readonly string Executable = Environment.GetEnvironmentVariable("PATCHBAY_BIN") is { Length: > 0 } told ? told : Repository.PathOf("out/patchbay");

    private readonly PolicyDatabase _database;
    private readonly Dictionary<string, string> _tokens = [];

    private PolicyHost(PolicyDatabase database, string[] names)
    {
        _database = database;
        Host = TestHost.Create();
        Certs = Path.Combine(Host.Directory, "certs");
        Host.Run([Executable, "policy", "certs", Certs, .. names.SelectMany(each => (string[])["--name", each])]).Check();
        Configuration = new JsonObject
        {
            ["enable_tls"] = true,
            ["ca_cert_file"] = $"{Certs}/ca.crt",
            ["server_cert_file"] = $"{Certs}/server.crt",
            ["server_key_file"] = $"{Certs}/server.key",
            ["token_keys_file"] = $"{Certs}/token_keys.json",
            ["database"] = database.Configuration(Host.Directory),
            ["database_poll_seconds"] = 0.1,
        };
    }

    public TestHost Host { get; }

    public string Certs { get; }

    /// <summary>What the next server is started with.</summary>
    public JsonObject Configuration { get; }

    /// <param name="database">The kind of its database.</param>
    /// <param name="names">What it is called by; this host's own names when there are none.</param>
    public static PolicyHost Create(string database = PolicyDatabase.Sqlite, params string[] names)
    {
        Needs.Root();
        Assert.SkipUnless(File.Exists(Executable), $"needs {Executable}; run make build, or set PATCHBAY_BIN");
        return new PolicyHost(PolicyDatabase.Create(database), names);
    }

    /// <summary>On a PostgreSQL server of the test's own, which it may crash.</summary>
    public static PolicyHost Create(PostgresServer postgres, params string[] names)
    {
        Needs.Root();
        Assert.SkipUnless(File.Exists(Executable), $"needs {Executable}; run make build, or set PATCHBAY_BIN");
        return new PolicyHost(PolicyDatabase.On(postgres), names);
    }

    /// <summary>Starts a server and waits until it listens.</summary>
    public PolicyServerProcess Start(params string[] wrapper) => PolicyServerProcess.Start(Host, [.. wrapper, Executable, "policy", "server", "--config", ConfigurationFile()]);

    /// <summary>Writes the configuration into a file of its own.</summary>
    public string ConfigurationFile()
    {
        string file = Path.Combine(Host.Directory, $"server-{Guid.NewGuid():N}.json");
        File.WriteAllText(file, Configuration.ToJsonString());
        return file;
    }

    /// <summary>A bearer token with these scopes.</summary>
    public string Token(string user = "admin", params string[] scopes)
    {
        string[] wanted = scopes.Length > 0 ? scopes : ["network.admin"];
        string key = $"{user} {string.Join(' ', wanted)}";
        if (!_tokens.TryGetValue(key, out string? token))
        {
            _tokens[key] = token = Host.Run([Executable, "policy", "token", Certs, "--user", user, .. wanted.SelectMany(each => (string[])["--scope", each])])
                .Check().StandardOutput.Trim();
        }

        return token;
    }

    /// <summary>Asks the external API: <c>External("POST", "v1/external/policies", body)</c>.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">What follows /networking/, or a whole path.</param>
    /// <param name="body">The body, if any.</param>
    /// <param name="token">The token; the admin's when null, none when empty.</param>
    /// <param name="options">More options of curl.</param>
    public HttpAnswer External(string method, string path, string? body = null, string? token = null, params string[] options)
    {
        token ??= Token();
        string[] authorization = token.Length > 0 ? ["-H", $"Authorization: Bearer {token}"] : [];
        return Curl(["-X", method, .. authorization, .. options, $"https://127.0.0.1:4002{Whole(path)}"], body);
    }

    /// <summary>Asks the internal API with the client's certificate.</summary>
    public HttpAnswer Internal(string method, string path, string? body = null, params string[] options) =>
        Curl(["--cert", $"{Certs}/client.crt", "--key", $"{Certs}/client.key", "-X", method, .. options, $"https://127.0.0.1:4003{Whole(path)}"], body);

    public HttpAnswer Curl(IReadOnlyList<string> arguments, string? body = null) => HttpAnswer.Parse(Host.Run(CurlCommand(arguments, body), body).Check());

    /// <summary>The same, where curl may fail.</summary>
    public CommandResult TryCurl(params IReadOnlyList<string> arguments) => Host.Run(CurlCommand(arguments, null));

    public IReadOnlyList<string> CurlCommand(IReadOnlyList<string> arguments, string? body) =>
        ["curl", "-sS", "-i", "--max-time", "60", "-H", "Expect:", "--cacert", $"{Certs}/ca.crt", .. body is null ? (string[])[] : ["--data-binary", "@-"], .. arguments];

    /// <summary>Creates policies: <c>"a b tcp 8080"</c>.</summary>
    public void Allow(params string[] policies) => External("POST", "v1/external/policies", Body(policies)).Is(200);

    public void Revoke(params string[] policies) => External("POST", "v1/external/policies/delete", Body(policies)).Is(200);

    /// <summary>The policies that agents see, as "source tag:destination tag protocol start-end".</summary>
    public string[] Enforced() => [.. Internal("GET", "v1/internal/policies").Json.GetProperty("policies").EnumerateArray().Select(each =>
        $"{each.GetProperty("source").GetProperty("id")}:{each.GetProperty("destination").GetProperty("id")} {each.GetProperty("destination").GetProperty("protocol")} "
        + $"{each.GetProperty("destination").GetProperty("ports").GetProperty("start")}-{each.GetProperty("destination").GetProperty("ports").GetProperty("end")}")];

    /// <summary>A body with policies: <c>"a b tcp 8080"</c> or <c>"a b udp 1000-2000"</c>, in the form of v1.</summary>
    public static string Body(params string[] policies) => new JsonObject
    {
        ["policies"] = new JsonArray([.. policies.Select(each =>
        {
            string[] parts = each.Split(' ');
            string[] ports = parts[3].Split('-');
            return new JsonObject
            {
                ["source"] = new JsonObject { ["id"] = parts[0] },
                ["destination"] = new JsonObject
                {
                    ["id"] = parts[1],
                    ["protocol"] = parts[2],
                    ["ports"] = new JsonObject { ["start"] = int.Parse(ports[0], null), ["end"] = int.Parse(ports[^1], null) },
                },
            };
        })]),
    }.ToJsonString();

    public void Dispose()
    {
        try
        {
            Host.Dispose(); // its servers end first
        }
        finally
        {
            _database.Dispose();
        }
    }

    private static string Whole(string path) => path.StartsWith('/') ? path : $"/networking/{path}";
}
