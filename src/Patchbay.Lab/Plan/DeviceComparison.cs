using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>What differs between an interface as it should be and as it is. What the file does not say is left as somebody set it.</summary>
internal static class DeviceComparison
{
    // The kernel gives an IPv6 route without a metric this one (include/uapi/linux/ipv6_route.h, IP6_RT_PRIO_USER).
    private const uint DefaultIPv6Metric = 1024;

    public static ChangeDevice Compare(Device device, ObservedDevice seen, ObservedNode node, Segment? segment, Ownership ownership)
    {
        var link = seen.Link;
        var add = device.Addresses.Where(wanted => !seen.Addresses.Any(has => Same(wanted, has))).ToList();
        // Only what a lab gave is a lab's to take: a container may have asked DHCP for another.
        var remove = seen.Addresses.Where(has => has.Protocol == Ownership.Protocol && !device.Addresses.Any(wanted => Same(wanted, has))).ToList();
        var addRoutes = device.Routes.Where(wanted => !seen.Routes.Any(has => Same(wanted, has))).ToList();
        var removeRoutes = seen.Routes.Where(has => has.Protocol == Ownership.Protocol && !device.Routes.Any(wanted => Same(wanted, has))).ToList();
        return new ChangeDevice(device, link.Index)
        {
            AddMark = !device.IsLent && ownership.MarkOf(link) is null,
            SetUp = !link.IsUp,
            Mtu = device.Mtu is { } mtu && mtu != link.Mtu ? mtu : null,
            Mac = device.Mac is { } mac && mac != link.Address ? mac : null,
            SetMaster = device.Master is { } master && (link.Master == 0 || node.NameOf(link.Master) != master),
            Bridge = segment is not null && !Same(segment, Bridge.Decode(link)) ? segment : null,
            AddAddresses = add,
            RemoveAddresses = remove,
            AddRoutes = addRoutes,
            RemoveRoutes = removeRoutes,
            SetEgress = !Same(device.Egress, seen.Egress),
            OldEgress = seen.Egress,
            SetRedirect = device.RedirectTo is null ? seen.RedirectIndex != 0 : seen.RedirectIndex == 0 || node.NameOf(seen.RedirectIndex) != device.RedirectTo,
            SetFeatures = [.. device.Features.Where(each => !EthtoolSocket.IsAsWished(seen.Features, each.Feature, each.On))],
            SetVlans = (device.AccessVlan is not null || device.TrunkVlans.Count > 0) && !SameVlans(device, seen.Vlans),
            OldVlans = seen.Vlans,
        };
    }

    private static bool Same(Prefix wanted, InterfaceAddress has) => wanted.Length == has.PrefixLength && wanted.Address.Equals(has.Address);

    private static bool Same(Route wanted, Route has) =>
        wanted.Family == has.Family && wanted.Table == has.Table && wanted.Type == has.Type && Equals(wanted.Destination, has.Destination) && Equals(wanted.Gateway, has.Gateway)
        && Metric(wanted) == Metric(has) && (wanted.PreferredSource is null || wanted.PreferredSource.Equals(has.PreferredSource))
        && wanted.Mtu == has.Mtu && wanted.AdvertisedMss == has.AdvertisedMss;

    private static uint Metric(Route route) => route.Family == AddressFamily.IPv6 && route.Priority == 0 ? DefaultIPv6Metric : route.Priority;

    private static bool Same(Segment segment, Bridge has) =>
        (segment.SpanningTree ?? has.SpanningTree) == has.SpanningTree && (segment.VlanFiltering ?? has.VlanFiltering) == has.VlanFiltering
        && (segment.MulticastSnooping ?? has.MulticastSnooping) == has.MulticastSnooping && (segment.GroupForwardMask ?? has.GroupForwardMask) == has.GroupForwardMask;

    // The kernel counts in ticks of 64 ns and in 32-bit fractions: what it gives back is near what it was told.
    private static bool Same(Impairment? wanted, Impairment? has)
    {
        if (wanted is null || has is null)
            return wanted is null && has is null;
        return wanted.Rate == has.Rate && wanted.Red == has.Red && Same(wanted.Netem, has.Netem);
    }

    private static bool Same(Netem? wanted, Netem? has)
    {
        if (wanted is null || has is null)
            return wanted is null && has is null;
        return Near(wanted.Delay, has.Delay) && Near(wanted.Jitter, has.Jitter) && Near(wanted.DelayCorrelation, has.DelayCorrelation)
            && Near(wanted.Loss, has.Loss) && Near(wanted.LossCorrelation, has.LossCorrelation) && Near(wanted.Duplicate, has.Duplicate)
            && Near(wanted.DuplicateCorrelation, has.DuplicateCorrelation) && Near(wanted.Corrupt, has.Corrupt) && Near(wanted.CorruptCorrelation, has.CorruptCorrelation)
            && Near(wanted.Reorder, has.Reorder) && Near(wanted.ReorderCorrelation, has.ReorderCorrelation)
            && Same(wanted.LossModel, has.LossModel) && wanted.Ecn == has.Ecn && wanted.Distribution?.Name == has.Distribution?.Name
            && wanted.Rate == has.Rate && (wanted.RateOverhead, wanted.CellSize, wanted.CellOverhead) == (has.RateOverhead, has.CellSize, has.CellOverhead)
            && Same(wanted.Slot, has.Slot) && wanted.Limit == has.Limit && wanted.Gap == has.Gap;
    }

    private static bool Same(NetemLoss? wanted, NetemLoss? has) => (wanted, has) switch
    {
        (null, null) => true,
        (FourStateLoss a, FourStateLoss b) => Near(a.P13, b.P13) && Near(a.P31, b.P31) && Near(a.P32, b.P32) && Near(a.P23, b.P23) && Near(a.P14, b.P14),
        (GilbertElliottLoss a, GilbertElliottLoss b) => Near(a.P, b.P) && Near(a.R, b.R) && Near(a.OneMinusH, b.OneMinusH) && Near(a.OneMinusK, b.OneMinusK),
        _ => false,
    };

    private static bool Same(NetemSlot? wanted, NetemSlot? has) =>
        wanted is null || has is null
            ? wanted is null && has is null
            : wanted with { Distribution = null } == has with { Distribution = null } && wanted.Distribution?.Name == has.Distribution?.Name;

    private static bool Near(TimeSpan a, TimeSpan b) => (a - b).Duration() <= TimeSpan.FromMicroseconds(1);

    private static bool Near(double a, double b) => Math.Abs(a - b) < 1e-6;

    private static bool SameVlans(Device device, IReadOnlyList<BridgeVlan> has) => WantedVlans(device).ToHashSet().SetEquals(has);

    /// <summary>The VLANs that a port should have.</summary>
    public static IEnumerable<BridgeVlan> WantedVlans(Device device)
    {
        if (device.AccessVlan is { } access)
            yield return new BridgeVlan((ushort)access, Pvid: true, Untagged: true);
        foreach (var trunk in device.TrunkVlans.Distinct().Order())
        {
            if (trunk != device.AccessVlan)
                yield return new BridgeVlan((ushort)trunk);
        }
    }
}
