using System.Text;
using Patchbay.Bench.Scenarios;

namespace Patchbay.Bench.Report;

/// <summary>RESULTS.md: the goals, then every row.</summary>
internal static class Markdown
{
    private static bool InVirtualMachine { get; } = Environment.GetEnvironmentVariable("PATCHBAY_VM") == "1";

    internal static string Render(Session session, Machine machine)
    {
        var text = new StringBuilder();
        text.Append($"""
            # Measurements

            Written by `{session.Options.CommandLine}` on {machine.Date}.
            What the rows mean and how the comparison is kept fair: [docs/benchmarks.md](../docs/benchmarks.md).
            Every single figure: [results.json](results.json).

            {machine.Cores} cores ({machine.Processor}), {machine.MemoryGibibytes} GiB, Linux {machine.Kernel}, {machine.Distribution}.
            {HowMeasured(session.Options)} Load average before the run: {machine.LoadBefore}.{(InVirtualMachine ? "\nIn an emulated machine: compare, do not take the times for real ones." : "")}

            | program | version |
            |---|---|

            """);
        foreach (var (name, version) in session.Peers.Versions())
            text.Append($"| {name} | {version} |\n");
        // The load has no goal.
        if (Scenario.All.All(scenario => scenario is LoadScenario || session.Options.Only.Contains(scenario.Name)))
            Goals(text, session.Results);
        foreach (var row in session.Results.All.Select(s => s.Row).DistinctBy(r => r.Id))
            Table(text, session.Results, row);
        return text.ToString();
    }

    /// <summary>What the figures of a run are: medians of rounds, or of the operations of one load.</summary>
    internal static string HowMeasured(Options options)
    {
        var rows = $"Medians of {options.Runs} runs a row, the programs in turn.";
        const string Load = "Each program ran a load once, one program after the other: the time of an operation is that of all operations of the load, the other rows have one figure each.";
        const string Elsewhere = "Many containers at once: [RESULTS-load.md](RESULTS-load.md).";
        var load = Scenario.All.OfType<LoadScenario>().Single().Name;
        return !options.Only.Contains(load) ? $"{rows} {Elsewhere}"
            : options.Only.All(name => name == load) ? Load
            : $"{rows} {Load}";
    }

    private static void Goals(StringBuilder text, Results results)
    {
        text.Append("\n![ADD and DEL, milliseconds](chart.svg)\n\n## Goals\n\n| work | against | theirs | ours | ratio | goal | |\n|---|---|--:|--:|--:|--:|---|\n");
        foreach (var bar in Bar.All(results))
        {
            text.Append($"| {bar.Work} | {bar.Against} | {Figure.Of(bar.Reference, bar.Unit)} | {Figure.Of(bar.Figure, bar.Unit)} ");
            text.Append($"| {Figure.Ratio(bar.Ratio)} | {bar.GoalText} | {bar.Verdict} |\n");
        }
    }

    private static void Table(StringBuilder text, Results results, Row row)
    {
        Series[] all = [.. results.All.Where(s => s.Row.Id == row.Id)];
        var timed = all[0].Unit == Row.Milliseconds;
        text.Append($"\n## {char.ToUpperInvariant(row.Title[0])}{row.Title[1..]}\n\n");
        text.Append(timed
            ? "| | program | median ms | min | max | CPU ms | programs | peak MiB | × reference | × limit |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
            : $"| | program | median {all[0].Unit} | min | max | × reference |\n|---|---|--:|--:|--:|--:|\n");
        foreach (var operation in all.Select(s => s.Operation).Distinct())
        {
            foreach (var series in all.Where(s => s.Operation == operation))
                Line(text, results, series, timed);
        }
        foreach (var series in all.Where(s => s.Note is not null))
            text.Append($"\n{Name(series)}, {series.Operation}: {series.Note!.Replace("|", "\\|", StringComparison.Ordinal)}\n");
    }

    private static void Line(StringBuilder text, Results results, Series series, bool timed)
    {
        text.Append($"| {series.Operation} | {Name(series)} ");
        var figures = series.Statistics;
        if (figures.Count == 0)
        {
            text.Append($"| {series.Absent ?? "failed"} ").Append(timed ? "| | | | | | | |\n" : "| | | |\n");
            return;
        }
        text.Append($"| {Figure.Of(figures.Median)} | {Figure.Of(figures.Min)} | {Figure.Of(figures.Max)} ");
        if (timed)
            text.Append($"| {Figure.Of(Statistics.Of(series.Cpu).Median)} | {(series.Processes > 0 ? Figure.Of(series.Processes) : "–")} | {(series.PeakKibibytes > 0 ? Figure.Of(series.PeakKibibytes / 1024.0) : "–")} ");
        text.Append($"| {Against(results, series, Peers.Reference)} ");
        text.Append(timed ? $"| {Against(results, series, Peers.Limit)} |\n" : "|\n");
    }

    private static string Against(Results results, Series series, string peer) => series.Program == peer
        ? ""
        : Figure.Ratio(series.Statistics.Median / results.Median(series.Row.Id, series.Operation, peer));

    private static string Name(Series series)
    {
        var name = series.Program == Peers.Ours ? $"**{series.Program}**" : series.Program;
        return series.Variant.Length == 0 ? name : $"{name}, {series.Variant}";
    }
}
