using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>What the host needs: the gateway's address, forwarding, the guard, and in routed mode a route for each container.</summary>
internal sealed class HostSide(NetworkStack host, ReservationStore? notes = null)
{
    private const string Forwarding = "ipv6/conf/all/forwarding";
    private const byte RouterAdvertisement = 9; // RTPROT_RA

    // Worse than every other: it is what packets for the mesh meet when the node has taken its own route along, and before the way to the Internet.
    private static Route GuardRoute { get; } = new() { Family = AddressFamily.IPv6, Destination = MeshAddress.Mesh, Type = RouteType.Unreachable, Priority = uint.MaxValue };

    private ReservationStore Store => notes ?? throw new InvalidOperationException("only a look was asked for");

    /// <summary>Makes what is missing.</summary>
    /// <param name="device">Where the container comes in.</param>
    /// <param name="reservation">Its address.</param>
    /// <param name="undo">Receives how to undo what is this container's.</param>
    /// <exception cref="CniException">Another interface has the gateway's address.</exception>
    internal void Apply(Link device, Reservation reservation, Rollback undo)
    {
        host.Sysctl.TryWrite($"ipv6/conf/{device.Name}/disable_ipv6", "0"); // a bridge for IPv4 may have it off
        var batch = new NetlinkBatch();
        EnsureGateway(batch, device, reservation);
        if (!HasGuard(host.Route))
        {
            Store.HasGuard = true;
            batch.AddRoute(GuardRoute, tolerate: Tolerated.Existing);
        }

        if (reservation.Mode == WiringMode.Routed)
        {
            undo.Push(() => Remove(reservation));
            batch.AddRoute(RouteTo(reservation, device.Index), RouteAddition.Replace);
        }

        host.Route.Execute(batch);
        EnableForwarding();
    }

    /// <summary>Takes away what no other container uses: its route; and of a link that is its own, the gateway's address.</summary>
    internal void Remove(Reservation reservation)
    {
        var device = host.Route.FindLink(reservation.Gateway);
        if (reservation.Mode == WiringMode.Routed && device is not null)
        {
            var batch = new NetlinkBatch();
            batch.DeleteRoute(RouteTo(reservation, device.Index), Tolerated.Missing);
            host.Route.Execute(batch);
        }

        if (device is null or { Kind: Veth.KindName })
            RemoveGateway(reservation.Gateway);
    }

    /// <summary>After the last container: takes away what all of them shared, as far as we made it. Forwarding stays, for others may need it by now.</summary>
    internal void RemoveShared()
    {
        var cleanup = new Cleanup();
        foreach (var name in Store.GatewayDevices())
            cleanup.Step(() => RemoveGateway(name));
        if (Store.HasGuard)
        {
            cleanup.Step(() =>
            {
                var batch = new NetlinkBatch();
                batch.DeleteRoute(GuardRoute, Tolerated.Missing);
                host.Route.Execute(batch);
                Store.HasGuard = false;
            });
        }

        cleanup.ThrowIfFailed();
    }

    /// <summary>What is not as an ADD leaves it; null for nothing.</summary>
    internal string? Drift(Reservation reservation)
    {
        if (host.Route.FindLink(reservation.Gateway) is not { } device)
            return $"the gateway's interface \"{reservation.Gateway}\" is missing on the host";
        var gateway = MeshAddress.GatewayOf(reservation.Subnet);
        if (!host.Route.ListAddresses(device.Index).Any(address => address.Address.Equals(gateway) && address.PrefixLength == GatewayLength(reservation.Mode)))
            return $"the gateway's address {gateway}/{GatewayLength(reservation.Mode)} is missing on \"{device.Name}\"";
        if (host.Sysctl.Read(Forwarding) != "1")
            return "the host does not forward IPv6 (net.ipv6.conf.all.forwarding)";
        var routes = host.Route.ListRoutes(AddressFamily.IPv6);
        if (!routes.Any(IsGuard))
            return $"the host's guard route \"unreachable {MeshAddress.Mesh}\" is missing";
        var wanted = RouteTo(reservation, device.Index);
        return reservation.Mode == WiringMode.Routed && !routes.Any(route => route.Destination.Equals(wanted.Destination) && route.Link == device.Index)
            ? $"the host's route to {reservation.Address} by \"{device.Name}\" is missing" : null;
    }

    private static int GatewayLength(WiringMode mode) => mode == WiringMode.Bridge ? MeshAddress.PrefixLength : 128;

    private static Route RouteTo(Reservation reservation, int device) =>
        new() { Family = AddressFamily.IPv6, Destination = new IPNetwork(reservation.Address, 128), Link = device };

    private static bool IsGuard(Route route) => route.Type == RouteType.Unreachable && route.Priority == uint.MaxValue && route.Destination.Equals(MeshAddress.Mesh);

    private static bool HasGuard(RouteSocket route) => route.ListRoutes(AddressFamily.IPv6).Any(IsGuard);

    private void EnsureGateway(NetlinkBatch batch, Link device, Reservation reservation)
    {
        var wanted = new InterfaceAddress
        {
            Link = device.Index,
            Address = MeshAddress.GatewayOf(reservation.Subnet),
            PrefixLength = GatewayLength(reservation.Mode),
            Flags = AddressFlags.NoDuplicateDetection, // usable at once
        };
        var ours = Store.GatewayOf(device.Name);
        var present = false;
        foreach (var address in host.Route.ListAddresses())
        {
            if (address.Link != device.Index)
            {
                if (address.Address.Equals(wanted.Address) && reservation.Mode == WiringMode.Bridge)
                    throw Elsewhere(wanted, device, address.Link);
                continue;
            }

            if (address.Address.Equals(wanted.Address) && address.PrefixLength == wanted.PrefixLength)
                present = true;
            else if (address.Address.Equals(wanted.Address) && ours != reservation.Subnet)
                throw new CniException(CniError.Internal, $"yggoverlay: \"{device.Name}\" has the gateway's address as {address}, this network needs {wanted}: delete it, it is not this plugin's");
            else if (ours is { } old && address.Address.Equals(MeshAddress.GatewayOf(old)))
                batch.DeleteAddress(address, Tolerated.Missing); // the node had another key then, or the network another mode
        }

        if (present)
            return;
        Store.NoteGateway(device.Name, reservation.Subnet);
        batch.AddAddress(wanted, Tolerated.Existing);
    }

    private CniException Elsewhere(InterfaceAddress wanted, Link device, int other) => new(
        CniError.Internal,
        $"yggoverlay: the gateway's address {wanted.Address} is on \"{host.Route.FindLink(other)?.Name}\" already, so \"{device.Name}\" cannot have the same subnet: set \"mode\" to \"routed\" in both networks");

    private void RemoveGateway(string name)
    {
        if (Store.GatewayOf(name) is { } subnet && host.Route.FindLink(name) is { } device)
        {
            var batch = new NetlinkBatch();
            foreach (var address in host.Route.ListAddresses(device.Index))
            {
                if (address.Address.Equals(MeshAddress.GatewayOf(subnet)))
                    batch.DeleteAddress(address, Tolerated.Missing);
            }

            host.Route.Execute(batch);
        }

        Store.ForgetGateway(name);
    }

    // A host that forwards no longer listens to routers, unless accept_ra is 2 (Documentation/networking/ip-sysctl.rst): its own way out would expire.
    private void EnableForwarding()
    {
        if (host.Sysctl.Read(Forwarding) == "1")
            return;
        foreach (var link in host.Route.ListRoutes(AddressFamily.IPv6).Where(route => route.Protocol == RouterAdvertisement).Select(route => route.Link).Distinct())
        {
            if (host.Route.FindLink(link) is { } uplink && host.Sysctl.Read($"ipv6/conf/{uplink.Name}/accept_ra") == "1")
                host.Sysctl.TryWrite($"ipv6/conf/{uplink.Name}/accept_ra", "2");
        }

        host.Sysctl.Write(Forwarding, "1");
    }
}
