using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Chooses routing tables that nobody uses.</summary>
internal static class RoutingTables
{
    /// <summary>RT_TABLE_DEFAULT; with main and local after it the tables that the kernel makes itself.</summary>
    internal const uint Default = 253;

    /// <summary>The tables of a namespace that a route of either family, a rule or a VRF names, and the kernel's own.</summary>
    internal static HashSet<uint> InUse(RouteSocket route)
    {
        var used = new HashSet<uint> { 0, Default, Route.MainTable, Route.LocalTable };
        foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            foreach (var each in route.ListRoutes(family, table: 0))
                used.Add(each.Table);
            foreach (var each in route.ListRules(family))
                used.Add(each.Table);
        }

        foreach (var link in route.ListLinks())
        {
            if (link.Kind == Vrf.KindName)
                used.Add(Vrf.Decode(link).Table);
        }

        return used;
    }

    /// <summary>The lowest table that is free, which then no longer is.</summary>
    /// <param name="used">What <see cref="InUse"/> found.</param>
    /// <param name="first">Where to begin.</param>
    internal static uint Take(HashSet<uint> used, uint first)
    {
        while (!used.Add(first))
            first++;
        return first;
    }
}
