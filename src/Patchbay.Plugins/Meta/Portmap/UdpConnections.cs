using System.Net;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Makes the kernel forget UDP connections that go by old rules: who keeps sending would otherwise never meet the new ones.</summary>
internal static class UdpConnections
{
    private const int FewPorts = 8;

    /// <summary>After ADD: what went to these ports of the host went elsewhere.</summary>
    internal static void ForgetTo(PluginRequest request, IReadOnlyList<PortMapping> mappings)
    {
        if (!mappings.Any(mapping => mapping.Protocol == Transport.Udp))
            return;
        Try(request, conntrack =>
        {
            foreach (var ipv4 in ContainerAddresses.Families)
                Forget(conntrack, ipv4, [.. mappings.Where(mapping => mapping.Protocol == Transport.Udp && mapping.AppliesTo(ipv4))]);
        });
    }

    /// <summary>After DEL: what was translated to these containers goes nowhere.</summary>
    internal static void ForgetFrom(PluginRequest request, IReadOnlyCollection<IPAddress> containers)
    {
        if (containers.Count == 0)
            return;
        Try(request, conntrack => conntrack.Delete([.. containers.Select(static address =>
            new ConntrackFilter(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork) { Protocol = (byte)Transport.Udp, ReplySource = address })]));
    }

    private static void Forget(ConntrackSocket conntrack, bool ipv4, List<PortMapping> mappings)
    {
        if (mappings.Count is > 0 and <= FewPorts)
        {
            conntrack.Delete(mappings.ConvertAll(mapping => new ConntrackFilter(ipv4) { Protocol = (byte)Transport.Udp, DestinationPort = mapping.HostPort, Destination = mapping.HostIp }));
            return;
        }

        // The kernel goes through its whole table for each filter; for many ports once is better.
        var ports = mappings.Select(mapping => mapping.HostPort).ToHashSet();
        if (ports.Count > 0)
            conntrack.Delete(new ConntrackFilter(ipv4) { Protocol = (byte)Transport.Udp }, entry => ports.Contains(entry.Original.DestinationPort));
    }

    // The ports are mapped or gone in any case; this is the last step, and a kernel may lack it.
    private static void Try(PluginRequest request, Action<ConntrackSocket> work)
    {
        try
        {
            using var conntrack = ConntrackSocket.Open();
            work(conntrack);
        }
        catch (NetlinkException error)
        {
            PluginHost.Note(request.Environment, $"portmap: UDP connections that were tracked before may go the old way until they time out: {error.Message}");
        }
    }
}
