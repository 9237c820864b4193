using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>A lab as it was seen before a change, for the way back: what was there of it, and of that everything which a change may set.</summary>
/// <remarks>What somebody changed by hand since the lab came up, an impairment for one, is part of it; what a file says and nobody saw is not.</remarks>
internal static class FormerTopology
{
    /// <param name="former">What the files said before the change.</param>
    /// <param name="failed">What they say now.</param>
    /// <param name="seen">What was there of <paramref name="former"/>.</param>
    public static Topology Of(Topology former, Topology failed, Observation seen)
    {
        return former with
        {
            Nodes = [.. former.Nodes.Where(node => seen.Nodes.TryGetValue(node.Name, out var there) && !there.Foreign).Select(node => AsSeen(node, seen))],
            Segments = [.. former.Segments.Where(segment => WasThere(segment, seen)).Select(segment => AsSeen(segment, seen, failed.Segments.FirstOrDefault(each => each.Name == segment.Name)))],
            Links = [.. former.Links.Where(link => Find(link.End, seen) is not null && (link.Peer is null || Find(link.Peer, seen) is not null))
                .Select(link => link with { End = AsSeen(link.End, seen), Peer = link.Peer is { } peer ? AsSeen(peer, seen) : null })],
            Commands = [],
            Missing = [],
        };
    }

    private static ObservedDevice? Find(Device device, Observation seen) =>
        seen.Nodes.GetValueOrDefault(device.Node)?.Devices.GetValueOrDefault(device.Name) is { Owned: true } found ? found : null;

    private static bool WasThere(Segment segment, Observation seen) =>
        segment.Mode == Schema.BridgeMode.OpenVSwitch ? seen.OvsBridges.Any(bridge => bridge.Name == segment.Name) : segment.Device is not { } device || Find(device, seen) is not null;

    private static LabNode AsSeen(LabNode node, Observation seen) => node with
    {
        Sysctls = [.. seen.Nodes[node.Name].Sysctls.Where(each => each.Value is not null).Select(each => KeyValuePair.Create(each.Key, each.Value!))],
        Loopback = node.Loopback is { } loopback ? AsSeen(loopback, seen) : null,
    };

    // Only what a file sets: a bridge that nobody gave an MTU follows its ports, and not every kernel takes all the options that it shows.
    private static Segment AsSeen(Segment segment, Observation seen, Segment? failed)
    {
        if (segment.Device is not { } device || Find(device, seen) is not { } found)
            return segment;
        var bridge = Bridge.Decode(found.Link);
        return segment with
        {
            Device = AsSeen(device, seen) with { Mtu = (device.Mtu ?? failed?.Device?.Mtu) is null ? null : found.Link.Mtu },
            SpanningTree = (segment.SpanningTree ?? failed?.SpanningTree) is null ? null : bridge.SpanningTree,
            VlanFiltering = (segment.VlanFiltering ?? failed?.VlanFiltering) is null ? null : bridge.VlanFiltering,
            MulticastSnooping = (segment.MulticastSnooping ?? failed?.MulticastSnooping) is null ? null : bridge.MulticastSnooping,
            GroupForwardMask = (segment.GroupForwardMask ?? failed?.GroupForwardMask) is null ? null : bridge.GroupForwardMask,
        };
    }

    private static Device AsSeen(Device device, Observation seen)
    {
        if (Find(device, seen) is not { } found)
            return device;
        var node = seen.Nodes[device.Node];
        var access = found.Vlans.Where(vlan => vlan.Pvid).Select(vlan => (int?)vlan.Id).FirstOrDefault();
        return device with
        {
            Mac = device.Mac is null ? null : found.Link.Address,
            Mtu = found.Link.Mtu,
            Addresses = [.. found.Addresses.Where(each => each.Protocol == Ownership.Protocol).Select(each => new Prefix(each.Address, each.PrefixLength))],
            Routes = [.. found.Routes.Where(each => each.Protocol == Ownership.Protocol)],
            Egress = found.Egress,
            Master = node.NameOf(found.Link.Master),
            RedirectTo = node.NameOf(found.RedirectIndex),
            AccessVlan = found.Vlans.Count > 0 ? access : device.AccessVlan,
            TrunkVlans = found.Vlans.Count > 0 ? [.. found.Vlans.Where(vlan => vlan.Id != access).Select(vlan => (int)vlan.Id)] : device.TrunkVlans,
        };
    }
}
