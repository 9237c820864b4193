using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>
/// A host with an interface up0 that leads to a network where a neighbour has 10.22.0.1 and fd22::1, for plugins that put a container's
/// interface on top of up0: macvlan, ipvlan, vlan. For the latter the neighbour is in VLAN 5.
/// </summary>
internal sealed class Lan : IDisposable
{
    public const string Default = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";

    private readonly string _type;

    /// <param name="type">The plugin.</param>
    /// <param name="refusing">No link is ever made, so the kernel need not know the kind.</param>
    public Lan(string type, bool refusing = false)
    {
        _type = type;
        SystemTests.Harness.Plugin.NeedsOurs(type, "host-local", "static");
        if (!refusing)
            NeedsKind(type);
        Host = TestHost.Create();
        Neighbour = Host.AddContainer();
        Container = Host.AddContainer();
        Plugin = new Plugin(Host, type);
        Connect(Host, "up0");
    }

    public static TheoryData<string> Types { get; } = ["macvlan", "ipvlan", "vlan"];

    public TestHost Host { get; }

    public TestNamespace Neighbour { get; }

    public TestNamespace Container { get; }

    public Plugin Plugin { get; }

    public void Dispose() => Host.Dispose();

    public static void NeedsKind(string type)
    {
        switch (type)
        {
            case "macvlan": Needs.Macvlan(); break;
            case "ipvlan": Needs.Ipvlan(); break;
            default: Needs.Vlan(); break;
        }
    }

    /// <summary>Leads an interface of a host or container to the neighbour, who has the addresses there; one at a time.</summary>
    public void Connect(TestNamespace space, string name)
    {
        Neighbour.Run("ip", "link", "del", "lan0");
        space.Run("ip", "link", "add", name, "up", "type", "veth", "peer", "name", "lan0", "netns", Neighbour.Name).Check();
        Neighbour.Run("ip", "link", "set", "lan0", "up").Check();
        string lan = "lan0";
        if (_type == "vlan" && Neighbour.Run("ip", "link", "add", "link", "lan0", "name", "lan0.5", "type", "vlan", "id", "5").ExitCode == 0)
            Neighbour.Run("ip", "link", "set", lan = "lan0.5", "up").Check();
        Neighbour.Run("ip", "addr", "add", "10.22.0.1/24", "dev", lan).Check();
        Neighbour.Run("ip", "addr", "add", "fd22::1/64", "dev", lan, "nodad").Check();
    }

    /// <summary>A configuration with up0 as master, VLAN 5 where there is one, and host-local; keys that are null are left out.</summary>
    public string Config(string keys = "{}", string version = "1.0.0", string ranges = Conf.Dual, string routes = "[]")
    {
        JsonObject all = JsonNode.Parse(_type == "vlan" ? """{ "master": "up0", "vlanId": 5 }""" : """{ "master": "up0" }""")!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            all[key] = value?.DeepClone();
        return Conf.Make(Host, _type, all.ToJsonString(), version, ranges, routes);
    }

    /// <summary>Addresses that are given out, in order.</summary>
    public string[] Reservations(string network = "net") =>
    [
        .. Directory.GetFiles(Directory.CreateDirectory(Path.Combine(Host.DataDirectory, network)).FullName).Select(file => Path.GetFileName(file)!)
            .Where(name => name != "lock" && !name.StartsWith("last_reserved_ip.", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    /// <summary>The settings of a container's interface that belong to its kind, which must be the plugin's.</summary>
    public JsonElement Data(string name = "eth0")
    {
        JsonElement info = Container.Link(name).GetProperty("linkinfo");
        Assert.Equal(_type, info.Text("info_kind"));
        return info.GetProperty("info_data");
    }
}
