using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>Pictures of a lab, judged by the programs that draw them.</summary>
public class GraphTests
{
    private const string Lab = """
        nodes: [a, b]
        bridges: [{bridge: lan}]
        links: [{node: a, bridge: lan, ip: 10.0.0.1/24, netem: rate 1mbit}, {node: b, bridge: lan, ip: 10.0.0.2/24}, {node: a, dev: x, peer: {node: b, dev: y}}]
        """;

    [Fact]
    public void A_browser_draws_the_page_with_the_state_of_each_link()
    {
        Needs.Program("chromium");
        using LabHost lab = new();
        lab.Up(Lab);
        lab.Lab("link", "down", "b:y").Check();
        string page = Path.Combine(lab.Host.Directory, "lab.html");

        lab.Lab("graph", lab.Write(Lab), "--format", "html", "--live", "--output", page).Check();

        string drawn = Command.Run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", $"--user-data-dir={lab.Host.Directory}/chromium", "--virtual-time-budget=5000", "--dump-dom", $"file://{page}",
            ],
            limit: TimeSpan.FromMinutes(3)).Check().StandardOutput;
        Assert.Contains("data-drawn=\"3\"", drawn, StringComparison.Ordinal);
        Assert.Equal(2, Count(drawn, "class=\"edge up\""));
        Assert.Equal(1, Count(drawn, "class=\"edge down\""));
        Assert.Equal(3, Count(drawn, "class=\"vertex"));
        Assert.Contains("viewBox=", drawn, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", drawn, StringComparison.Ordinal);
        Assert.Contains("2 nodes, 3 links", drawn, StringComparison.Ordinal);
    }

    [Fact]
    public void Graphviz_reads_the_dot()
    {
        Needs.Program("dot");
        using LabHost lab = new();

        string dot = lab.Lab("graph", lab.Write(Lab)).Check().StandardOutput;

        string svg = Command.Run(["dot", "-Tsvg"], dot).Check().StandardOutput;
        Assert.Equal(3, Count(svg, "class=\"node\""));
        Assert.Equal(3, Count(svg, "class=\"edge\""));
    }

    private static int Count(string text, string part) => text.Split(part, StringSplitOptions.None).Length - 1;
}
