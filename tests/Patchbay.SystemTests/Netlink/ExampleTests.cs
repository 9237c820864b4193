using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>The example of the documentation: a whole program, compiled, run, and the same in every page that shows it.</summary>
public class ExampleTests
{
    [Fact]
    public void Example_does_what_the_documentation_says()
    {
        using TestHost host = TestHost.Create();
        TestNamespace blue = host.AddContainer();

        Command.Run(["dotnet", Path.Combine(AppContext.BaseDirectory, "../../ConnectNamespaces/debug/ConnectNamespaces.dll"), host.Path, blue.Path]).Check();

        host.Run("ping", "-c", "1", "-W", "5", "10.1.2.2").Check();
        Assert.Equal("10.1.2.1", blue.IpJson("route show default")[0].Text("gateway"));
    }

    [Theory]
    [InlineData("docs/netlink.md")]
    [InlineData("src/Patchbay.Netlink/README.md")]
    public void Page_shows_the_example_as_it_is_compiled(string page)
    {
        string example = File.ReadAllText(Repository.PathOf("examples/netlink/Program.cs"));
        Assert.Contains($"```csharp\n{example}```\n", File.ReadAllText(Repository.PathOf(page)), StringComparison.Ordinal);
    }
}
