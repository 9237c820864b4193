using Patchbay.Bench;
using Patchbay.Bench.Report;

namespace Patchbay.Tests.Bench;

public class MarkdownTests
{
    private const string Rows = "Medians of 15 runs a row, the programs in turn.";
    private const string Load = "Each program ran a load once, one program after the other: ";

    [Theory]
    [InlineData("bridge,ptp", Rows, "[RESULTS-load.md](RESULTS-load.md)", Load)]
    [InlineData("load", Load, "one figure each", Rows)]
    [InlineData("bridge,load", Rows, Load, "RESULTS-load.md")]
    public void The_head_tells_what_the_figures_are(string only, string first, string also, string not)
    {
        string head = Markdown.HowMeasured(Options.Parse(["--only", only], "/out", ["bridge", "ptp", "load"]));
        Assert.StartsWith(first, head, StringComparison.Ordinal);
        Assert.Contains(also, head, StringComparison.Ordinal);
        Assert.DoesNotContain(not, head, StringComparison.Ordinal);
    }
}
