using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;
using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>The example of the library's documentation: compiled, carried out, and the same in every page that shows it.</summary>
public class RuntimeExampleTests
{
    [Fact]
    public void Example_does_what_the_documentation_says()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        Needs.OwnDirectories(); // the example keeps its results where everybody does
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        File.WriteAllText(Path.Combine(host.ConfigDirectory, "10-mynet.conflist"), $$"""
            { "cniVersion": "1.1.0", "name": "mynet", "plugins": [ { "type": "bridge", "bridge": "cni0", "isGateway": true,
              "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "subnet": "10.22.0.0/16" } } ] }
            """);

        // Plugins work in the namespace of the thread that starts them, and a task's thread is in that of the thread that starts the task.
        using (NetworkNamespace there = NetworkNamespace.Open(host.Path))
            there.Run(() => Connect(Plugin.OursDirectory, host.ConfigDirectory, container.Path, TestContext.Current.CancellationToken).Wait(Command.DefaultLimit));

        host.Run("ping", "-c", "1", "-W", "5", "10.22.0.2").Check();
        CachedAttachment known = new ResultCache().Read("mynet", new("web-1", "eth0"))!;
        Assert.True(known.IsComplete);
        new ResultCache().Delete("mynet", new("web-1", "eth0"));
    }

    [Theory]
    [InlineData("docs/runtime.md")]
    [InlineData("src/Patchbay.Cni/README.md")]
    public void Page_shows_the_example_as_it_is_compiled(string page)
    {
        string source = File.ReadAllText(Repository.PathOf("tests/Patchbay.SystemTests/Tools/RuntimeExampleTests.cs"));
        // The first of each is here; what follows them is the method below.
        int begin = source.LastIndexOf("// begin\n", StringComparison.Ordinal) + 9, end = source.LastIndexOf("        // end\n", StringComparison.Ordinal);
        string example = source[begin..end].Replace("\n        ", "\n", StringComparison.Ordinal)[8..];

        Assert.Contains($"```csharp\n{example}```\n", File.ReadAllText(Repository.PathOf(page)), StringComparison.Ordinal);
    }

    private static async Task Connect(string plugins, string networks, string netns, CancellationToken cancellation)
    {
        // begin
        var runtime = new CniRuntime { PluginPath = [plugins] }; // such as /opt/cni/bin
        NetworkList network = NetworkDirectory.Load(networks, "mynet"); // such as /etc/cni/net.d
        var eth0 = new Attachment { ContainerId = "web-1", NetnsPath = netns, IfName = "eth0" }; // such as /run/netns/web-1
        try
        {
            CniResult result = await runtime.AddAsync(network, eth0, cancellation);
            Console.WriteLine($"web-1 has {result.Ips[0].Address}"); // web-1 has 10.22.0.2/16
        }
        catch (CniException error)
        {
            Console.Error.WriteLine($"error {error.Code}: {error.Message}");
            await runtime.DeleteAsync(network, eth0, CancellationToken.None); // what the chain had done before it failed
        }
        // end
    }
}
