using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>The usual network of a container: bridge and host-local, dual stack, default routes, without and with masquerade.</summary>
internal sealed class BridgeScenario() : Scenario("bridge")
{
    internal static readonly Row Plain = new("bridge", "bridge + host-local, dual stack");
    internal static readonly Row Masquerade = new("bridge-masq", "bridge + host-local, dual stack, ipMasq");

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        foreach (var row in new[] { Plain, Masquerade })
        {
            var masquerade = row == Masquerade;
            var subjects = Subjects(session, row, masquerade, Operations);
            KeepNeighbour(session, row, subjects);
            Alternation.Measure(session, row, subjects, containers: true, verify: (subject, operation, attachment) =>
                Verification.Attached(subject, operation, attachment, masquerade));
        }
    }

    internal static List<Subject> Subjects(Session session, Row row, bool masquerade, IReadOnlyList<string> operations)
    {
        var subjects = new List<Subject>();
        (string, string)[] plugins = masquerade
            ? [(Peers.Ours, "nftables"), (Peers.Ours, "iptables"), (Peers.Reference, "iptables")]
            : [(Peers.Ours, ""), (Peers.Reference, "")];
        foreach (var (program, variant) in plugins)
        {
            subjects.AddRange(Plugin(session, row, program, variant, "bridge", operations, (file, host) =>
                new CniSubject(program, variant, host, file, Configuration(variant, session.Workspace.NewPath("ipam")), operations)));
        }

        // netavark masquerades always, so it has no place in the row without.
        if (masquerade && session.Peers.NetavarkFile is { } netavark)
        {
            var directory = session.Workspace.NewPath("netavark");
            Directory.CreateDirectory(directory);
            subjects.Add(new NetavarkSubject(session.Workspace.NewHost("host-netavark"), netavark, directory));
        }
        else if (masquerade)
        {
            NotInstalled(session, row, Peers.Netavark, "iptables", ["ADD", "DEL"]);
        }

        if (session.Peers.LimitFile is { } limit)
        {
            var directory = session.Workspace.NewPath("ipam");
            Directory.CreateDirectory(directory);
            subjects.Add(new LimitSubject(session.Workspace.NewHost("host-limit"), limit, directory, masquerade));
        }
        else
        {
            NotInstalled(session, row, Peers.Limit, masquerade ? "nftables" : "", ["ADD", "DEL"]);
        }
        return subjects;
    }

    /// <summary>The network configuration; a variant names the masquerade backend, none means no masquerade.</summary>
    internal static string Configuration(string variant, string dataDirectory, bool dualStack = true)
    {
        var second = dualStack ? """,[{"subnet":"fd88::/64"}]""" : "";
        var masquerade = variant.Length == 0 ? "" : $"\"ipMasq\":true,\"ipMasqBackend\":\"{variant}\",";
        return $$"""
            {"cniVersion":"1.0.0","name":"bench","type":"bridge","bridge":"cni0","isGateway":true,"isDefaultGateway":true,{{masquerade}}
            "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}]{{second}}],"dataDir":"{{dataDirectory}}"} }
            """;
    }

    /// <summary>
    /// Attaches one container that stays. On a host in use the bridge and the chains exist; netavark would otherwise make and remove them on each call.
    /// </summary>
    internal static void KeepNeighbour(Session session, Row row, List<Subject> subjects)
    {
        foreach (var subject in subjects.ToArray())
        {
            var neighbour = new Attachment(1, session.Workspace.NewNamespace("neighbour"));
            var outcome = subject.Host.Run(() => subject.Do("ADD", neighbour));
            if (outcome.ExitCode == 0)
                continue;
            Session.Log($"  {subject.Label} ADD: {outcome.Message}");
            session.Results.Of(row, "ADD", subject.Program, subject.Variant).Note = $"failed: {outcome.Message}";
            subjects.Remove(subject);
        }
    }
}
