using System.Globalization;
using System.Text;
using Patchbay.Bench.Scenarios;

namespace Patchbay.Bench.Report;

/// <summary>chart.svg: ADD and DEL of the usual network as horizontal bars, readable on light and dark pages.</summary>
internal static class Chart
{
    private const int Width = 760;
    private const int LabelEnd = 176;
    private const int BarStart = 188;
    private const int BarEnd = 676;
    private const int BarHeight = 16;
    private const int BarStep = 22;

    // Each picture viewer has its own sans serif; the style sheet follows the page's scheme, and light is what a viewer without schemes shows.
    private const string Style = """
        text { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Helvetica, Arial, sans-serif; font-size: 13px; fill: #3d444d }
        .title { font-size: 15px; font-weight: 600; fill: #1f2328 }
        .op { font-size: 12px; font-weight: 600; fill: #59636e; letter-spacing: .06em }
        .ours { font-weight: 600; fill: #1f2328 }
        .note { font-size: 12px; fill: #59636e }
        .rule { stroke: #d1d9e0 }
        .bar-patchbay { fill: #0f8a6d } .bar-reference { fill: #8593a3 } .bar-netavark { fill: #b08a4a }
        .bar-limit { fill: none; stroke: #0f8a6d; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) {
          text { fill: #c5ced8 } .title, .ours { fill: #f0f6fc } .op, .note { fill: #9198a1 } .rule { stroke: #3d444d }
          .bar-patchbay { fill: #2fbf97 } .bar-reference { fill: #6b7887 } .bar-netavark { fill: #a17c3d } .bar-limit { stroke: #2fbf97 }
        }
        """;

    private static readonly (Row Row, string Title, (string Program, string Variant)[] Bars)[] Panels =
    [
        (BridgeScenario.Masquerade, "bridge + host-local, dual stack, with masquerade",
            [(Peers.Ours, "nftables"), (Peers.Reference, "iptables"), (Peers.Netavark, "iptables"), (Peers.Limit, "nftables")]),
        (BridgeScenario.Plain, "bridge + host-local, dual stack, without masquerade",
            [(Peers.Ours, ""), (Peers.Reference, ""), (Peers.Limit, "")]),
    ];

    private static readonly string[] Operations = ["ADD", "DEL"];

    internal static string Render(Results results)
    {
        var medians = Panels.SelectMany(p => p.Bars.SelectMany(b => Operations.Select(o => results.Median(p.Row.Id, o, b.Program, b.Variant))));
        var largest = medians.Where(double.IsFinite).DefaultIfEmpty(1).Max();
        var body = new StringBuilder();
        var y = 0;
        foreach (var (row, title, bars) in Panels)
        {
            y += 26;
            Text(body, 0, y, "title", title);
            y += 8;
            foreach (var operation in Operations)
            {
                body.Append(CultureInfo.InvariantCulture, $"""<line class="rule" x1="0" x2="{Width}" y1="{y}.5" y2="{y}.5"/>""").Append('\n');
                y += 8;
                Text(body, 0, y + 12, "op", operation);
                foreach (var (program, variant) in bars)
                {
                    Bar(body, results.Median(row.Id, operation, program, variant), largest, program, y);
                    y += BarStep;
                }
                y += 4;
            }
            y += 10;
        }
        y += 10;
        Text(body, 0, y, "note", "Milliseconds of one call, process start to exit, median; shorter is better. Reference: the standard CNI plugins.");
        Text(body, 0, y + 17, "note", "The limit is a C program that makes the same kernel requests and does nothing else.");
        y += 26;
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{y}" viewBox="0 0 {Width} {y}" role="img" aria-label="Milliseconds of ADD and DEL">
            <style>
            {Style}
            </style>
            {body}</svg>

            """);
    }

    private static void Bar(StringBuilder body, double median, double largest, string program, int y)
    {
        var style = program == Peers.Ours ? "ours" : "";
        body.Append(CultureInfo.InvariantCulture, $"""<text class="{style}" x="{LabelEnd}" y="{y + 13}" text-anchor="end">{program}</text>""").Append('\n');
        if (!double.IsFinite(median))
        {
            Text(body, BarStart, y + 13, "note", "not measured");
            return;
        }
        var width = Math.Max(3, median / largest * (BarEnd - BarStart));
        var inset = program == Peers.Limit ? 0.75 : 0;   // half of an outline's stroke
        body.Append(CultureInfo.InvariantCulture, $"""<rect class="bar-{program}" x="{BarStart + inset}" y="{y + inset}" """);
        body.Append(CultureInfo.InvariantCulture, $"""width="{width - (2 * inset):f1}" height="{BarHeight - (2 * inset)}" rx="2"/>""").Append('\n');
        body.Append(CultureInfo.InvariantCulture, $"""<text class="{style}" x="{BarStart + width + 8:f1}" y="{y + 13}">""");
        body.Append(Figure.Of(median)).Append(" ms</text>\n");
    }

    private static void Text(StringBuilder body, int x, int y, string style, string text) =>
        body.Append(CultureInfo.InvariantCulture, $"""<text class="{style}" x="{x}" y="{y}">{text}</text>""").Append('\n');
}
