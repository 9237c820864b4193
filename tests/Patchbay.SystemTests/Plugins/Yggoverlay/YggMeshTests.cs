using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay with real nodes: containers of two hosts on one mesh.</summary>
public class YggMeshTests
{
    [Fact]
    public void Containers_of_two_hosts_reach_each_other_and_both_nodes()
    {
        using YggHost one = new(), two = new(Conf.IPv4);
        one.Peer(two);
        one.Start();
        two.Start();
        TestNamespace web = one.Host.AddContainer(), db = two.Host.AddContainer(), cache = one.Host.AddContainer();
        Snapshot[] before = [Snapshot.Take(one.Host, "cni0"), Snapshot.Take(two.Host, "cni0")];

        PluginResult webAdded = one.Add(web, "web"), dbAdded = two.Add(db, "db"), cacheAdded = one.Add(cache, "cache");

        Assert.Contains($"{one.AddressOf("web")}/64", webAdded.ResultAddresses());
        Reach(web, two.AddressOf("db"));
        Reach(db, one.AddressOf("web"));
        Reach(web, one.AddressOf("cache"));
        Reach(one.Host, two.AddressOf("db"));
        Reach(db, one.Gateway);
        string nodeTwo = two.Host.IpJson("-6 addr show dev ygg0")[0].GetProperty("addr_info")[0].Text("local");
        Reach(web, nodeTwo);
        // What goes elsewhere keeps its own source.
        Assert.Equal("fd22::2", web.IpJson("route get 2606:4700::1111")[0].Text("prefsrc"));
        Assert.Equal(one.AddressOf("web"), web.IpJson($"route get {two.AddressOf("db")}")[0].Text("prefsrc"));
        one.Ygg.Check(web, one.Config(webAdded)).Check();
        two.Ygg.Check(db, two.Config(dbAdded)).Check();
        new Plugin(one.Host, "bridge").Check(web, Conf.WithResult(one.BridgeConfig(), webAdded)).Check();

        for (int time = 0; time < 2; time++)
        {
            one.Delete(web, webAdded);
            one.Delete(cache, cacheAdded);
            two.Delete(db);
        }

        foreach ((YggHost host, Snapshot then) in new[] { (one, before[0]), (two, before[1]) })
        {
            Assert.Empty(host.Reserved);
            then.AssertSame(Snapshot.Take(host.Host, "cni0"));
            Assert.DoesNotContain(host.Host.Addresses("cni0"), address => address.StartsWith('3'));
        }
    }

    private static void Reach(TestNamespace from, string address) => YggHost.Eventually(() => from.Run("ping", "-c", "1", "-W", "2", address).ExitCode == 0, $"{address} to answer {from.Name}");
}
