using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Requests that make the interfaces of a link; all of them go to the socket here, whatever namespace an end is in.</summary>
/// <remarks>The group is the mark that an interface has from its first moment on (<see cref="Ownership"/>).</remarks>
internal static class LinkMaker
{
    public static void Add(NetlinkBatch batch, LabLink link, Place end, Place? peer, IReadOnlyDictionary<string, Link> here, uint group)
    {
        var settings = new LinkSettings
        {
            Name = IsMoved(link) ? TemporaryName(link) : link.End.Name,
            Address = link.End.Mac,
            Mtu = link.End.Mtu,
            Group = group,
            Namespace = link.End.Node.Length == 0 ? null : end.Namespace,
        };
        if (link.Type == LinkType.Veth)
        {
            if (peer is not null)
                AddVeth(batch, link, settings, peer, here, group);
            return;
        }

        batch.AddLink(settings with { Kind = KindOf(link), Lower = link.Parent is { } parent ? IndexOf(parent, link, here) : null });
    }

    /// <summary>Whether the kernel makes it beside its parent and then moves it to its node.</summary>
    /// <remarks>Before Linux 6.15 (net/core/rtnetlink.c, rtnl_newlink_create), so that the names of the parent's namespace are in the way too.</remarks>
    public static bool IsMoved(LabLink link) => link.Parent is not null && link.End.Node.Length > 0;

    /// <summary>A name that nobody has; the right one when it is in its place.</summary>
    public static string TemporaryName(LabLink link) => $"pbl{StableHash.Text(link.End.Mark)[..12]}";

    // ip link add OUTER master BRIDGE type veth peer name NAME netns NODE: the kernel lets the first of both join a bridge at once.
    private static void AddVeth(NetlinkBatch batch, LabLink link, LinkSettings end, Place peer, IReadOnlyDictionary<string, Link> here, uint group)
    {
        var device = link.Peer!;
        batch.AddLink(new LinkSettings
        {
            Name = device.Name,
            Address = device.Mac,
            Mtu = device.Mtu,
            Group = group,
            Namespace = device.Node.Length == 0 ? null : peer.Namespace,
            Master = device.Master is { } master && here.TryGetValue(master, out var bridge) ? bridge.Index : null,
            Kind = new Veth(end),
        });
    }

    private static LinkKind KindOf(LabLink link) => link.Type switch
    {
        _ when link.Tunnel is { Kind: Vxlan.KindName } tunnel => new Vxlan((uint)tunnel.Vni) { Remote = tunnel.Remote, Port = (ushort)(tunnel.Port ?? Vxlan.LinuxPort) },
        _ when link.Tunnel is { } tunnel => new Geneve((uint)tunnel.Vni, tunnel.Remote) { Port = (ushort)(tunnel.Port ?? Geneve.AssignedPort) },
        LinkType.Dummy => new Dummy(),
        LinkType.Vlan => new Vlan((ushort)link.VlanId),
        LinkType.Macvlan => new Macvlan { Mode = link.Mode is { } mode ? Enum.Parse<MacvlanMode>(mode, ignoreCase: true) : null },
        LinkType.Macvtap => new Macvtap { Mode = link.Mode is { } mode ? Enum.Parse<MacvlanMode>(mode, ignoreCase: true) : null },
        LinkType.Ipvtap => new Ipvtap { Mode = link.Mode is { } mode ? Enum.Parse<IpvlanMode>(mode, ignoreCase: true) : null },
        LinkType.Ipvlan => new Ipvlan { Mode = link.Mode is { } mode ? Enum.Parse<IpvlanMode>(mode, ignoreCase: true) : null },
        _ => throw new NotSupportedException($"the link {link}: type {link.Type} is not there yet"),
    };

    private static int IndexOf(string parent, LabLink link, IReadOnlyDictionary<string, Link> here) =>
        here.TryGetValue(parent, out var found) ? found.Index : throw new NetlinkException($"add link \"{link.End}\"", Errno.NoDevice, $"there is no interface \"{parent}\" here to put it on");
}
