using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>A host with a Yggdrasil node of its own, Debian's daemon, and the chain bridge, yggoverlay.</summary>
internal sealed class YggHost : IDisposable
{
    private static readonly TimeSpan Limit = Command.DefaultLimit;
    private readonly string _addresses;
    private Process? _daemon;

    /// <param name="ranges">host-local's.</param>
    public YggHost(string ranges = Conf.Dual)
    {
        Plugin.NeedsOurs("yggoverlay", "bridge", "host-local");
        Host = TestHost.Create();
        _addresses = ranges;
        Ygg = new Plugin(Host, "yggoverlay");
        NewKey();
    }

    public TestHost Host { get; }

    public Plugin Ygg { get; }

    public string AdminSocket => Path.Combine(Host.Directory, "admin.sock");

    /// <summary>yggoverlay's dataDir.</summary>
    public string States => Path.Combine(Host.DataDirectory, "yggoverlay");

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
        JsonObject fresh = JsonNode.Parse(Command.Run(["yggdrasil", "-genconf", "-json"]).Check().StandardOutput)!.AsObject();
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
        string address = Ask("-address");
        _daemon = Host.Start(["yggdrasil", "-useconffile", WriteConfig(), "-logto", Log]);
        Eventually(() => IsRunning() && File.Exists(AdminSocket) && (NodeConfig["IfName"]!.ToString() == "none" || Host.Run("ip", "-6", "addr", "show", "dev", "ygg0").StandardOutput.Contains(address, StringComparison.Ordinal)), "the node to be up");
    }

    /// <summary>Ends the daemon; without grace its socket stays behind.</summary>
    public void Stop(bool crash = false)
    {
        if (crash)
            _daemon!.Kill();
        else
            Command.Run(["kill", _daemon!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).Check();
        Assert.True(_daemon.WaitForExit(Limit));
        Eventually(() => !Host.HasLink("ygg0"), "the node's interface to go");
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

    public string BridgeConfig(string bridge = "cni0", string version = "1.0.0") =>
        Conf.Bridge(Host, $$"""{ "isGateway": true, "bridge": "{{bridge}}" }""", version, _addresses, _addresses.Contains(':', StringComparison.Ordinal) ? """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""" : """[{ "dst": "0.0.0.0/0" }]""");

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

    public static void Eventually(Func<bool> condition, string what)
    {
        long started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Limit, $"waited in vain for {what}");
            Thread.Sleep(20);
        }
    }

    private bool IsRunning()
    {
        Assert.False(_daemon!.HasExited, $"the node has ended: {(File.Exists(Log) ? File.ReadAllText(Log) : "it left no log")}");
        return true;
    }

    private string Log => Path.Combine(Host.Directory, "yggdrasil.log");

    public void Dispose() => Host.Dispose();

    private string Ask(string option) => Command.Run(["yggdrasil", "-useconffile", WriteConfig(), option]).Check().StandardOutput.Trim();

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
