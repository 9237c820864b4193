using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>The demo checks each of its steps itself.</summary>
public class LabDemoTests
{
    [Fact]
    public void Demo_ends_well()
    {
        Assert.SkipUnless(PatchbayProgram.Line.Length == 1, "needs the published executable; run make build");
        Needs.Program("iperf3");

        CommandResult demo = Command.Run([Repository.PathOf("hack/demo-lab")], environment: new Dictionary<string, string?> { ["PATCHBAY_BIN"] = PatchbayProgram.Line[0] }, limit: TimeSpan.FromMinutes(5)).Check();

        Assert.Contains("Everything as it should be.", demo.StandardOutput, StringComparison.Ordinal);
    }
}
