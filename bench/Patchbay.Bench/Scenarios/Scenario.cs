using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>A group of rows that can be chosen with <c>--only</c>.</summary>
internal abstract class Scenario(string name)
{
    internal static readonly IReadOnlyList<Scenario> All =
    [
        new StartScenario(), new BridgeScenario(), new ConcurrentScenario(), new PtpScenario(), new PortmapScenario(), new PortmapPacketScenario(),
        new HostLocalScenario(), new DhcpScenario(), new MainScenario(), new ChainedScenario(), new LoadScenario(), new SizeScenario(),
    ];

    internal string Name => name;

    internal abstract void Run(Session session);

    /// <summary>A plugin as a subject, or nothing, with a note in the results, where it is not installed.</summary>
    protected static IEnumerable<Subject> Plugin(
        Session session, Row row, string program, string variant, string plugin, IReadOnlyList<string> operations, Func<string, NetworkNamespace, Subject> create)
    {
        if (session.Peers.Plugin(program, plugin) is { } file)
            return [create(file, session.Workspace.NewHost($"host-{program}"))];
        NotInstalled(session, row, program, variant, operations);
        return [];
    }

    protected static void NotInstalled(Session session, Row row, string program, string variant, IReadOnlyList<string> operations) =>
        Absent(session, row, program, variant, operations, "not installed");

    /// <summary>Whether the kernel has a kind of interface; where not, the row says so instead of figures.</summary>
    protected static bool Supported(Session session, Row row, IReadOnlyList<string> operations, string kind, params string[] options)
    {
        if (session.Kinds.Has(kind, options))
            return true;
        foreach (var program in new[] { Peers.Ours, Peers.Reference })
            Absent(session, row, program, "", operations, "not on this kernel: RESULTS-vm.md");
        return false;
    }

    private static void Absent(Session session, Row row, string program, string variant, IReadOnlyList<string> operations, string why)
    {
        foreach (var operation in operations)
            session.Results.Of(row, operation, program, variant).Absent = why;
    }
}
