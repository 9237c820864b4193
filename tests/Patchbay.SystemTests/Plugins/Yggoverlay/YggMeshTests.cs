using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay with real nodes: containers of two hosts on one mesh.</summary>
public class YggMeshTests
{
    [Theory]
    [InlineData("0.4", Conf.IPv4)]
    [InlineData("0.5", Conf.Dual)]
    public void Containers_of_two_hosts_reach_each_other_and_both_nodes(string generation, string rangesOfTwo)
    {
        using YggMesh mesh = new(rangesOfTwo, generation);
        (YggHost one, YggHost two) = (mesh.One, mesh.Two);
        TestNamespace web = one.Host.AddContainer(), db = two.Host.AddContainer(), cache = one.Host.AddContainer();
        Snapshot[] before = [Snapshot.Take(one.Host, "cni0"), Snapshot.Take(two.Host, "cni0")];

        PluginResult webAdded = one.Add(web, "web"), dbAdded = two.Add(db, "db"), cacheAdded = one.Add(cache, "cache");

        Assert.Contains($"{one.AddressOf("web")}/64", webAdded.ResultAddresses());
        using (EchoServer database = EchoServer.Tcp(db, 5432), site = EchoServer.Tcp(web, 80))
        {
            Assert.Equal(one.AddressOf("web"), YggHost.Ask(web, two.AddressOf("db"), 5432));
            Assert.Equal(two.AddressOf("db"), YggHost.Ask(db, one.AddressOf("web"), 80));
            Assert.Equal(one.AddressOf("cache"), YggHost.Ask(cache, one.AddressOf("web"), 80));
            Assert.Equal(two.NodeAddress, YggHost.Ask(two.Host, one.AddressOf("web"), 80));
        }

        YggHost.Reach(web, two.AddressOf("db"));
        YggHost.Reach(one.Host, two.AddressOf("db"));
        YggHost.Reach(db, one.Gateway);
        YggHost.Reach(web, two.NodeAddress);
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

    [Theory]
    [InlineData("0.4")]
    [InlineData("0.5")]
    public void Without_a_node_the_mesh_is_unreachable_and_with_it_again_there(string generation)
    {
        using YggMesh mesh = new(generation: generation);
        TestNamespace web = mesh.One.Host.AddContainer(), db = mesh.Two.Host.AddContainer();
        PluginResult added = mesh.One.Add(web, "web");
        mesh.Two.Add(db, "db");
        string address = mesh.Two.AddressOf("db");
        YggHost.Reach(web, address);

        mesh.One.Stop();

        // Said at once, by the gateway, rather than sent to the Internet.
        CommandResult refused = web.Run("ping", "-c", "1", "-W", "10", address);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains($"From {mesh.One.Gateway}", refused.StandardOutput, StringComparison.Ordinal);
        web.Ping("fd22::1");
        mesh.One.Start();
        YggHost.Reach(web, address);
        mesh.One.Ygg.Check(web, mesh.One.Config(added)).Check();
    }
}
