using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>A host with a Yggdrasil node of its own, the real daemon, and the chain bridge, yggoverlay.</summary>
internal sealed class YggHost : IDisposable
{
    private readonly string _addresses;
    private readonly string _program;
    private readonly bool _borrowed;
    private Process? _daemon;

    /// <param name="ranges">host-local's.</param>
    /// <param name="generation">Of the daemon: 0.4 is that of Debian's release, 0.5 that of its backports (hack/yggdrasil).</param>
    /// <param name="host">An engine's host, which is not disposed with this one; null for one of its own.</param>
    public YggHost(string ranges = Conf.Dual, string generation = "0.4", TestHost? host = null)
    {
        Plugin.NeedsOurs("yggoverlay", "bridge", "host-local");
        _program = ProgramOf(generation);
        Host = host ?? TestHost.Create();
        _borrowed = host is not null;
        _addresses = ranges;
        Ygg = new Plugin(Host, "yggoverlay");
        NewKey();
    }

    public TestHost Host { get; }

    public Plugin Ygg { get; }

    public string AdminSocket => Path.Combine(Host.Directory, "admin.sock");

    /// <summary>yggoverlay's dataDir.</summary>
    public string States => Path.Combine(Host.DataDirectory, "yggoverlay");

    /// <summary>The node's own address.</summary>
    public string NodeAddress => Ask("-address");

    /// <summary>The node's configuration; written at each start.</summary>
    public JsonObject NodeConfig { get; private set; } = null!;

    /// <summary>The node's /64 without its length: 3xx:…:: .</summary>
    public string Prefix => Ask("-subnet").Replace("/64", "", StringComparison.Ordinal);

    public string Gateway => $"{Prefix}1";

    /// <summary>The reservations' files.</summary>
    public string[] Reserved => Directory.Exists(States)
        ? [.. Directory.GetFiles(States, "*", SearchOption.AllDirectories).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)] : [];

    /// <summary>The address that a name has here, by the tool.</summary>
    public string AddressOf(string name) =>
        Host.Run(Path.Combine(Plugin.OursDirectory, "patchbay-cni"), "ygg-address", name, "--subnet", $"{Prefix}/64").Check().StandardOutput.Trim();

    /// <summary>A new identity for the node, peers and listeners as before.</summary>
    public void NewKey()
    {
        JsonObject fresh = JsonNode.Parse(Command.Run([_program, "-genconf", "-json"]).Check().StandardOutput)!.AsObject();
        fresh["AdminListen"] = $"unix://{AdminSocket}";
        fresh["MulticastInterfaces"] = new JsonArray();
        fresh["IfName"] = "ygg0";
        fresh["Listen"] = NodeConfig?["Listen"]?.DeepClone() ?? new JsonArray();
        fresh["Peers"] = NodeConfig?["Peers"]?.DeepClone() ?? new JsonArray();
        NodeConfig = fresh;
    }

    /// <summary>Starts the daemon and waits until its interface has its address.</summary>
    public void Start()
    {
        string address = NodeAddress;
        _daemon = Host.Start([_program, "-useconffile", WriteConfig(), "-logto", Log]);
        Wait.Until("the node to be up", () => IsRunning() && IsListening() && (NodeConfig["IfName"]!.ToString() == "none" || Host.Run("ip", "-6", "addr", "show", "dev", "ygg0").StandardOutput.Contains(address, StringComparison.Ordinal)));
    }

    /// <summary>Ends the daemon; without grace its socket stays behind.</summary>
    public void Stop(bool crash = false)
    {
        if (crash)
            _daemon!.Kill();
        else
            Command.Run(["kill", _daemon!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).Check();
        Assert.True(_daemon.WaitForExit(Command.DefaultLimit));
        Wait.Until("the node's interface to go", () => !Host.HasLink("ygg0"));
    }

    /// <summary>Makes two hosts neighbours by a wire of their own, and their nodes peers.</summary>
    public void Peer(YggHost other)
    {
        Host.Run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", other.Host.Name).Check();
        (YggHost Each, string Address)[] ends = [(this, "192.0.2.1/24"), (other, "192.0.2.2/24")];
        foreach ((YggHost each, string address) in ends)
        {
            each.Host.Run("ip", "addr", "add", address, "dev", "wire").Check();
            each.Host.Run("ip", "link", "set", "wire", "up").Check();
        }

        NodeConfig["Listen"] = new JsonArray("tcp://192.0.2.1:7743");
        other.NodeConfig["Peers"] = new JsonArray("tcp://192.0.2.1:7743");
    }

    /// <summary>Waits until the mesh leads to an address.</summary>
    public static void Reach(TestNamespace from, string address) =>
        Wait.Until($"{address} to answer {from.Name}", () => from.Run("ping", "-c", "1", "-W", "2", address).ExitCode == 0);

    public string BridgeConfig(string bridge = "cni0", string version = "1.0.0") =>
        Conf.Bridge(Host, $$"""{ "isGateway": true, "bridge": "{{bridge}}" }""", version, _addresses, _addresses.Contains("::", StringComparison.Ordinal) ? """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""" : """[{ "dst": "0.0.0.0/0" }]""");

    /// <summary>yggoverlay's configuration.</summary>
    /// <param name="previous">The result before, or null.</param>
    /// <param name="keys">More keys.</param>
    /// <param name="version">cniVersion.</param>
    public string Config(CommandResult? previous = null, string keys = "{}", string version = "1.0.0")
    {
        JsonObject config = JsonNode.Parse($$"""{ "cniVersion": "{{version}}", "name": "net", "type": "yggoverlay", "adminSocket": "unix://{{AdminSocket}}", "dataDir": "{{States}}" }""")!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            config.Remove(key);
            if (value is not null)
                config[key] = value.DeepClone();
        }

        if (previous is not null)
            config["prevResult"] = JsonNode.Parse(previous.StandardOutput);
        return config.ToJsonString();
    }

    /// <summary>The chain's ADD, as nerdctl calls it.</summary>
    public PluginResult Add(TestNamespace container, string name, string keys = "{}", string bridge = "cni0", string version = "1.0.0") =>
        TryAdd(container, name, keys, bridge, version).Check();

    public PluginResult TryAdd(TestNamespace container, string name, string keys = "{}", string bridge = "cni0", string version = "1.0.0")
    {
        PluginResult bridged = new Plugin(Host, "bridge").Add(container, BridgeConfig(bridge, version)).Check();
        return Ygg.Add(container, Config(bridged, keys, version), args: $"NERDCTL_CNI_DHCP_HOSTNAME={name};IgnoreUnknown=1");
    }

    /// <summary>The chain's DEL, last plugin first.</summary>
    public void Delete(TestNamespace container, CommandResult? added = null, string keys = "{}", string bridge = "cni0")
    {
        Ygg.Delete(container, Config(added, keys)).Check();
        new Plugin(Host, "bridge").Delete(container, BridgeConfig(bridge)).Check();
    }

    /// <summary>Waits until a server of the mesh tells where a question of the container's came from.</summary>
    public static string Ask(TestNamespace from, string address, int port)
    {
        string? said = null;
        Wait.Until($"{address} port {port} to answer {from.Name}", () => (said = EchoServer.AskTcp(from, address, port)) is not null);
        return said!;
    }

    private bool IsRunning()
    {
        if (_daemon!.HasExited)
            Assert.Fail($"the node has ended with status {_daemon.ExitCode}: {_daemon.StandardError.ReadToEnd()}{(File.Exists(Log) ? File.ReadAllText(Log) : "")}");
        return true;
    }

    // Where it listens elsewhere, the plugin's first question is answered or refused at once.
    private bool IsListening() => NodeConfig["AdminListen"]?.ToString() is not { } told || !told.StartsWith("unix:///", StringComparison.Ordinal) || File.Exists(told["unix://".Length..]);

    private string Log => Path.Combine(Host.Directory, "yggdrasil.log");

    public void Dispose()
    {
        if (!_borrowed)
            Host.Dispose();
    }

    private static string ProgramOf(string generation)
    {
        if (generation == "0.4")
            return "yggdrasil";
        string program = Repository.PathOf("artifacts/yggdrasil/usr/sbin/yggdrasil");
        Assert.SkipUnless(File.Exists(program), "needs Yggdrasil 0.5, which hack/yggdrasil fetches from Debian's backports");
        return program;
    }

    private string Ask(string option) => Command.Run([_program, "-useconffile", WriteConfig(), option]).Check().StandardOutput.Trim();

    private string WriteConfig()
    {
        string file = Path.Combine(Host.Directory, "yggdrasil.conf");
        string text = NodeConfig.ToJsonString();
        // Not while a daemon that has just been started reads it.
        if (!File.Exists(file) || File.ReadAllText(file) != text)
            File.WriteAllText(file, text);
        return file;
    }
}
