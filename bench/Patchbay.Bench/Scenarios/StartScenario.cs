using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>What any call costs at least: the start of the process, and loopback, which runtimes call for every container.</summary>
internal sealed class StartScenario() : Scenario("start")
{
    internal static readonly Row Version = new("start", "process start: `bridge` answering VERSION");
    internal static readonly Row Loopback = new("loopback", "loopback");

    internal override void Run(Session session)
    {
        Measure(session, Version, "bridge", """{"cniVersion":"1.0.0"}""", ["VERSION"], containers: false);
        Measure(session, Loopback, "loopback", """{"cniVersion":"1.0.0","name":"lo","type":"loopback"}""", ["ADD", "CHECK", "DEL"], containers: true);
    }

    private static void Measure(Session session, Row row, string plugin, string configuration, IReadOnlyList<string> operations, bool containers)
    {
        Subject[] subjects =
        [
            .. new[] { Peers.Ours, Peers.Reference }.SelectMany(program => Plugin(
                session, row, program, "", plugin, operations, (file, host) => new CniSubject(program, "", host, file, configuration, operations))),
        ];
        Alternation.Measure(session, row, subjects, containers);
    }
}
