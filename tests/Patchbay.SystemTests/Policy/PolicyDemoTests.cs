using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>make demo-policy checks each of its steps itself.</summary>
public class PolicyDemoTests
{
    [Fact]
    public void Demo_ends_well()
    {
        Plugin.NeedsOurs("wrapper", "flannel", "bridge", "ptp", "host-local");
        Assert.SkipUnless(File.Exists(PolicyHost.Executable), $"needs {PolicyHost.Executable}; run make build, or set PATCHBAY_BIN");

        CommandResult demo = Command.Run([Repository.PathOf("hack/demo-policy")], limit: TimeSpan.FromMinutes(5)).Check();

        Assert.Contains("Everything as it should be.", demo.StandardOutput, StringComparison.Ordinal);
    }
}
