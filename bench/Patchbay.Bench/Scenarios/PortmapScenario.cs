using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>portmap alone with ten published ports.</summary>
internal sealed class PortmapScenario() : Scenario("portmap")
{
    internal static readonly Row TenPorts = new("portmap", "portmap, 10 ports, dual stack");

    // No CHECK: that of the reference 1.1.1 fails on two families, as it looks for the v4 rules in the v6 chain.
    private static readonly string[] Operations = ["ADD", "DEL"];

    internal override void Run(Session session)
    {
        var subjects = new List<Subject>();
        foreach (var (program, backend) in new[] { (Peers.Ours, "nftables"), (Peers.Ours, "iptables"), (Peers.Reference, "iptables") })
        {
            subjects.AddRange(Plugin(session, TenPorts, program, backend, "portmap", Operations, (file, host) =>
                new ChainedSubject(program, backend, host, file, BridgeScenario.Configuration("", session.Workspace.NewPath("ipam")), Configuration(backend), Operations)));
        }
        Alternation.Measure(session, TenPorts, subjects, containers: true);
    }

    private static string Configuration(string backend) => $$"""
        {"cniVersion":"1.0.0","name":"bench","type":"portmap","backend":"{{backend}}","snat":true,"capabilities":{"portMappings":true},
        "runtimeConfig":{"portMappings":[{{ChainedSubject.Mappings(10)}}]} }
        """;
}
