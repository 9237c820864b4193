using System.Globalization;
using Patchbay.Bench.Load;

namespace Patchbay.Bench.Scenarios;

/// <summary>A node that comes up: 500 containers (<c>--containers</c>) from 16 runtimes at once, then CHECK, then DEL. The runtimes are ours for both.</summary>
internal sealed class LoadScenario() : Scenario("load")
{
    private const int Runtimes = 16;

    private static readonly string[] Operations = ["ADD", "CHECK", "DEL"];

    private static readonly (string Id, string Title, string Chain)[] Loads =
    [
        ("load-plain", "bridge, dual stack", "'ipMasq':false|"),
        ("load", "bridge with ipMasq, portmap, firewall, dual stack", "'ipMasq':true|,{'type':'portmap','capabilities':{'portMappings':true}},{'type':'firewall'}"),
        ("load-nft", "", "'ipMasq':true,'ipMasqBackend':'nftables'|,{'type':'portmap','backend':'nftables','capabilities':{'portMappings':true}},{'type':'firewall','backend':'nftables'}"),
    ];

    internal override void Run(Session session)
    {
        foreach (var (id, title, chain) in Loads)
        {
            // The reference of the distribution knows no nftables: ours stands beside the iptables figures.
            var nftables = id == "load-nft";
            var name = nftables ? Loads[1] : (Id: id, Title: title, Chain: chain);
            var many = string.Create(CultureInfo.InvariantCulture, $"{session.Options.Containers} containers from {Runtimes} runtimes: {name.Title}");
            var rows = new Rows(
                new Row(name.Id, $"{many}; time of an operation"),
                new Row($"{name.Id}-p99", $"{many}; time that 99 of 100 operations keep within"),
                new Row($"{name.Id}-rate", $"{many}; containers a second", Row.PerSecond));
            foreach (var program in nftables ? (string[])[Peers.Ours] : [Peers.Ours, Peers.Reference])
            {
                session.Cancellation.ThrowIfCancellationRequested();
                var variant = name.Id == "load-plain" ? "" : nftables ? "nftables" : "iptables";
                if (session.Peers.Plugin(program, "firewall") is null)
                    NotInstalled(session, rows.Each, program, variant, Operations);
                else
                    Measure(session, rows, program, variant, Configuration(chain));
            }
        }
    }

    private static void Measure(Session session, Rows rows, string program, string variant, string list)
    {
        Session.Log($"{rows.Each.Id}: {program} {variant}");
        using (var load = new LoadRun(session, program, list, Runtimes))
        {
            foreach (var operation in Operations)
            {
                session.Cancellation.ThrowIfCancellationRequested();
                double seconds;
                IReadOnlyList<(double Milliseconds, string Text)> each;
                try
                {
                    (seconds, each) = load.Do(operation);
                }
                catch (TimeoutException givenUp)
                {
                    foreach (var row in (Row[])[rows.Each, rows.Tail, rows.Rate])
                        Figures(session.Results.Of(row, operation, program, variant), givenUp.Message, []);
                    Session.Log($"  {operation,-6} {givenUp.Message}");
                    break;
                }

                var failures = each.Where(one => one.Text.StartsWith("failed:", StringComparison.Ordinal)).ToArray();
                var wrong = failures.Length > 0 ? $"{failures.Length} of {each.Count} failed, {failures[0].Text}"
                    : operation == "ADD" ? load.WrongAfterAdd([.. each.Select(one => one.Text)])
                    : operation == "DEL" ? load.LeftAfterDelete()
                    : null;
                double[] sorted = [.. each.Except(failures).Select(one => one.Milliseconds).Order()];
                Figures(session.Results.Of(rows.Each, operation, program, variant), wrong, sorted);
                Figures(session.Results.Of(rows.Tail, operation, program, variant), wrong, sorted.Length > 0 ? [sorted[(int)Math.Ceiling(sorted.Length * 0.99) - 1]] : []);
                Figures(session.Results.Of(rows.Rate, operation, program, variant), wrong, sorted.Length > 0 ? [sorted.Length / seconds] : []);
                Session.Log(string.Create(CultureInfo.InvariantCulture,
                    $"  {operation,-6} {seconds,7:f2} s in all, p50 {At(sorted, 0.5),8:f1} ms, p99 {At(sorted, 0.99),8:f1} ms; {wrong ?? "nothing lost, nothing twice, nothing left"}"));
            }
        }
        session.Workspace.RemoveNamespaces();
    }

    private static double At(double[] sorted, double part) => sorted.Length == 0 ? double.NaN : sorted[(int)Math.Ceiling(sorted.Length * part) - 1];

    private static void Figures(Series series, string? wrong, double[] values)
    {
        series.Note = wrong;
        series.Values.AddRange(values);
    }

    private static string Configuration(string chain)
    {
        var parts = chain.Split('|');
        return $$$"""
            {'cniVersion':'1.0.0','name':'bench','plugins':[
              {'type':'bridge','bridge':'bench0','isDefaultGateway':true,'hairpinMode':true,{{{parts[0]}}},
               'ipam':{'type':'host-local','dataDir':'$DATA','ranges':[[{'subnet':'10.99.0.0/16'}],[{'subnet':'fd99::/64'}]]} }{{{parts[1]}}}]}
            """.Replace('\'', '"');
    }

    private sealed record Rows(Row Each, Row Tail, Row Rate);
}
