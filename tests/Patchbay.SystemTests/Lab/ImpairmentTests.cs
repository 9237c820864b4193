using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Netlink;

namespace Patchbay.SystemTests.Lab;

/// <summary>Links are as bad as the file says, and as "netem set" says after it; judged by tc(8).</summary>
public class ImpairmentTests
{
    [Fact]
    public void A_rate_is_set_shown_and_put_back()
    {
        Needs.Tbf();
        using LabHost lab = new();
        string file = "nodes: [a, b]\nlinks: [{node: a, bridge: lan, netem: rate 10mbit}, {node: b, bridge: lan}]";
        lab.Up(file);

        Assert.Equal(("tbf", 1_250_000), Root(lab, "a"));
        lab.Lab("netem", ["set", "b:eth0", "rate", "1mbit"]).Check();
        Assert.Equal(("tbf", 125_000), Root(lab, "b"));
        Assert.Equal("a:eth0 rate 10mbit\nb:eth0 rate 1mbit (file: none)\n", lab.Lab("netem", ["show"]).Check().StandardOutput);
        lab.Lab("netem", ["reset", "b:eth0"]).Check();
        Assert.Equal(0, lab.Lab("plan", lab.Write(file)).ExitCode);

        CommandResult wrong = lab.Lab("netem", ["set", "b:eth0", "delay", "soon"]);
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("expected a time such as 40ms after \"delay\", found \"soon\"", wrong.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Distributions_bursts_and_bunches()
    {
        Needs.Netem();
        using LabHost lab = new();
        string file = File.ReadAllText(Repository.PathOf("examples/lab/bursts.yaml"));
        lab.Up(file);

        JsonElement ab = Netem(lab, "a", "b").GetProperty("options");
        Assert.Equal((0.04, 0.01, 5000), (Rounded(ab.GetProperty("delay"), "delay"), Rounded(ab.GetProperty("delay"), "jitter"), ab.GetProperty("limit").GetInt32()));
        Assert.Equal("13:", Netem(lab, "a", "b").Text("handle")); // the third table
        JsonElement state = Netem(lab, "b", "a").GetProperty("options").GetProperty("loss-state");
        Assert.Equal((0.01, 0.9, 0.3, 0.8, 0.02), (Rounded(state, "p13"), Rounded(state, "p31"), Rounded(state, "p32"), Rounded(state, "p23"), Rounded(state, "p14")));
        JsonElement bc = Netem(lab, "b", "c").GetProperty("options");
        JsonElement model = bc.GetProperty("loss-gemodel");
        Assert.Equal((0.01, 0.1, 0.7, 0.001), (Rounded(model, "p"), Rounded(model, "r"), Rounded(model, "1-h"), Rounded(model, "1-k")));
        Assert.Equal((2_500_000, 14, 53, 5), (Number(bc, "rate"), Number(bc, "packetoverhead"), Number(bc, "cellsize"), Number(bc, "celloverhead")));
        JsonElement slot = Netem(lab, "c", "b").GetProperty("options").GetProperty("slot");
        Assert.Equal((32, 65536), (slot.GetProperty("packets").GetInt32(), slot.GetProperty("bytes").GetInt32()));
        Assert.Equal("19:", Netem(lab, "c", "a").Text("handle")); // 0x10, the first table, and four times the second
        lab.Ping("a", "10.0.2.1");
        Assert.Equal(0, lab.Lab("plan", lab.Write(file)).ExitCode);

        lab.Lab("netem", ["set", "a:b", "delay", "40ms", "10ms", "25%", "distribution", "pareto", "limit", "5000"]).Check();
        Assert.Contains("a:b delay 40ms 10ms 25% distribution pareto limit 5000 (file: delay 40ms 10ms 25% distribution paretonormal limit 5000)", lab.Lab("netem", ["show"]).Check().StandardOutput, StringComparison.Ordinal);
        CommandResult plan = lab.Lab("plan", lab.Write(file));
        Assert.Equal((3, "~ interface a:b: netem delay 40ms 10ms 25% distribution pareto limit 5000 -> delay 40ms 10ms 25% distribution paretonormal limit 5000"), (plan.ExitCode, plan.StandardOutput.Trim()));
    }

    [Fact]
    public void All_that_mininet_says_of_a_link()
    {
        Needs.Netem();
        Needs.Red();
        using LabHost lab = new();
        string file = File.ReadAllText(Repository.PathOf("examples/lab/conlink1-impaired.yaml"));
        lab.Up(file);

        JsonElement[] ofA = [.. Qdiscs(lab, "a", "a-eth0")];
        Assert.Equal(["tbf 5: root", "red 6: 5:1", "netem 10: 6:1"], ofA.Select(each => $"{each.Text("kind")} {each.Text("handle")} {(each.TryGetProperty("parent", out JsonElement parent) ? parent.GetString() : "root")}"));
        JsonElement red = ofA[1].GetProperty("options");
        Assert.Equal((true, 30_000, 35_000, 1_000_000), (red.GetProperty("ecn").GetBoolean(), red.GetProperty("min").GetInt32(), red.GetProperty("max").GetInt32(), red.GetProperty("limit").GetInt32()));
        Assert.False(Qdiscs(lab, "c", "c-eth0").Single(each => each.Text("kind") == "red").GetProperty("options").GetProperty("ecn").GetBoolean());
        lab.Ping("a", "10.0.0.2");
        Assert.Equal(0, lab.Lab("plan", lab.Write(file)).ExitCode);
    }

    private static (string?, long) Root(LabHost lab, string node)
    {
        JsonElement qdisc = Qdiscs(lab, node, "eth0").First();
        return (qdisc.Text("kind"), qdisc.GetProperty("options").GetProperty("rate").GetInt64());
    }

    private static JsonElement Netem(LabHost lab, string node, string device) => Qdiscs(lab, node, device).Single(each => each.Text("kind") == "netem");

    private static JsonElement.ArrayEnumerator Qdiscs(LabHost lab, string node, string device) => lab.In(node, "tc", "-j", "qdisc", "show", "dev", device).Check().Json.EnumerateArray();

    private static double Rounded(JsonElement of, string name) => Math.Round(of.GetProperty(name).GetDouble(), 6);

    private static long Number(JsonElement options, string name) => options.GetProperty("rate").GetProperty(name).GetInt64();
}
