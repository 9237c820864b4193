using System.Globalization;
using Patchbay.Bench.Report;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench;

/// <summary>Runs the programs of a row in turn, A B A B …, so that whatever else the machine does falls on all of them.</summary>
internal static class Alternation
{
    // Longer than the kernel takes to free what the call before has left (RCU, 10 to 20 ms). A deletion waits for all of that, whoever left it,
    // so that without a pause a program is the slower the sooner it gets to its own.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // The first sets up what stays (bridge, chains), the second is what every later call looks like and is the one that is checked.
    private const int WarmUps = 2;

    // Number 1 is that of a neighbour that stays.
    private const int FirstIndex = 2;

    /// <summary>Measures a row.</summary>
    /// <param name="session">The run.</param>
    /// <param name="row">Where the figures go.</param>
    /// <param name="subjects">The programs.</param>
    /// <param name="containers">Whether every round needs a fresh namespace.</param>
    /// <param name="verify">Looks at the system after a call of a warm-up and says what is wrong, null if nothing is.</param>
    /// <param name="runs">How many rounds at the most: few where one takes minutes.</param>
    internal static void Measure(
        Session session, Row row, IReadOnlyList<Subject> subjects, bool containers, Func<Subject, string, Attachment, string?>? verify = null,
        int runs = int.MaxValue)
    {
        Session.Log($"{row.Id}: {row.Title}");
        var plan = new List<(Subject Subject, int Round, Attachment Attachment)>();
        for (var round = 0; round < Math.Min(runs, session.Options.Runs) + WarmUps; round++)
        {
            // Every other round goes backwards: nobody always runs in the wake of the same neighbour.
            foreach (var subject in round % 2 == 0 ? subjects : subjects.Reverse())
                plan.Add((subject, round, new Attachment(round + FirstIndex, containers ? session.Workspace.NewNamespace("container") : null)));
        }

        var failed = new HashSet<Subject>();
        foreach (var (subject, round, attachment) in plan)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            if (failed.Contains(subject))
                continue;
            // strace multiplies a time that is long already.
            var countProcesses = round == 0 && runs == int.MaxValue && Command.Locate("strace") is not null;
            subject.Host.Run(() => Round(session, row, subject, attachment, round < WarmUps, countProcesses, round == WarmUps - 1 ? verify : null, failed));
        }
        session.Workspace.RemoveNamespaces();
        Summary(session, row);
    }

    private static bool Round(
        Session session, Row row, Subject subject, Attachment attachment, bool warmUp, bool countProcesses, Func<Subject, string, Attachment, string?>? verify,
        HashSet<Subject> failed)
    {
        foreach (var operation in subject.Operations)
        {
            var series = session.Results.Of(row, operation, subject.Program, subject.Variant);
            var measurePeak = warmUp && !countProcesses && session.Peers.PeakFile is not null;
            var peakFile = Path.Combine(session.Workspace.Directory, "peak.kib");
            var traceFile = Path.Combine(session.Workspace.Directory, "programs.trace");
            Func<Command, Command>? through = countProcesses ? call => call.Traced(traceFile)!
                : measurePeak ? call => call.Through(session.Peers.PeakFile!, peakFile)
                : null;
            if (operation == "DEL")
                Thread.Sleep(Pause);
            var outcome = subject.Do(operation, attachment, through);
            var wrong = outcome.ExitCode == 0 ? verify?.Invoke(subject, operation, attachment) : outcome.Message;
            if (wrong is not null)
            {
                if (series.Note is null)
                    Session.Log($"  {subject.Label} {operation}: {wrong}");
                series.Note ??= $"failed: {wrong}";
                // Without an ADD there is nothing to measure; a CHECK that fails says nothing about DEL.
                if (operation != "CHECK")
                    failed.Add(subject);
                if (operation == subject.Operations[0])
                    break;
                continue;
            }
            if (countProcesses)
                series.Processes = File.ReadLines(traceFile).Count(line => line.Contains("execve(", StringComparison.Ordinal));
            if (measurePeak)
                series.PeakKibibytes = Math.Max(series.PeakKibibytes, long.Parse(File.ReadAllText(peakFile), CultureInfo.InvariantCulture));
            if (!warmUp)
            {
                series.Values.Add(outcome.WallMilliseconds);
                series.Cpu.Add(outcome.CpuMilliseconds);
            }
        }
        return true;
    }

    /// <summary>Shows the medians of a row as soon as it is finished.</summary>
    internal static void Summary(Session session, Row row)
    {
        foreach (var series in session.Results.All)
        {
            if (series.Row == row && series.Values.Count > 0)
                Session.Log($"  {series.Program,-10} {series.Variant,-9} {series.Operation,-7} {Figure.Of(series.Statistics.Median),9} {series.Unit}");
        }
    }
}
