using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>VRF devices made by the library, judged by ip(8), and read as ip(8) makes them.</summary>
public class VrfTests
{
    [Fact]
    public void Vrf_with_a_port()
    {
        Needs.Vrf();
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "blue", Up = true, Kind = new Vrf(100_000) });
        batch.AddLink(new LinkSettings { Name = "v0", Kind = new Veth(new LinkSettings { Name = "v1" }) });
        route.Execute(batch);
        batch.Clear();
        batch.SetLink(0, new LinkSettings { Name = "v0", Master = route.FindLink("blue")!.Index });
        route.Execute(batch);

        System.Text.Json.JsonElement blue = host.IpJson("link show dev blue")[0];
        Assert.Equal(100_000, blue.GetProperty("linkinfo").GetProperty("info_data").Number("table"));
        Assert.Equal("blue", host.IpJson("link show dev v0")[0].Text("master"));
        Link port = route.FindLink("v0")!;
        Assert.Equal((route.FindLink("blue")!.Index, "vrf"), (port.Master, port.PortKind));
        host.Run("ip", "link", "add", "red", "type", "vrf", "table", "7").Check();
        Assert.Equal(7u, Vrf.Decode(route.FindLink("red")!).Table);
    }
}
