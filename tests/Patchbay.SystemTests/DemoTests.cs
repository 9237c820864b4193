using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests;

/// <summary>The demos that README.md and the pages tell a newcomer to start with: they check each of their steps themselves.</summary>
public class DemoTests
{
    [Theory]
    [InlineData("demo", "runc")]
    [InlineData("demo-ygg", "yggdrasil")]
    public void Demo_ends_well(string script, string program)
    {
        Plugin.NeedsOurs("bridge", "host-local", "yggoverlay");
        Needs.Program("runc");
        Needs.Program(program);

        CommandResult demo = Command.Run([Repository.PathOf($"hack/{script}")], limit: TimeSpan.FromMinutes(5)).Check();

        Assert.Contains("Everything as it should be.", demo.StandardOutput, StringComparison.Ordinal);
    }
}
