using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Links on top of another one, made by the library in another namespace than that one's, judged by ip(8).</summary>
public class ChildLinkTests
{
    [Fact]
    public void Macvlan_on_a_link_of_another_namespace()
    {
        Needs.Macvlan();
        JsonElement data = Create(new Macvlan { Mode = MacvlanMode.Private, Flags = MacvlanFlags.NoPromiscuous, BroadcastQueueLength = 2000 }, out Link link);

        Assert.Equal(("private", 2000), (data.Text("mode"), data.Number("bcqueuelen")));
        Assert.True(Macvlan.Decode(link) is { Mode: MacvlanMode.Private, Flags: MacvlanFlags.NoPromiscuous, BroadcastQueueLength: 2000 });
    }

    [Fact]
    public void Ipvlan_on_a_link_of_another_namespace()
    {
        Needs.Ipvlan();
        JsonElement data = Create(new Ipvlan { Mode = IpvlanMode.L3S, Flags = IpvlanFlags.Vepa }, out Link link);

        Assert.Equal("l3s", data.Text("mode"));
        Assert.True(Ipvlan.Decode(link) is { Mode: IpvlanMode.L3S, Flags: IpvlanFlags.Vepa });
    }

    [Fact]
    public void Macvtap_on_a_link_of_another_namespace()
    {
        Needs.Macvtap();
        JsonElement data = Create(new Macvtap { Mode = MacvlanMode.Bridge }, out Link link);

        Assert.Equal("bridge", data.Text("mode"));
        Assert.Equal(MacvlanMode.Bridge, Macvtap.Decode(link).Mode);
    }

    [Fact] // in one namespace: of an ipvtap link the kernel does not tell in which the link below it is (drivers/net/ipvlan/ipvtap.c has no get_link_net)
    public void Ipvtap()
    {
        Needs.Ipvtap();
        using TestHost host = TestHost.Create();
        host.Run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1").Check();
        using var space = NetworkNamespace.Open(host.Path);
        using var route = RouteSocket.Open(space);
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "eth0", Lower = route.FindLink("v0")!.Index, Kind = new Ipvtap { Mode = IpvlanMode.L2 } });
        route.Execute(batch);

        JsonElement info = host.IpJson("link show dev eth0")[0].GetProperty("linkinfo");
        Assert.Equal(("ipvtap", "l2"), (info.Text("info_kind"), info.GetProperty("info_data").Text("mode")));
        Assert.Equal(IpvlanMode.L2, Patchbay.Netlink.Rtnetlink.Ipvtap.Decode(route.FindLink("eth0")!).Mode);
    }

    [Theory]
    [InlineData(VlanProtocol.Customer, "802.1Q")]
    [InlineData(VlanProtocol.Service, "802.1ad")]
    public void Vlan_on_a_link_of_another_namespace(VlanProtocol protocol, string name)
    {
        Needs.Vlan();
        JsonElement data = Create(new Vlan(4094) { Protocol = protocol }, out Link link);

        Assert.Equal((name, 4094), (data.Text("protocol"), data.Number("id")));
        Assert.Equal(((ushort)4094, protocol), (Vlan.Decode(link).Id, Vlan.Decode(link).Protocol!.Value));
    }

    [Fact]
    public void Namespaces_are_numbered_once()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        using var space = NetworkNamespace.Open(host.Path);
        using var other = NetworkNamespace.Open(container.Path);
        using var route = RouteSocket.Open(space);
        int? none = -5, first = -5, second = -5;
        var batch = new NetlinkBatch();
        batch.GetNamespaceId(other, id => none = id);
        batch.AssignNamespaceId(other);
        batch.GetNamespaceId(other, id => first = id);
        batch.AssignNamespaceId(other);
        batch.GetNamespaceId(other, id => second = id);

        route.Execute(batch);

        Assert.Null(none);
        Assert.Equal(first, second);
        JsonElement listed = Assert.Single(host.IpJson("netns list-id").EnumerateArray());
        Assert.Equal((first, container.Name), (listed.Number("nsid"), listed.Text("name")));
    }

    /// <summary>Creates a link in a container, on top of the host's v0.</summary>
    private static JsonElement Create(LinkKind kind, out Link link)
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        host.Run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1").Check();
        using var hostSpace = NetworkNamespace.Open(host.Path);
        using var containerSpace = NetworkNamespace.Open(container.Path);
        using var route = RouteSocket.Open(containerSpace);
        int? number = null;
        var batch = new NetlinkBatch();
        batch.AssignNamespaceId(hostSpace);
        batch.GetNamespaceId(hostSpace, id => number = id);
        route.Execute(batch);
        int lower = host.IpJson("link show dev v0")[0].Number("ifindex");
        batch.Clear();
        batch.AddLink(new LinkSettings { Name = "eth0", Lower = lower, LowerNamespaceId = number, Kind = kind });
        route.Execute(batch);

        link = route.FindLink("eth0")!;
        Assert.Equal((kind.Name, lower, number), (link.Kind, link.LowerIndex, link.LowerNamespaceId));
        JsonElement shown = container.IpJson("link show dev eth0")[0];
        Assert.Equal((lower, number), (shown.Number("link_index"), shown.Number("link_netnsid")));
        JsonElement info = shown.GetProperty("linkinfo");
        Assert.Equal(kind.Name, info.Text("info_kind"));
        return info.GetProperty("info_data");
    }
}
