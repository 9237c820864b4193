using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>Two hosts with a cable between them, 192.0.2.1 and 192.0.2.2, on which overlay agents run; a controller runs on the first one.</summary>
internal sealed class OverlayHosts : IDisposable
{
    public const string Vtep = "silk-vtep";

    private readonly bool _borrowed;

    public OverlayHosts()
        : this(NeededHost(), TestHost.Create())
    {
        _borrowed = false;
        One.To(Two, "up0", "up0");
        One.Ip("addr add 192.0.2.1/24 dev up0");
        Two.Ip("addr add 192.0.2.2/24 dev up0");
    }

    /// <summary>Hosts with an underlay of their own, which are not disposed with this.</summary>
    public OverlayHosts(TestHost one, TestHost two)
    {
        _borrowed = true;
        One = one;
        Two = two;
        LeaseFile = Path.Combine(One.Directory, "leases.json");
    }

    public TestHost One { get; }

    public TestHost Two { get; }

    /// <summary>The file of leases of tests without a controller.</summary>
    public string LeaseFile { get; }

    public string Certs => Path.Combine(One.Directory, "certs");

    public TestHost Host(int number) => number == 1 ? One : Two;

    public string SubnetFile(int number) => Path.Combine(Host(number).Directory, "subnet.env");

    public string Datastore(int number) => Path.Combine(Host(number).Directory, "store.json");

    /// <summary>Writes the file of leases: <c>"192.0.2.1 10.255.1.0/24"</c>.</summary>
    public void WriteLeases(params IEnumerable<string> leases)
    {
        var list = new JsonArray([.. leases.Select(each => each.Split(' ')).Select(each => new JsonObject { ["underlay_ip"] = each[0], ["overlay_subnet"] = each[1] })]);
        File.WriteAllText($"{LeaseFile}.next", new JsonObject { ["leases"] = list }.ToJsonString());
        File.Move($"{LeaseFile}.next", LeaseFile, overwrite: true);
    }

    /// <summary>The configuration of a host's agent that asks the controller, or reads the file of leases.</summary>
    public JsonObject AgentConfiguration(int number, bool controller)
    {
        var configuration = new JsonObject
        {
            ["underlay_ip"] = $"192.0.2.{number}",
            ["poll_interval"] = 0.1,
            ["datastore"] = Datastore(number),
            ["subnet_file"] = SubnetFile(number),
        };
        if (!controller)
        {
            configuration["lease_file"] = LeaseFile;
            return configuration;
        }

        configuration["connectivity_server_url"] = "https://192.0.2.1:4103";
        configuration["client_timeout_seconds"] = 60;
        configuration["ca_cert_file"] = $"{Certs}/ca.crt";
        configuration["client_cert_file"] = $"{Certs}/client.crt";
        configuration["client_key_file"] = $"{Certs}/client.key";
        return configuration;
    }

    /// <summary>Starts an agent and waits until it listens; it may have no lease yet.</summary>
    public PolicyServerProcess StartAgent(int number, JsonObject configuration, params string[] options) =>
        PolicyServerProcess.Start(Host(number), [PolicyHost.Executable, "overlay", "agent", "--config", Write(number, configuration), .. options]);

    /// <summary>Starts an agent and waits until the host has a lease and its device.</summary>
    public PolicyServerProcess StartAgent(int number, bool controller = false)
    {
        PolicyServerProcess agent = StartAgent(number, AgentConfiguration(number, controller));
        Eventually(() => NetworkInfo(number) is not null, "a lease", agent);
        return agent;
    }

    /// <summary>Runs an agent that is to end by itself.</summary>
    public CommandResult RunAgent(int number, JsonObject configuration) => Host(number).Run(PolicyHost.Executable, "overlay", "agent", "--config", Write(number, configuration));

    public CommandResult Teardown(int number, JsonObject configuration, params string[] options) =>
        Host(number).Run([PolicyHost.Executable, "overlay", "teardown", "--config", Write(number, configuration), .. options]);

    /// <summary>Starts the controller on 192.0.2.1, on SQLite unless told.</summary>
    public PolicyServerProcess StartController(JsonObject? database = null, JsonObject? more = null)
    {
        if (!Directory.Exists(Certs))
            One.Run(PolicyHost.Executable, "policy", "certs", Certs, "--name", "192.0.2.1").Check();
        var configuration = new JsonObject
        {
            ["listen_host"] = "192.0.2.1",
            ["ca_cert_file"] = $"{Certs}/ca.crt",
            ["server_cert_file"] = $"{Certs}/server.crt",
            ["server_key_file"] = $"{Certs}/server.key",
            ["database"] = database ?? new JsonObject { ["type"] = "sqlite", ["path"] = LeaseDatabase },
        };
        foreach ((string key, JsonNode? value) in more ?? [])
            configuration[key] = value?.DeepClone();
        string file = Path.Combine(One.Directory, "controller.json");
        File.WriteAllText(file, configuration.ToJsonString());
        return PolicyServerProcess.Start(One, [PolicyHost.Executable, "overlay", "controller", "--config", file]);
    }

    public string LeaseDatabase => Path.Combine(One.Directory, "leases.db");

    /// <summary>Asks the controller as a host does.</summary>
    public HttpAnswer Ask(string method, string path, string? body = null) => HttpAnswer.Parse(One.Run(
        ["curl", "-sS", "-i", "--max-time", "60", "--cacert", $"{Certs}/ca.crt", "--cert", $"{Certs}/client.crt", "--key", $"{Certs}/client.key", "-X", method,
            .. body is null ? (string[])[] : ["--data-binary", "@-"], $"https://192.0.2.1:4103{path}"], body).Check());

    /// <summary>The controller's leases: <c>"192.0.2.1 10.255.1.0/24"</c>.</summary>
    public string[] Leases() => [.. Ask("GET", "/leases").Is(200).Json.GetProperty("leases").EnumerateArray()
        .Select(each => $"{each.GetProperty("underlay_ip")} {each.GetProperty("overlay_subnet")}").Order(StringComparer.Ordinal)];

    /// <summary>What the agent's local API answers; null before there is a lease.</summary>
    public JsonElement? NetworkInfo(int number)
    {
        HttpAnswer answer = Local(number, "/");
        return answer.Status == 200 ? answer.Json : null;
    }

    public HttpAnswer Local(int number, string path) => HttpAnswer.Parse(Host(number).Run("curl", "-sS", "-i", "--max-time", "60", $"http://127.0.0.1:23954{path}").Check());

    /// <summary>The subnet that a host has; empty while it has none.</summary>
    public string Subnet(int number) => NetworkInfo(number)?.GetProperty("overlay_subnet").GetString() ?? "";

    /// <summary>The first address of a subnet, at which its host answers.</summary>
    public static string Base(string subnet) => subnet.Split('/')[0];

    /// <summary>Routes to other hosts, by ip(8).</summary>
    public string[] Routes(int number) => [.. Host(number).IpJson($"route show dev {Vtep}").EnumerateArray()
        .Where(each => each.TryGetProperty("gateway", out _)).Select(each => each.GetProperty("dst").GetString()!).Order(StringComparer.Ordinal)];

    /// <summary>Where frames to other hosts' Ethernet addresses go, by bridge(8).</summary>
    public string[] BridgeEntries(int number) => [.. Host(number).BridgeJson($"fdb show dev {Vtep}").EnumerateArray()
        .Select(each => $"{each.GetProperty("mac")} {each.GetProperty("dst")}").Order(StringComparer.Ordinal)];

    public bool Pings(int from, string address) => Host(from).Run("ping", "-c", "1", "-W", "2", address).ExitCode == 0;

    public int Index(int number) => Host(number).IpJson($"link show dev {Vtep}")[0].GetProperty("ifindex").GetInt32();

    /// <summary>Pings all the time until <see cref="Lost"/> is asked.</summary>
    public Process StartPing(int from, string address)
    {
        Process ping = Host(from).Start(["ping", "-i", "0.05", address]);
        // What it will do, and the first answer.
        Assert.NotNull(ping.NextLine());
        Assert.NotNull(ping.NextLine());
        return ping;
    }

    /// <summary>Ends a ping that was started, after ten packets at least.</summary>
    /// <returns>How many of its packets were not answered, at the moment when the fewest were on their way.</returns>
    public static int Lost(Process ping)
    {
        int fewest = int.MaxValue;
        SpinWait.SpinUntil(() =>
        {
            // By SIGQUIT ping(8) tells on standard error how it stands: 5/6 packets, 16% loss, ...
            Command.Run(["kill", "-QUIT", $"{ping.Id}"]).Check();
            string? line;
            do
            {
                Task<string?> next = ping.StandardError.ReadLineAsync();
                Assert.True(next.Wait(Command.DefaultLimit), "ping does not tell how it stands");
                line = next.Result;
            }
            while (line == ""); // it begins with a carriage return
            Assert.NotNull(line);
            int[] counts = [.. line.Split(' ')[0].Split('/').Select(count => int.Parse(count, CultureInfo.InvariantCulture))];
            if (counts[1] >= 10)
                fewest = Math.Min(fewest, counts[1] - counts[0]);
            return fewest == 0;
        }, TimeSpan.FromSeconds(10));
        Command.Run(["kill", "-INT", $"{ping.Id}"]).Check();
        return fewest;
    }

    /// <summary>What every test here needs.</summary>
    public static void CheckNeeds()
    {
        Needs.Vxlan();
        Assert.SkipUnless(File.Exists(PolicyHost.Executable), $"needs {PolicyHost.Executable}; run make build, or set PATCHBAY_BIN");
    }

    /// <summary>Waits for something of an agent's; what it logged is shown when that does not come.</summary>
    public static void Eventually(Func<bool> holds, string what, PolicyServerProcess? agent = null)
    {
        try
        {
            Wait.Until(what, holds);
        }
        catch (Xunit.Sdk.FailException e) when (agent is not null)
        {
            Assert.Fail($"{e.Message}\n{agent.Log}");
        }
    }

    public void Dispose()
    {
        if (_borrowed)
            return;
        One.Dispose();
        Two.Dispose();
    }

    /// <summary>Connects a container by the flannel plugin and the agent's subnet.env.</summary>
    public (TestNamespace Container, string Address) AddContainer(int number)
    {
        TestHost host = Host(number);
        TestNamespace container = host.AddContainer();
        string config = $$"""
            { "cniVersion": "1.0.0", "name": "net", "type": "flannel", "subnetFile": "{{SubnetFile(number)}}", "dataDir": "{{host.DataDirectory}}/flannel",
              "ipam": { "dataDir": "{{host.DataDirectory}}/ipam" }, "delegate": { "bridge": "cni-flannel0", "isDefaultGateway": true, "ipMasq": false } }
            """;
        PluginResult added = new Plugin(host, "flannel").Add(container, config).Check();
        return (container, added.Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0]);
    }

    private static TestHost NeededHost()
    {
        CheckNeeds();
        return TestHost.Create();
    }

    private string Write(int number, JsonObject configuration)
    {
        string file = Path.Combine(Host(number).Directory, $"overlay-{Guid.NewGuid():N}.json");
        File.WriteAllText(file, configuration.ToJsonString());
        return file;
    }
}
