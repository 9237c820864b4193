using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>The plugins that come behind another one, each alone on an attachment that the same program's bridge made. portmap has rows of its own.</summary>
internal sealed class ChainedScenario() : Scenario("chained")
{
    private static readonly (string Plugin, string Variant, string Keys)[] Plugins =
    [
        ("tuning", "", "'sysctl':{'net.core.somaxconn':'500'},'mtu':1400"),
        ("sbr", "", ""),
        ("vrf", "", "'vrfname':'blue'"),
        ("bandwidth", "", "'ingressRate':10000000,'ingressBurst':8000000,'egressRate':10000000,'egressBurst':8000000"),
        ("firewall", "iptables", "'backend':'iptables'"),
        ("firewall", "nftables", "'backend':'nftables'"),
    ];

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        foreach (var group in Plugins.GroupBy(each => each.Plugin))
        {
            var row = new Row(group.Key, $"{group.Key} on a bridge, dual stack");
            if (group.Key == "vrf" && !Supported(session, row, Operations, "vrf", "table", "5"))
                continue;
            var subjects = new List<Subject>();
            foreach (var (plugin, variant, keys) in group)
            {
                string[] programs = variant == "nftables" ? [Peers.Ours] : [Peers.Ours, Peers.Reference];
                foreach (var program in programs)
                {
                    subjects.AddRange(Plugin(session, row, program, variant, plugin, Operations, (file, host) => new ChainedSubject(
                        program, variant, host, file, BridgeScenario.Configuration("", session.Workspace.NewPath("ipam")), Configuration(plugin, keys), Operations)));
                }
            }

            Alternation.Measure(session, row, subjects, containers: true);
        }
    }

    private static string Configuration(string plugin, string keys) =>
        $"{{'cniVersion':'1.0.0','name':'bench','type':'{plugin}'{(keys.Length > 0 ? "," : "")}{keys}}}".Replace('\'', '"');
}
