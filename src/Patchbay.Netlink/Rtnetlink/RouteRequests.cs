using System.Net;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Requests about addresses, routes, rules and neighbours, for a <see cref="NetlinkBatch"/>.</summary>
public static class RouteRequests
{
    /// <summary>Adds an address to a link: <c>ip addr add ADDRESS dev LINK</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="address">The address.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AddAddress(this NetlinkBatch batch, InterfaceAddress address, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.NewAddress, NetlinkFlags.Create | NetlinkFlags.Exclusive, "add address", address, tolerate);
        address.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Removes an address from a link: <c>ip addr del ADDRESS dev LINK</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="address">The address.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteAddress(this NetlinkBatch batch, InterfaceAddress address, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteAddress, NetlinkFlags.None, "delete address", address, tolerate);
        address.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Adds a route: <c>ip route add|append|replace …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="route">The route.</param>
    /// <param name="mode">What happens when there is one to the same destination already.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AddRoute(this NetlinkBatch batch, Route route, RouteAddition mode = RouteAddition.Exclusive, Tolerated tolerate = Tolerated.Nothing)
    {
        var flags = mode switch
        {
            RouteAddition.Beside => NetlinkFlags.Create,
            RouteAddition.Replace => NetlinkFlags.Create | NetlinkFlags.Replace,
            _ => NetlinkFlags.Create | NetlinkFlags.Exclusive,
        };
        batch.Begin(RouteMessageType.NewRoute, flags, "add route", route, tolerate);
        route.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Removes a route: <c>ip route del …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="route">What is set must match; scope <see cref="RouteScope.Nowhere"/> and type 0 match any.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteRoute(this NetlinkBatch batch, Route route, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteRoute, NetlinkFlags.None, "delete route", route, tolerate);
        route.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Asks for the route that packets of this host to an address take, as it stands in its table: <c>ip route get fibmatch ADDRESS</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="destination">The address.</param>
    /// <param name="found">Receives the route, all next hops included; not called when there is none.</param>
    /// <param name="tolerate"><see cref="Tolerated.Anything"/> when it is no error that there is none: the kernel says ENETUNREACH, or EACCES and others by the type of the route.</param>
    public static void GetRoute(this NetlinkBatch batch, IPAddress destination, Action<Route> found, Tolerated tolerate = Tolerated.Nothing)
    {
        const uint FibMatch = 0x2000; // RTM_F_FIB_MATCH, since Linux 4.13; older kernels answer with the one next hop that they take
        const uint LookupTable = 0x1000; // RTM_F_LOOKUP_TABLE: IPv4 is to tell the table; IPv6 always does
        const ushort RTA_DST = 1;
        var family = RouteSocket.FamilyOf(destination);
        batch.Begin(RouteMessageType.GetRoute, NetlinkFlags.None, "find route to", destination.ToString(), tolerate, (scoped in MessageReader message) => found(Route.Decode(message)));
        batch.Writer.Fixed(new Route.Header { Family = (byte)family, DestinationLength = family == AddressFamily.IPv4 ? (byte)32 : (byte)128, Flags = family == AddressFamily.IPv4 ? FibMatch | LookupTable : FibMatch });
        batch.Writer.Address(RTA_DST, destination);
        batch.End();
    }

    /// <summary>Adds a rule: <c>ip rule add …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AddRule(this NetlinkBatch batch, Rule rule, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.NewRule, NetlinkFlags.Create | NetlinkFlags.Exclusive, "add rule", rule, tolerate);
        rule.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Removes a rule: <c>ip rule del …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="rule">What is set must match.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteRule(this NetlinkBatch batch, Rule rule, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteRule, NetlinkFlags.None, "delete rule", rule, tolerate);
        rule.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Adds or replaces a neighbour entry: <c>ip neigh replace …</c>, <c>bridge fdb replace …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="neighbour">The entry.</param>
    public static void SetNeighbour(this NetlinkBatch batch, Neighbour neighbour)
    {
        batch.Begin(RouteMessageType.NewNeighbour, NetlinkFlags.Create | NetlinkFlags.Replace, "set neighbour", neighbour);
        neighbour.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Adds a destination to a forwarding entry: <c>bridge fdb append 00:00:00:00:00:00 dev VXLAN dst REMOTE self permanent</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="neighbour">The entry; that of the address zero tells where frames to everybody and to the unknown go, once to each destination.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    public static void AppendNeighbour(this NetlinkBatch batch, Neighbour neighbour, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.NewNeighbour, NetlinkFlags.Create | NetlinkFlags.Append, "append neighbour", neighbour, tolerate);
        neighbour.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Removes a neighbour entry: <c>ip neigh del …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="neighbour">The entry.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteNeighbour(this NetlinkBatch batch, Neighbour neighbour, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteNeighbour, NetlinkFlags.None, "delete neighbour", neighbour, tolerate);
        neighbour.Write(batch.Writer);
        batch.End();
    }
}

/// <summary>What adding a route does when one to the same destination exists.</summary>
public enum RouteAddition
{
    /// <summary>It fails: <c>ip route add</c>.</summary>
    Exclusive,

    /// <summary>
    /// Both stay where the kernel allows it (CREATE without EXCL): IPv6 makes a multipath route, IPv4 keeps the one beside the other
    /// if their next hops differ.
    /// </summary>
    Beside,

    /// <summary>It takes the other's place: <c>ip route replace</c>.</summary>
    Replace,
}
