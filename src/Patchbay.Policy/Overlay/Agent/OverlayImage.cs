using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>What the kernel has on the device for other hosts: a route, a neighbour and a forwarding entry for each.</summary>
/// <remarks>
/// Routes that go by a gateway which is their own first address, permanent neighbours and permanent forwarding entries of this device are the agent's; whatever
/// else somebody puts there is left alone.
/// </remarks>
internal sealed class OverlayImage
{
    private const uint OnLink = 4; // RTNH_F_ONLINK

    private readonly int _link;
    private readonly Dictionary<Subnet, Route> _routes = [];
    private readonly Dictionary<Ipv4, Neighbour> _neighbours = [];
    private readonly Dictionary<MacAddress, List<Neighbour>> _forwarding = [];

    private OverlayImage(int link) => _link = link;

    internal static OverlayImage Read(RouteSocket socket, int link)
    {
        var image = new OverlayImage(link);
        foreach (Route route in socket.ListRoutes(AddressFamily.IPv4))
        {
            if (route.Link == link && route.Destination is { } destination && route.Gateway is { } gateway && destination.BaseAddress.Equals(gateway))
                image._routes[Subnet.Of(Number(gateway), destination.PrefixLength)] = route;
        }

        foreach (Neighbour each in socket.ListNeighbours(AddressFamily.IPv4))
        {
            if (each.Link == link && each.State.HasFlag(NeighbourState.Permanent) && each.Destination is { } address)
                image._neighbours[Number(address)] = each;
        }

        foreach (Neighbour each in socket.ListNeighbours(AddressFamily.Bridge))
        {
            if (each.Link != link || !each.State.HasFlag(NeighbourState.Permanent) || each.Address is not { } address || each.Destination is null)
                continue;
            if (!image._forwarding.TryGetValue(address, out List<Neighbour>? entries))
                image._forwarding[address] = entries = [];
            entries.Add(each);
        }

        return image;
    }

    /// <summary>Whether packets for a lease go to its host already.</summary>
    internal bool Has(Lease lease) => _routes.ContainsKey(lease.Subnet) && HasNeighbour(lease) && HasForwarding(lease);

    /// <summary>Puts into a batch what is between this and the leases.</summary>
    /// <param name="batch">The batch; what is missing comes first, in the order in which a packet needs it last, then goes what is too much.</param>
    /// <param name="own">This host's lease, whose first address is the source of this host's own packets.</param>
    /// <param name="leases">The others' leases.</param>
    /// <param name="removes">Whether what is too much goes.</param>
    /// <returns>How many leases come or change, and how many go.</returns>
    internal (int Changed, int Removed) Differ(NetlinkBatch batch, Lease own, IReadOnlyList<Lease> leases, bool removes)
    {
        IPAddress source = own.Subnet.Base.ToAddress();
        int changed = 0;
        foreach (Lease lease in leases)
        {
            int before = batch.Count;
            if (!HasForwarding(lease))
                batch.SetNeighbour(Forwarding(lease.Address, lease.Underlay));
            if (!HasNeighbour(lease))
                batch.SetNeighbour(Resolution(lease.Subnet.Base, lease.Address));
            if (!HasRoute(lease, source))
                batch.AddRoute(RouteTo(lease.Subnet, source), RouteAddition.Replace);
            changed += batch.Count > before ? 1 : 0;
        }

        return (changed, removes ? Remove(batch, leases) : 0);
    }

    private int Remove(NetlinkBatch batch, IReadOnlyList<Lease> leases)
    {
        HashSet<Subnet> subnets = [.. leases.Select(each => each.Subnet)];
        HashSet<Ipv4> addresses = [.. leases.Select(each => each.Subnet.Base)];
        Dictionary<MacAddress, IPAddress> hosts = leases.ToDictionary(each => each.Address, each => each.Underlay);
        int removed = 0;
        foreach ((Subnet subnet, Route route) in _routes.Where(each => !subnets.Contains(each.Key)))
        {
            batch.DeleteRoute(route, Tolerated.Missing);
            removed++;
        }

        foreach ((_, Neighbour each) in _neighbours.Where(each => !addresses.Contains(each.Key)))
            batch.DeleteNeighbour(each, Tolerated.Missing);
        foreach ((MacAddress address, List<Neighbour> entries) in _forwarding)
        {
            // Where the host alone is another one, the entry was replaced.
            foreach (Neighbour each in entries.Where(each => !hosts.TryGetValue(address, out IPAddress? host) || (entries.Count > 1 && !each.Destination!.Equals(host))))
                batch.DeleteNeighbour(Forwarding(address, each.Destination!), Tolerated.Missing);
        }

        return removed;
    }

    private bool HasRoute(Lease lease, IPAddress source) =>
        _routes.TryGetValue(lease.Subnet, out Route? route) && (route.Flags & OnLink) != 0 && source.Equals(route.PreferredSource) && route.Type == RouteType.Unicast;

    private bool HasNeighbour(Lease lease) => _neighbours.TryGetValue(lease.Subnet.Base, out Neighbour? found) && found.Address == lease.Address;

    private bool HasForwarding(Lease lease) => _forwarding.TryGetValue(lease.Address, out List<Neighbour>? found) && found.Exists(each => each.Destination!.Equals(lease.Underlay));

    // ip route replace SUBNET via BASE dev VTEP onlink src OWN
    private Route RouteTo(Subnet subnet, IPAddress source) => new()
    {
        Family = AddressFamily.IPv4,
        Destination = subnet.ToNetwork(),
        Gateway = subnet.Base.ToAddress(),
        Link = _link,
        PreferredSource = source,
        Flags = OnLink,
    };

    // ip neigh replace BASE lladdr MAC dev VTEP nud permanent
    private Neighbour Resolution(Ipv4 address, MacAddress mac) => new() { Family = AddressFamily.IPv4, Link = _link, Destination = address.ToAddress(), Address = mac };

    // bridge fdb replace MAC dev VTEP dst HOST self permanent
    private Neighbour Forwarding(MacAddress mac, IPAddress host) =>
        new() { Family = AddressFamily.Bridge, Link = _link, Destination = host, Address = mac, Flags = Neighbour.Self, State = NeighbourState.NoArp | NeighbourState.Permanent };

    private static Ipv4 Number(IPAddress address) => Ipv4.Of(address.GetAddressBytes());
}
