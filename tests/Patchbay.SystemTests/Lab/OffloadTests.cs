using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>What interfaces do in the kernel's place is as the file says, and stays so; judged by ethtool(8).</summary>
public class OffloadTests
{
    private const string Two = """
        nodes: [a, b]
        links: [{node: a, bridge: lan, ip: 10.0.0.1/24, ethtool: [--offload tx off, "-K gro on"]}, {node: b, bridge: lan}]
        """;

    [Fact]
    public void A_change_of_somebody_else_is_seen_and_undone()
    {
        Needs.Program("ethtool");
        using LabHost lab = new();
        lab.Up(Two);
        Assert.Equal(("off", "on"), (Shown(lab, "tx-checksumming"), Shown(lab, "generic-receive-offload")));
        Assert.Equal(0, lab.Lab("plan", lab.Write(Two)).ExitCode);

        lab.In("a", "ethtool", "-K", "eth0", "tx", "on", "gro", "off").Check();

        CommandResult plan = lab.Lab("plan", lab.Write(Two));
        Assert.Equal((3, "~ interface a:eth0: tx off, gro on"), (plan.ExitCode, plan.StandardOutput.Trim()));
        lab.Lab("apply", lab.Write(Two)).Check();
        Assert.Equal(("off", "on"), (Shown(lab, "tx-checksumming"), Shown(lab, "generic-receive-offload")));

        // Another file, another wish; what is not said stays.
        lab.Up(Two.Replace("tx off", "tx on", StringComparison.Ordinal).Replace(", \"-K gro on\"", "", StringComparison.Ordinal));
        Assert.Equal(("on", "on"), (Shown(lab, "tx-checksumming"), Shown(lab, "generic-receive-offload")));
    }

    [Fact]
    public void A_feature_that_no_kernel_has_is_refused_and_nothing_is_left()
    {
        using LabHost lab = new();
        Snapshot before = Snapshot.Take(lab.Host);

        CommandResult up = lab.Lab("up", lab.Write(Two.Replace("tx off", "teleport on", StringComparison.Ordinal)), "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("switch on \"teleport\" of \"eth0\"", up.StandardError, StringComparison.Ordinal);
        Assert.Empty(lab.Namespaces());
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    private static string Shown(LabHost lab, string feature) =>
        lab.In("a", "ethtool", "-k", "eth0").Check().StandardOutput.Split('\n').Single(line => line.StartsWith($"{feature}:", StringComparison.Ordinal))[(feature.Length + 2)..].Split(' ')[0].Trim();
}
