using System.Net;
using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Tunnels made by the library between two hosts, judged by ip(8), bridge(8) and ping(8).</summary>
public sealed class TunnelTests : IDisposable
{
    private readonly TestHost _host = TestHost.Create();
    private readonly TestNamespace _other;
    private readonly RouteSocket _here;
    private readonly RouteSocket _there;

    public TunnelTests()
    {
        _other = _host.AddContainer();
        _host.Run("sh", "-ec", $"ip link add u0 type veth peer name u0 netns {_other.Name}; ip addr add 192.0.2.1/24 dev u0; ip link set u0 up").Check();
        _other.Run("sh", "-ec", "ip addr add 192.0.2.2/24 dev u0; ip link set u0 up").Check();
        using var here = NetworkNamespace.Open(_host.Path);
        using var there = NetworkNamespace.Open(_other.Path);
        (_here, _there) = (RouteSocket.Open(here), RouteSocket.Open(there));
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Vxlan_to_one_other_end()
    {
        Needs.Vxlan();
        JsonElement data = Connect(remote => new Vxlan(42)
        {
            Remote = remote, Local = remote.Equals(IPAddress.Parse("192.0.2.2")) ? IPAddress.Parse("192.0.2.1") : IPAddress.Parse("192.0.2.2"), Port = Vxlan.AssignedPort, GroupPolicy = true, TimeToLive = 9,
        });

        Assert.Equal((42, "192.0.2.2", "192.0.2.1", 4789, 9), (data.Number("id"), data.Text("remote"), data.Text("local"), data.Number("port"), data.Number("ttl")));
        Assert.True(data.GetProperty("gbp").GetBoolean());
        var read = Vxlan.Decode(_here.FindLink("t0")!);
        Assert.Equal((42u, "192.0.2.2", true, true), (read.Id, read.Remote?.ToString(), read.GroupPolicy, read.Learning));
    }

    [Fact]
    public void Vxlan_whose_other_ends_are_forwarding_entries()
    {
        Needs.Vxlan();
        int lower = _here.FindLink("u0")!.Index;
        JsonElement data = Connect(_ => new Vxlan(7) { Learning = false, Link = lower }, (socket, index, remote) =>
        {
            var batch = new NetlinkBatch();
            foreach (IPAddress destination in (IPAddress[])[remote, IPAddress.Parse("192.0.2.77")])
            {
                batch.AppendNeighbour(new Neighbour
                {
                    Family = AddressFamily.Bridge, Link = index, Address = default(MacAddress), Destination = destination, State = NeighbourState.NoArp | NeighbourState.Permanent, Flags = Neighbour.Self,
                });
            }

            socket.Execute(batch);
        });

        Assert.Equal((7, Vxlan.LinuxPort), (data.Number("id"), (ushort)data.Number("port")));
        Assert.False(data.GetProperty("learning").GetBoolean());
        JsonElement[] entries = [.. _host.BridgeJson("fdb show dev t0").EnumerateArray()];
        Assert.Equal(["192.0.2.2", "192.0.2.77"], entries.Select(entry => entry.Text("dst")).Order());
        Assert.All(entries, entry => Assert.Equal(("00:00:00:00:00:00", "permanent"), (entry.Text("mac"), entry.Text("state"))));
    }

    [Fact]
    public void Geneve_to_one_other_end()
    {
        Needs.Geneve();
        JsonElement data = Connect(remote => new Geneve(1001, remote) { Port = 16081 });

        Assert.Equal((1001, "192.0.2.2", 16081), (data.Number("id"), data.Text("remote"), data.Number("port")));
        var read = Geneve.Decode(_here.FindLink("t0")!);
        Assert.Equal((1001u, "192.0.2.2", (ushort?)16081), (read.Id, read.Remote.ToString(), read.Port));
    }

    /// <summary>Makes t0 at both ends, pings through it, and tells what ip(8) says of this end's.</summary>
    private JsonElement Connect(Func<IPAddress, LinkKind> kind, Action<RouteSocket, int, IPAddress>? further = null)
    {
        foreach ((RouteSocket socket, string own, string remote) in ((RouteSocket, string, string)[])[(_here, "10.9.0.1", "192.0.2.2"), (_there, "10.9.0.2", "192.0.2.1")])
        {
            var batch = new NetlinkBatch();
            batch.AddLink(new LinkSettings { Name = "t0", Up = true, Kind = kind(IPAddress.Parse(remote)) });
            socket.Execute(batch);
            int index = socket.FindLink("t0")!.Index;
            batch.Clear();
            batch.AddAddress(new InterfaceAddress { Link = index, Address = IPAddress.Parse(own), PrefixLength = 24 });
            socket.Execute(batch);
            further?.Invoke(socket, index, IPAddress.Parse(remote));
        }

        _host.Run("ping", "-c", "1", "-W", "10", "10.9.0.2").Check();
        Assert.True(_here.ListLinks(statistics: true).Single(link => link.Name == "t0").Statistics is { SentPackets: > 0, ReceivedBytes: > 0 });
        return _host.IpJson("link show dev t0")[0].GetProperty("linkinfo").GetProperty("info_data");
    }
}
