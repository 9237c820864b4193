using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>The example of the library's documentation: a whole program, compiled, run, and the same in every page that shows it.</summary>
public class RuntimeExampleTests
{
    [Fact]
    public void Example_does_what_the_documentation_says()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using EngineHost machine = EngineHost.Create(); // the example's directories are those that everybody has
        machine.InstallPlugins();
        machine.WriteFile("/etc/cni/net.d/10-mynet.conflist", """
            { "cniVersion": "1.1.0", "name": "mynet", "plugins": [ { "type": "bridge", "bridge": "cni0", "isGateway": true,
              "ipam": { "type": "host-local", "subnet": "10.22.0.0/16" } } ] }
            """);
        machine.Run("mkdir", "-p", "/run/netns").Check();
        machine.Run("ip", "netns", "add", "web-1").Check();

        Assert.Equal("web-1 has 10.22.0.2/16\n", Connect().Check().StandardOutput);
        machine.Run("ping", "-c", "1", "-W", "5", "10.22.0.2").Check();
        Assert.Contains("mynet-web-1-eth0", Kept());

        CommandResult again = Connect();
        Assert.StartsWith("error ", again.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain("mynet-web-1-eth0", Kept());

        CommandResult Connect() => machine.Run("dotnet", Path.Combine(AppContext.BaseDirectory, "../../ConnectContainer/debug/ConnectContainer.dll"), "/run/netns/web-1");
        IEnumerable<string?> Kept() => Directory.GetFiles(machine.PathOf("/var/lib/cni/results")).Select(Path.GetFileName);
    }

    [Theory]
    [InlineData("docs/runtime.md")]
    [InlineData("src/Patchbay.Cni/README.md")]
    public void Page_shows_the_example_as_it_is_compiled(string page)
    {
        string example = File.ReadAllText(Repository.PathOf("examples/runtime/Program.cs"));
        Assert.Contains($"```csharp\n{example}```\n", File.ReadAllText(Repository.PathOf(page)), StringComparison.Ordinal);
    }
}
