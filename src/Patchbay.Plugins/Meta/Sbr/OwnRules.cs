using System.Net;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Sbr;

/// <summary>Which rules are this plugin's.</summary>
internal static class OwnRules
{
    /// <summary>Where the search for free tables begins.</summary>
    internal const uint FirstTable = 100;

    /// <summary>
    /// FRA_PROTOCOL of our rules, by which they are known again; a number that include/uapi/linux/rtnetlink.h gives nobody. The reference's rules and those made
    /// by hand have 0.
    /// </summary>
    internal const byte Mark = 0x50;

    private const ushort FRA_PAD = 18;
    private const ushort FRA_SUPPRESS_IFGROUP = 13;

    /// <summary><c>from ADDRESS lookup TABLE</c>.</summary>
    internal static Rule From(IPAddress address, uint table) => new()
    {
        Family = RouteSocket.FamilyOf(address),
        Source = Single(address),
        Table = table,
        Protocol = Mark,
    };

    /// <summary>A network of one address.</summary>
    internal static IPNetwork Single(IPAddress address) => new(address, RouteSocket.FamilyOf(address) == AddressFamily.IPv4 ? 32 : 128);

    /// <summary>The address of a rule that has the form of ours, the reference's too: one source, a table, and no other condition. Null for all others.</summary>
    internal static IPAddress? SourceOf(Rule rule)
    {
        if (rule.Source is not { } source || source.PrefixLength != (rule.Family == AddressFamily.IPv4 ? 32 : 128))
            return null;
        var plain = rule.Action == 1 && rule.TypeOfService == 0 && !rule.Inverted && rule.Destination is null && rule.InputLink is null && rule.OutputLink is null && rule.Mark is null
            && rule.SuppressPrefixLength is null && !rule.L3MasterDevice
            && rule.Other.All(static other => other.Type is FRA_PAD or FRA_SUPPRESS_IFGROUP);
        return plain ? source.BaseAddress : null;
    }

    /// <summary>The rules that an attachment has left, whichever of the two plugins made them.</summary>
    /// <param name="route">The container's.</param>
    /// <param name="addresses">The attachment's.</param>
    /// <param name="link">Its interface; null when it is gone.</param>
    /// <param name="table">The configuration's.</param>
    internal static List<Rule> Find(RouteSocket route, HashSet<IPAddress> addresses, Link? link, uint? table)
    {
        var found = new List<Rule>();
        HashSet<IPAddress>? present = null;
        foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            IReadOnlyList<Route>? routes = null;
            foreach (var rule in route.ListRules(family))
            {
                if (SourceOf(rule) is not { } source || rule.Table is 0 or RoutingTables.Default or Route.MainTable or Route.LocalTable)
                    continue;
                var isMarked = rule.Protocol == Mark;
                if (addresses.Contains(source) && table is { } own)
                {
                    if (rule.Table == own)
                        found.Add(rule);
                    continue;
                }

                if (table is not null || rule.Table < FirstTable)
                    continue;
                routes ??= route.ListRoutes(family, table: 0);
                // A rule made by hand for the same address leads to routes of somebody else's.
                var foreign = routes.Any(each => each.Table == rule.Table && !IsThrough(each, link));
                if (addresses.Contains(source) ? isMarked || !foreign
                    : isMarked && !routes.Any(each => each.Table == rule.Table) && !(present ??= Present(route)).Contains(source))
                {
                    found.Add(rule); // the second: its interface went without a DEL, and with it the address and the table's routes
                }
            }
        }

        return found;
    }

    /// <summary>True when a route leads through a link and no other one.</summary>
    internal static bool IsThrough(Route route, Link? link) =>
        link is not null && (route.NextHops.Count > 0 ? route.NextHops.All(hop => hop.Link == link.Index) : route.Link == link.Index);

    private static HashSet<IPAddress> Present(RouteSocket route) => [.. route.ListAddresses().Select(each => each.Address)];
}
