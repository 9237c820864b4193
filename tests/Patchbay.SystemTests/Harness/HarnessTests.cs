using System.Text.Json;

namespace Patchbay.SystemTests.Harness;

/// <summary>The harness judged by the reference plugins, so that a fault of ours is not a fault of the test.</summary>
public class HarnessTests
{
    private static string BridgeConfig(TestHost host) => $$"""
        {
          "cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
          "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
        }
        """;

    [Fact]
    public void Reference_bridge_is_added_and_deleted_and_leaves_nothing()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = ReferencePlugins.Plugin(host, "bridge");
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult added = bridge.Add(container, BridgeConfig(host)).Check();

        Assert.Equal("10.22.0.2/24", added.Json.GetProperty("ips")[0].GetProperty("address").GetString());
        JsonElement eth0 = container.IpJson("addr show dev eth0")[0];
        Assert.Contains(eth0.GetProperty("addr_info").EnumerateArray(), a => a.GetProperty("local").GetString() == "10.22.0.2");
        host.Run("ping", "-c", "1", "-W", "5", "10.22.0.2").Check();
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => before.AssertSame(Snapshot.Take(host, except: "cni0")));

        bridge.Delete(container, BridgeConfig(host)).Check();

        Assert.False(container.HasLink("eth0"));
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Plugin_error_is_read_as_an_error_object()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        PluginResult result = ReferencePlugins.Plugin(host, "bridge").Add(container, """{ "cniVersion": "9.9.9", "name": "net", "type": "bridge" }""");

        result.CheckError(1);
        Assert.Contains("incompatible CNI versions", result.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_has_its_own_network_and_leaves_no_trace()
    {
        string path, directory;
        using (TestHost host = TestHost.Create())
        {
            (path, directory) = (host.Path, host.Directory);
            JsonElement links = host.IpJson("link show");
            Assert.Equal("lo", Assert.Single(links.EnumerateArray()).GetProperty("ifname").GetString());
            Assert.Contains(links[0].GetProperty("flags").EnumerateArray(), flag => flag.GetString() == "UP");
            host.Start(["sleep", "1000"]);
        }

        Assert.False(File.Exists(path));
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public void Host_reports_a_process_that_was_left_behind()
    {
        TestHost host = TestHost.Create();
        host.Run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &").Check();

        var failure = Assert.ThrowsAny<Xunit.Sdk.XunitException>(host.Dispose);

        Assert.Matches($@"\w+ \(process \d+\) in {host.Name}", failure.Message);
        Assert.False(File.Exists(host.Path));
    }

    [Fact]
    public void Program_that_hangs_is_ended()
    {
        using TestHost host = TestHost.Create();

        Assert.Throws<TimeoutException>(() => host.Run(["sleep", "1000"], stdin: null, limit: TimeSpan.FromMilliseconds(100)));
    }

    [Fact]
    public void Bridge_filters_vlans_where_the_kernel_can()
    {
        Needs.BridgeVlanFiltering();
        using TestHost host = TestHost.Create();

        host.Run("ip", "link", "add", "br0", "type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", "7").Check();

        JsonElement br0 = Assert.Single(host.BridgeJson("vlan show").EnumerateArray());
        Assert.Equal("br0", br0.GetProperty("ifname").GetString());
        Assert.Equal(7, Assert.Single(br0.GetProperty("vlans").EnumerateArray()).GetProperty("vlan").GetInt32());
    }
}
