using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>portmap alone, by the number of published ports.</summary>
internal sealed class PortmapScenario() : Scenario("portmap")
{
    internal static readonly Row TenPorts = new("portmap", "portmap, 10 ports, dual stack");

    // The reference runs a program or more for each port, so with many it is asked once, after the rounds that warm up.
    private static readonly (Row Row, int Ports, bool DualStack, int Runs)[] Rows =
    [
        (TenPorts, 10, true, int.MaxValue),
        (new("portmap-4", "portmap, 10 ports, IPv4"), 10, false, int.MaxValue),
        (new("portmap-1", "portmap, 1 port, dual stack"), 1, true, int.MaxValue),
        (new("portmap-100", "portmap, 100 ports, dual stack"), 100, true, int.MaxValue),
        (new("portmap-1000", "portmap, 1,000 ports, dual stack, one run"), 1000, true, 1),
    ];

    internal override void Run(Session session)
    {
        foreach (var (row, ports, dualStack, runs) in Rows)
        {
            // The CHECK of the reference 1.1.1 fails on either, as it looks for the rules of one family in the tables of the other.
            string[] operations = dualStack ? ["ADD", "DEL"] : ["ADD", "CHECK", "DEL"];
            var subjects = new List<Subject>();
            foreach (var (program, backend) in new[] { (Peers.Ours, "nftables"), (Peers.Ours, "iptables"), (Peers.Reference, "iptables") })
            {
                subjects.AddRange(Plugin(session, row, program, backend, "portmap", operations, (file, host) =>
                    new ChainedSubject(
                        program, backend, host, file, BridgeScenario.Configuration("", session.Workspace.NewPath("ipam"), dualStack), Configuration(backend, ports), operations)));
            }

            Alternation.Measure(session, row, subjects, containers: true, runs: runs);
        }
    }

    // The reference of Debian 12 knows no "backend" yet, and passes over it.
    private static string Configuration(string backend, int ports) => $$"""
        {"cniVersion":"1.0.0","name":"bench","type":"portmap","backend":"{{backend}}","snat":true,"capabilities":{"portMappings":true},
        "runtimeConfig":{"portMappings":[{{ChainedSubject.Mappings(ports)}}]} }
        """;
}
