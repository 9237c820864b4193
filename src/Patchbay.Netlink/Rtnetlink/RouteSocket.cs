using System.Net;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Links, addresses, routes, rules and neighbours of one network namespace; rtnetlink(7).</summary>
/// <remarks>Changes go through a <see cref="NetlinkBatch"/>; what is asked often has a method here. Not for several threads at a time.</remarks>
public sealed partial class RouteSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    internal RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in the calling thread's namespace.</summary>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static RouteSocket Open() => new(NetlinkSocket.Open(NetlinkFamily.Route));

    /// <summary>Opens a socket in another namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static RouteSocket Open(NetworkNamespace networkNamespace) => new(NetlinkSocket.Open(NetlinkFamily.Route, networkNamespace));

    /// <summary>The netlink family of an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>IPv4 or IPv6.</returns>
    public static AddressFamily FamilyOf(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? AddressFamily.IPv4 : AddressFamily.IPv6;
    }

    /// <summary>Carries out a batch of requests.</summary>
    /// <param name="batch">The requests.</param>
    /// <exception cref="NetlinkException">The first request that failed; the later ones were tried all the same.</exception>
    public void Execute(NetlinkBatch batch) => _socket.Execute(batch);

    /// <summary>Carries out a batch of requests and collects what failed.</summary>
    /// <param name="batch">The requests.</param>
    /// <returns>The failures in the order of the requests.</returns>
    public IReadOnlyList<NetlinkException> TryExecute(NetlinkBatch batch) => _socket.TryExecute(batch);

    /// <summary>Finds a link by name.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The link, or null.</returns>
    public Link? FindLink(string name)
    {
        Link? found = null;
        var batch = new NetlinkBatch();
        batch.GetLink(name, link => found = link, Tolerated.Missing);
        _socket.Execute(batch);
        return found;
    }

    /// <summary>Finds a link by index.</summary>
    /// <param name="index">Its index.</param>
    /// <returns>The link, or null.</returns>
    public Link? FindLink(int index)
    {
        Link? found = null;
        var batch = new NetlinkBatch();
        batch.GetLink(index, link => found = link, Tolerated.Missing);
        _socket.Execute(batch);
        return found;
    }

    /// <summary>Lists all links: <c>ip -d link</c>.</summary>
    /// <param name="statistics">Whether with <see cref="Link.Statistics"/>, which take time where links are many: <c>ip -s -d link</c>.</param>
    /// <returns>The links.</returns>
    public IReadOnlyList<Link> ListLinks(bool statistics = false) =>
        List(
            RouteMessageType.GetLink,
            "list links",
            default(InterfaceHeader),
            static (scoped in MessageReader m) => Link.Decode(m),
            statistics ? null : static w => w.U32(Ifla.ExtendedMask, Ifla.WithoutStatistics));

    /// <summary>Lists the links of one kind: <c>ip -d link show type KIND</c>.</summary>
    /// <param name="kind">The kernel's name of the kind.</param>
    /// <returns>The links.</returns>
    /// <remarks>The kernel filters, unless it does not know the kind (its module is not loaded): then it lists all links, and none is of that kind.</remarks>
    public IReadOnlyList<Link> ListLinks(string kind) =>
        Filter(
            List(RouteMessageType.GetLink, "list links", default(InterfaceHeader), static (scoped in MessageReader m) => Link.Decode(m), w =>
            {
                w.U32(Ifla.ExtendedMask, Ifla.WithoutStatistics);
                using (w.Nested(Ifla.LinkInfo))
                    w.Text(Ifla.InfoKind, kind);
            }),
            link => link.Kind == kind);

    /// <summary>Lists addresses: <c>ip addr</c>.</summary>
    /// <param name="link">Index of a link; 0 for all.</param>
    /// <returns>The addresses.</returns>
    public IReadOnlyList<InterfaceAddress> ListAddresses(int link = 0) =>
        Filter(List(RouteMessageType.GetAddress, "list addresses", new InterfaceAddress.Header { Index = (uint)link }, static (scoped in MessageReader m) => InterfaceAddress.Decode(m)), a => link == 0 || a.Link == link);

    /// <summary>Lists routes of all tables, or of one: <c>ip route show table …</c>.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="table">The table; 0 for all.</param>
    /// <returns>The routes; cached copies of the kernel (RTM_F_CLONED) are left out.</returns>
    public IReadOnlyList<Route> ListRoutes(AddressFamily family, uint table = Route.MainTable)
    {
        const uint Cloned = 0x200; // RTM_F_CLONED
        const ushort RTA_TABLE = 15;
        // A table that does not exist is an error of the kernel's filtered dump ("FIB table does not exist"), and an empty list here.
        try
        {
            var routes = List(
                RouteMessageType.GetRoute,
                "list routes",
                new Route.Header { Family = (byte)family },
                static (scoped in MessageReader m) => Route.Decode(m),
                table == 0 ? null : w => w.U32(RTA_TABLE, table));
            return Filter(routes, r => (r.Flags & Cloned) == 0 && (table == 0 || r.Table == table));
        }
        catch (NetlinkException exception) when (exception.Error == Errno.NotFound)
        {
            return [];
        }
    }

    /// <summary>Asks which way a packet of this host would go: <c>ip route get DESTINATION</c>.</summary>
    /// <param name="destination">Where to.</param>
    /// <returns>The route, with its link and the source address that it prefers; null when there is none.</returns>
    public Route? FindRoute(IPAddress destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        const ushort RTA_DST = 1;
        Route? found = null;
        var batch = new NetlinkBatch();
        batch.Begin(RouteMessageType.GetRoute, NetlinkFlags.None, "find route to", destination, Tolerated.Anything, (scoped in MessageReader message) => found = Route.Decode(message));
        var family = FamilyOf(destination);
        batch.Writer.Fixed(new Route.Header { Family = (byte)family, DestinationLength = (byte)(family == AddressFamily.IPv4 ? 32 : 128) });
        batch.Writer.Address(RTA_DST, destination);
        batch.End();
        _socket.Execute(batch);
        return found;
    }

    /// <summary>Lists rules: <c>ip rule</c>.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <returns>The rules in their order.</returns>
    public IReadOnlyList<Rule> ListRules(AddressFamily family) =>
        List(RouteMessageType.GetRule, "list rules", new Rule.Header { Family = (byte)family }, static (scoped in MessageReader m) => Rule.Decode(m));

    /// <summary>Lists neighbours: <c>ip neigh</c>, or <c>bridge fdb</c> for the family Bridge.</summary>
    /// <param name="family">IPv4, IPv6 or Bridge.</param>
    /// <returns>The entries.</returns>
    public IReadOnlyList<Neighbour> ListNeighbours(AddressFamily family) =>
        List(RouteMessageType.GetNeighbour, "list neighbours", new Neighbour.Header { Family = (byte)family }, static (scoped in MessageReader m) => Neighbour.Decode(m));

    /// <summary>Lists the VLANs of a bridge port: <c>bridge vlan show dev NAME</c>.</summary>
    /// <param name="link">Index of the port.</param>
    /// <returns>The VLANs, by id.</returns>
    public IReadOnlyList<BridgeVlan> ListBridgeVlans(int link)
    {
        var all = List(
            RouteMessageType.GetLink,
            "list bridge VLANs",
            new InterfaceHeader { Family = (byte)AddressFamily.Bridge },
            static (scoped in MessageReader m) => (Vlans: BridgeVlan.Decode(m, out var index), Index: index),
            static w => w.U32(Ifla.ExtendedMask, Ifla.WithBridgeVlanRanges));
        foreach (var (vlans, index) in all)
        {
            if (index == link)
                return vlans;
        }

        return [];
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private delegate T Decoder<T>(scoped in MessageReader message);

    private List<T> List<THeader, T>(ushort type, string verb, THeader header, Decoder<T> decode, Action<MessageWriter>? filter = null)
        where THeader : unmanaged
    {
        var batch = new NetlinkBatch();
        batch.Begin(type, NetlinkFlags.Dump, verb);
        batch.Writer.Fixed(header);
        filter?.Invoke(batch.Writer);
        batch.End();
        var items = new List<T>();
        _socket.Dump(batch, items.Clear, (scoped in MessageReader message) => items.Add(decode(message)));
        return items;
    }

    // Kernels before 4.20 ignore the filter in a dump request.
    private static List<T> Filter<T>(List<T> items, Predicate<T> keep)
    {
        items.RemoveAll(item => !keep(item));
        return items;
    }
}
