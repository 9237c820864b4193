using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>The lab's process is killed at any moment; what comes next finds what is there, and finishes or removes it.</summary>
public class KillTests
{
    private const string Text = """
        nodes: [{node: n, replicas: 12}]
        bridges: [{bridge: w, mode: patch}]
        links:
          - {node: n, bridge: lan, ip: 10.50.0.1/16, netem: rate 10mbit, route: default via 10.50.1.1}
          - {node: n, dev: "x{INDEX}", peer: {node: n, dev: "y{INDEX}"}, ip: "10.51.{INDEX}.1/24"}
        """;

    [Fact]
    public void Killed_at_fifty_moments_the_next_up_or_down_ends_well()
    {
        using LabHost lab = new();
        string file = lab.Write(Text);
        Snapshot before = Snapshot.Take(lab.Host);
        Stopwatch whole = Stopwatch.StartNew();
        lab.Lab("up", file, "--detach").Check();
        TimeSpan length = whole.Elapsed;
        Snapshot up = Snapshot.Take(lab.Host);
        lab.Lab("down").Check();

        for (int moment = 0; moment < 50; moment++)
        {
            Process killed = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", file, "--name", lab.Name, "--detach"]);
            killed.WaitForExit(length * moment / 50);
            if (!killed.HasExited)
                killed.Kill();
            killed.WaitForExit();

            if (moment % 2 == 0)
            {
                lab.Lab("up", file, "--detach").Check();
                up.AssertSame(Snapshot.Take(lab.Host));
                Assert.Equal(0, lab.Lab("plan", file).ExitCode);
                Assert.Equal(12, lab.Namespaces().Length);
            }

            lab.Lab("down").Check();
            Assert.Empty(lab.Namespaces());
            before.AssertSame(Snapshot.Take(lab.Host));
        }
    }

    [Fact]
    public void Killed_while_it_goes_down_the_next_down_ends_well()
    {
        using LabHost lab = new();
        string file = lab.Write(Text);
        Snapshot before = Snapshot.Take(lab.Host);

        for (int moment = 0; moment < 10; moment++)
        {
            lab.Lab("up", file, "--detach").Check();
            Process killed = lab.Host.Start([.. PatchbayProgram.Line, "lab", "down", "--name", lab.Name]);
            killed.WaitForExit(TimeSpan.FromMilliseconds(15 * moment));
            if (!killed.HasExited)
                killed.Kill();
            killed.WaitForExit();

            lab.Lab("down").Check();
            Assert.Empty(lab.Namespaces());
            before.AssertSame(Snapshot.Take(lab.Host));
        }
    }
}
