using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>ptp and host-local, dual stack. The reference waits for duplicate address detection on a link with two ends.</summary>
internal sealed class PtpScenario() : Scenario("ptp")
{
    internal static readonly Row Attached = new("ptp", "ptp + host-local, dual stack");

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        Subject[] subjects =
        [
            .. new[] { Peers.Ours, Peers.Reference }.SelectMany(program => Plugin(session, Attached, program, "", "ptp", Operations, (file, host) =>
                new CniSubject(program, "", host, file, Configuration(session.Workspace.NewPath("ipam")), Operations))),
        ];
        Alternation.Measure(session, Attached, subjects, containers: true, (subject, operation, attachment) =>
            Verification.Attached(subject, operation, attachment, masquerade: false));
    }

    private static string Configuration(string dataDirectory) => $$"""
        {"cniVersion":"1.0.0","name":"bench","type":"ptp",
        "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}],[{"subnet":"fd88::/64"}]],
        "routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"dataDir":"{{dataDirectory}}"} }
        """;
}
