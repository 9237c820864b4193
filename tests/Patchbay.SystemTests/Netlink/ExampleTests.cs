using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>The example of the documentation: compiled, carried out, and the same in every page that shows it.</summary>
public class ExampleTests
{
    [Fact]
    public void Example_does_what_the_documentation_says()
    {
        using TestHost host = TestHost.Create();
        TestNamespace blue = host.AddContainer();

        Connect(host.Path, blue.Path);

        host.Run("ping", "-c", "1", "-W", "5", "10.1.2.2").Check();
        Assert.Equal("10.1.2.1", blue.IpJson("route show default")[0].Text("gateway"));
    }

    [Theory]
    [InlineData("docs/netlink.md")]
    [InlineData("src/Patchbay.Netlink/README.md")]
    public void Page_shows_the_example_as_it_is_compiled(string page)
    {
        string source = File.ReadAllText(Repository.PathOf("tests/Patchbay.SystemTests/Netlink/ExampleTests.cs"));
        // The first of each is here; what follows them is the method below.
        int begin = source.LastIndexOf("// begin\n", StringComparison.Ordinal) + 9, end = source.LastIndexOf("        // end\n", StringComparison.Ordinal);
        string example = source[begin..end].Replace("\n        ", "\n", StringComparison.Ordinal)[8..];

        Assert.Contains($"```csharp\n{example}```\n", File.ReadAllText(Repository.PathOf(page)), StringComparison.Ordinal);
    }

    private static void Connect(string red, string blue)
    {
        // begin
        using var there = NetworkNamespace.Open(blue); // such as /run/netns/blue
        using var here = NetworkNamespace.Open(red);
        using var host = RouteSocket.Open(here);
        using var container = RouteSocket.Open(there);

        var batch = new NetlinkBatch(); // ip link add veth0 type veth peer name eth0 netns blue; ip link set veth0 up
        batch.AddLink(new LinkSettings { Name = "veth0", Kind = new Veth(new LinkSettings { Name = "eth0", Namespace = there }) });
        batch.SetLink(0, new LinkSettings { Name = "veth0", Up = true });
        host.Execute(batch);

        int veth0 = host.FindLink("veth0")!.Index, eth0 = container.FindLink("eth0")!.Index;
        batch.Clear(); // ip addr add 10.1.2.1/24 dev veth0
        batch.AddAddress(new InterfaceAddress { Link = veth0, Address = IPAddress.Parse("10.1.2.1"), PrefixLength = 24 });
        host.Execute(batch);

        batch.Clear(); // the same for eth0, and ip route add default via 10.1.2.1
        batch.SetLink(eth0, new LinkSettings { Up = true });
        batch.AddAddress(new InterfaceAddress { Link = eth0, Address = IPAddress.Parse("10.1.2.2"), PrefixLength = 24 });
        batch.AddRoute(new Route { Family = AddressFamily.IPv4, Gateway = IPAddress.Parse("10.1.2.1") });
        container.Execute(batch);
        // end
    }
}
