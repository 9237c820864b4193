using System.Diagnostics;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench.Scenarios;

/// <summary>A node that starts many containers: eight callers at once, each attaching one container after another.</summary>
internal sealed class ConcurrentScenario() : Scenario("concurrent")
{
    internal static readonly Row Plain = new("concurrent", "8 at once: bridge + host-local, dual stack", Row.PerSecond);
    internal static readonly Row Masquerade = new("concurrent-masq", "8 at once: bridge + host-local, dual stack, ipMasq", Row.PerSecond);

    private static readonly string[] Operations = ["ADD", "DEL"];
    private const int Callers = 8;
    private const int CallsEach = 4;

    internal override void Run(Session session)
    {
        foreach (var row in new[] { Plain, Masquerade })
        {
            Session.Log($"{row.Id}: {row.Title}");
            var subjects = BridgeScenario.Subjects(session, row, masquerade: row == Masquerade, Operations);
            BridgeScenario.KeepNeighbour(session, row, subjects);
            var rounds = Math.Clamp(session.Options.Runs / 3, 1, 5);
            var attachments = subjects.ToDictionary(s => s, s => Enumerable.Range(0, (rounds + 1) * Callers * CallsEach)
                .Select(i => new Attachment(i + 2, session.Workspace.NewNamespace("container"))).ToArray());
            for (var round = 0; round <= rounds; round++)
            {
                foreach (var subject in round % 2 == 0 ? subjects : Enumerable.Reverse(subjects))
                {
                    session.Cancellation.ThrowIfCancellationRequested();
                    var part = attachments[subject].AsSpan(round * Callers * CallsEach, Callers * CallsEach).ToArray();
                    foreach (var operation in Operations)
                        Together(session.Results.Of(row, operation, subject.Program, subject.Variant), subject, operation, part, warmUp: round == 0);
                }
            }
            session.Workspace.RemoveNamespaces();
            Alternation.Summary(session, row);
        }
    }

    private static void Together(Series series, Subject subject, string operation, Attachment[] attachments, bool warmUp)
    {
        var failures = 0;
        string? message = null;
        using var begin = new ManualResetEventSlim();
        using var ready = new CountdownEvent(Callers);
        var threads = new Thread[Callers];
        for (var i = 0; i < Callers; i++)
        {
            var mine = attachments.AsMemory(i * CallsEach, CallsEach);
            threads[i] = new Thread(() =>
            {
                subject.Host.Enter();
                ready.Signal();
                begin.Wait();
                foreach (var attachment in mine.Span)
                {
                    var outcome = subject.Do(operation, attachment);
                    if (outcome.ExitCode == 0)
                        continue;
                    Interlocked.Increment(ref failures);
                    message ??= outcome.Message;
                }
            });
            threads[i].Start();
        }
        ready.Wait();
        var start = Stopwatch.GetTimestamp();
        begin.Set();
        foreach (var thread in threads)
            thread.Join();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (failures > 0)
        {
            Session.Log($"  {subject.Label} {operation}: {failures} of {attachments.Length} failed, {message}");
            series.Note = $"{failures} of {attachments.Length} failed: {message}";
        }
        if (!warmUp)
            series.Values.Add((attachments.Length - failures) / seconds);
    }
}
