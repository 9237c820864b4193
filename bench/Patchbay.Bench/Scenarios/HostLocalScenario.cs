using System.Globalization;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>host-local alone, by the number of reservations that the directory already holds.</summary>
internal sealed class HostLocalScenario() : Scenario("host-local")
{
    internal static readonly Row Empty = Among(0);
    internal static readonly Row Full = Among(50_000);
    internal static readonly Row Foreign = new("host-local-foreign", "host-local among 50,000 reservations, right after another program wrote one");

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    internal override void Run(Session session)
    {
        Measure(session, 0, [(Empty, false)]);
        Measure(session, 1_000, [(Among(1_000), false)]);
        Measure(session, 50_000, [(Full, false), (Foreign, true)]);
    }

    private static void Measure(Session session, int reservations, (Row Row, bool ForeignWrites)[] rows)
    {
        var directories = new Dictionary<string, string>();
        foreach (var program in new[] { Peers.Ours, Peers.Reference })
        {
            directories[program] = session.Workspace.NewPath("reservations");
            if (session.Peers.Plugin(program, "host-local") is not null)
                HostLocalSubject.Fill(directories[program], reservations);
        }
        Spawn.Expect(Command.Of("sync"));   // no write-back while others are measured
        foreach (var (row, foreignWrites) in rows)
        {
            Subject[] subjects =
            [
                .. directories.SelectMany(entry => Plugin(session, row, entry.Key, "", "host-local", Operations, (file, host) =>
                    new HostLocalSubject(entry.Key, host, file, entry.Value, foreignWrites, Operations))),
            ];
            Alternation.Measure(session, row, subjects, containers: false);
        }
        foreach (var directory in directories.Values.Where(Directory.Exists))
            Directory.Delete(directory, recursive: true);
    }

    private static Row Among(int reservations) => new(
        string.Create(CultureInfo.InvariantCulture, $"host-local-{reservations}"),
        string.Create(CultureInfo.InvariantCulture, $"host-local among {reservations:n0} reservations"));
}
