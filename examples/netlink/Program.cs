using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")] // as the library is

using var here = NetworkNamespace.Open(args[0]); // such as /run/netns/red
using var there = NetworkNamespace.Open(args[1]); // such as /run/netns/blue
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
