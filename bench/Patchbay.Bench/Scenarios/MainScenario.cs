using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>The plugins that make an interface and are no bridge and no ptp, each with one static address.</summary>
internal sealed class MainScenario() : Scenario("main")
{
    // Written with single quotes, for there are many.
    private const string Ipam = "'ipam':{'type':'static','addresses':[{'address':'10.88.0.2/16','gateway':'10.88.0.1'}]}";

    // With what ip-link(8) needs behind the name, where it is a kind of interface that a kernel may lack.
    private static readonly (string Plugin, string Keys, string[]? Kind)[] Plugins =
    [
        ("macvlan", "'master':'uplink0','mode':'bridge',", null),
        ("ipvlan", "'master':'uplink0','mode':'l2',", []),
        ("vlan", "'master':'uplink0','vlanId':5,", ["id", "5"]),
        ("dummy", "", []),
        ("tap", "'owner':0,'group':0,", null),
        ("host-device", "'device':'uplink0',", null),
    ];

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        Flannel(session);
        foreach (var (plugin, keys, kind) in Plugins)
        {
            var row = new Row(plugin, $"{plugin} + static");
            if (kind is not null && !Supported(session, row, Operations, plugin, kind))
                continue;
            var configuration = $"{{'cniVersion':'1.0.0','name':'bench','type':'{plugin}',{keys}{Ipam}}}".Replace('\'', '"');
            Subject[] subjects =
            [
                .. new[] { Peers.Ours, Peers.Reference }.SelectMany(program => Plugin(session, row, program, "", plugin, Operations, (file, host) =>
                    new CniSubject(program, "", WithUplink(host), file, configuration, Operations))),
            ];
            Alternation.Measure(session, row, subjects, containers: true);
        }
    }

    // A cable to nowhere plays the host's network card.
    private static NetworkNamespace WithUplink(NetworkNamespace host)
    {
        host.Run(() =>
        {
            Spawn.Expect(Command.Of("ip", "link", "add", "uplink0", "type", "veth", "peer", "name", "uplink1"));
            Spawn.Expect(Command.Of("ip", "link", "set", "uplink0", "up"));
            return Spawn.Expect(Command.Of("ip", "link", "set", "uplink1", "up"));
        });
        return host;
    }

    // Debian has no flannel to compare with: its CNI plugin is a package of flannel's own.
    private static void Flannel(Session session)
    {
        var row = new Row("flannel", "flannel, by bridge and host-local");
        var directory = session.Workspace.NewPath("flannel");
        Directory.CreateDirectory(directory);
        var lease = Path.Combine(directory, "subnet.env");
        File.WriteAllText(lease, "FLANNEL_NETWORK=10.88.0.0/16\nFLANNEL_SUBNET=10.88.5.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        var configuration =
            $"{{'cniVersion':'1.0.0','name':'bench','type':'flannel','subnetFile':'{lease}','dataDir':'{directory}/state','ipam':{{'dataDir':'{directory}/ipam'}}}}".Replace('\'', '"');
        Subject[] subjects =
        [
            .. new[] { Peers.Ours, Peers.Reference }.SelectMany(program => Plugin(session, row, program, "", "flannel", Operations, (file, host) =>
                new CniSubject(program, "", host, file, configuration, Operations))),
        ];
        Alternation.Measure(session, row, subjects, containers: true);
    }
}
