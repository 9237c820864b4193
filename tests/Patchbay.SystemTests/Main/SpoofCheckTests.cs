using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Main.MasqueradingHost;

namespace Patchbay.SystemTests.Main;

/// <summary>macspoofchk, judged by nft, by the reference plugin, and by frames.</summary>
public class SpoofCheckTests
{
    private static readonly MacAddress Mac = MacAddress.FromBytes([2, 0, 0, 0, 0, 1]);

    [Fact]
    public void Rules_are_those_of_the_reference()
    {
        using var reference = TestHost.Create();
        using var ours = TestHost.Create();
        var container = reference.AddContainer();
        var added = ReferencePlugins.Plugin(reference, "bridge").Add(container, Config, containerId: "ctr1").Check().Json.GetProperty("interfaces");
        Assert.True(MacAddress.TryParse(added[2].GetProperty("mac").GetString(), out var mac));

        In(ours, () =>
        {
            SpoofCheck.Add(Request(), added[1].GetProperty("name").GetString()!, mac);
            SpoofCheck.Add(Request(), added[1].GetProperty("name").GetString()!, mac);
        });

        Assert.Equal(Listing(reference), Listing(ours));
        In(ours, () => SpoofCheck.Remove(Request()).Dispose());
        Assert.DoesNotContain("ctr1", Listing(ours), StringComparison.Ordinal);
        In(ours, () => SpoofCheck.Remove(Request()).Dispose());

        In(reference, () => SpoofCheck.Remove(Request()).Dispose());
        Assert.DoesNotContain("ctr1", Listing(reference), StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_of_one_network_is_collected_and_no_more()
    {
        using var host = TestHost.Create();
        ReferencePlugins.Plugin(host, "bridge").Add(host.AddContainer(), Config, containerId: "theirs").Check();
        In(host, () =>
        {
            SpoofCheck.Add(Request("ctr1"), "veth1", Mac);
            SpoofCheck.Add(Request("ctr2"), "veth2", Mac);
            SpoofCheck.Add(Request("ctr3", network: "net2"), "veth3", Mac);

            SpoofCheck.Collect("net", [new CniAttachment("ctr2", "eth0")]);
        });

        var left = Listing(host);
        Assert.DoesNotContain("ctr1", left, StringComparison.Ordinal);
        Assert.Contains("ctr2", left, StringComparison.Ordinal);
        Assert.Contains("ctr3", left, StringComparison.Ordinal);
        Assert.Contains("theirs", left, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_and_odd_names_are_hashed()
    {
        using var host = TestHost.Create();
        var request = Request(new string('x', 300), "a\"b");
        In(host, () => SpoofCheck.Add(request, "veth1", Mac));
        Assert.Contains("comment \"macspoofchk-", Listing(host), StringComparison.Ordinal);

        In(host, () => SpoofCheck.Remove(request).Dispose());
        Assert.DoesNotContain("macspoofchk-", Listing(host), StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_under_another_address_are_dropped()
    {
        using var host = TestHost.Create();
        var container = host.AddContainer();
        host.Run("ip", "link", "add", "br0", "type", "bridge").Check();
        host.Run("ip", "addr", "add", "10.22.0.1/24", "dev", "br0").Check();
        host.Run("ip", "link", "add", "veth1", "type", "veth", "peer", "name", "eth0", "address", "02:00:00:00:00:01", "netns", container.Name).Check();
        host.Run("ip", "link", "set", "veth1", "master", "br0", "up").Check();
        host.Run("ip", "link", "set", "br0", "up").Check();
        container.Run("ip", "addr", "add", "10.22.0.2/24", "dev", "eth0").Check();
        container.Run("ip", "link", "set", "eth0", "up").Check();

        In(host, () => SpoofCheck.Add(Request(), "veth1", Mac));
        container.Run("ping", "-c", "1", "-W", "5", "10.22.0.1").Check();

        container.Run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:02").Check();
        Assert.NotEqual(0, container.Run("ping", "-c", "1", "-W", "1", "10.22.0.1").ExitCode);
    }

    private const string Config = """{ "cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "macspoofchk": true }""";

    private static string Listing(TestHost host) => host.Run("nft", "list", "table", "bridge", "nat").Check().StandardOutput;
}
