using System.Globalization;
using Patchbay.Bench.Scenarios;

namespace Patchbay.Bench.Report;

/// <summary>A goal of the project: one figure divided by another, and what the quotient has to be.</summary>
internal sealed record Bar(string Work, string Against, double Figure, double Reference, string Unit, double Goal, bool AtLeast = false)
{
    internal double Ratio => Figure / Reference;

    internal string GoalText => (AtLeast ? "≥ " : "≤ ") + Goal.ToString("0.##", CultureInfo.InvariantCulture) + " ×";

    internal string Verdict => !double.IsFinite(Ratio) ? "not measured" : (AtLeast ? Ratio >= Goal : Ratio <= Goal) ? "met" : "**missed**";

    internal static IEnumerable<Bar> All(Results results)
    {
        var masquerade = BridgeScenario.Masquerade;
        var plain = BridgeScenario.Plain;
        yield return Of(results, masquerade, "ADD", "nftables", 0.12);
        yield return Of(results, masquerade, "DEL", "nftables", 0.18);
        yield return Of(results, plain, "ADD", "", 0.35);
        yield return Of(results, plain, "DEL", "", 0.9);
        yield return Of(results, ConcurrentScenario.Masquerade, "ADD", "nftables", 5, atLeast: true);
        yield return Of(results, ConcurrentScenario.Plain, "ADD", "", 2, atLeast: true);
        yield return Of(results, PortmapScenario.TenPorts, "ADD", "nftables", 0.05);
        yield return Of(results, PortmapScenario.TenPorts, "DEL", "nftables", 0.05);
        yield return Of(results, PtpScenario.Attached, "ADD", "", 0.01);
        yield return Of(results, HostLocalScenario.Full, "ADD", "", 0.01);
        yield return Of(results, HostLocalScenario.Full, "DEL", "", 0.01);
        foreach (var operation in new[] { "ADD", "DEL" })
        {
            yield return new Bar(
                $"{HostLocalScenario.Full.Title}: {operation}", "ours, none",
                results.Median(HostLocalScenario.Full.Id, operation, Peers.Ours), results.Median(HostLocalScenario.Empty.Id, operation, Peers.Ours),
                Row.Milliseconds, 1.5);
        }
        yield return Of(results, plain, "ADD", "", 2, against: Peers.Limit);
        yield return Of(results, plain, "DEL", "", 1.15, against: Peers.Limit);
        foreach (var operation in new[] { "ADD", "DEL" })
        {
            yield return new Bar(
                $"{YggScenario.Attached.Title}: {operation}, less the start of the process", "5 ms",
                results.Median(YggScenario.Attached.Id, operation, Peers.Ours) - results.Median(YggScenario.Attached.Id, YggScenario.Start, Peers.Ours), 5, Row.Milliseconds, 1);
        }

        yield return new Bar(SizeScenario.Installed.Title, "10 MB", results.Median(SizeScenario.Installed.Id, "size", Peers.Ours), 10, Row.Megabytes, 1);
    }

    private static Bar Of(Results results, Row row, string operation, string variant, double goal, bool atLeast = false, string against = Peers.Reference) => new(
        $"{row.Title}: {operation}",
        against,
        results.Median(row.Id, operation, Peers.Ours, variant),
        results.Median(row.Id, operation, against),
        row.Unit,
        goal,
        atLeast);
}
