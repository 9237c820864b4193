using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The way to everywhere else.</summary>
internal static class DefaultRoute
{
    /// <summary>The interface of the default route of the main table: IPv4's with the smallest metric, or IPv6's if IPv4 has none.</summary>
    /// <returns>The interface, of a multipath route the first; null when there is no default route.</returns>
    internal static Link? FindLink(RouteSocket route)
    {
        foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            Route? best = null;
            foreach (var each in route.ListRoutes(family))
            {
                if (each.Destination is null && each.Type == RouteType.Unicast && LinkOf(each) != 0 && (best is null || each.Priority < best.Priority))
                    best = each;
            }

            if (best is not null && route.FindLink(LinkOf(best)) is { } link)
                return link;
        }

        return null;
    }

    private static int LinkOf(Route route) => route.NextHops.Count > 0 ? route.NextHops[0].Link : route.Link;
}
