using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests;

/// <summary>The demo that README.md tells a newcomer to start with: it checks each of its steps itself.</summary>
public class DemoTests
{
    [Fact]
    public void Demo_ends_well()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        Needs.Program("runc");

        CommandResult demo = Command.Run([Repository.PathOf("hack/demo")], limit: TimeSpan.FromMinutes(5)).Check();

        Assert.Contains("Everything as it should be.", demo.StandardOutput, StringComparison.Ordinal);
    }
}
