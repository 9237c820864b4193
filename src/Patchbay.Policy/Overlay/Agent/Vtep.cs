using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>This host's end of the overlay's tunnels: a VXLAN device whose packets carry their mark as group policy id, so that tags cross hosts.</summary>
/// <remarks>The device itself remembers the lease, in its address: a restart needs no file.</remarks>
internal sealed class Vtep(OverlayConfiguration configuration) : IDisposable
{
    // Ethernet 14, UDP 8, VXLAN 8, and the outer IP header.
    private const int OverheadIPv4 = 50;
    private const int OverheadIPv6 = 70;

    private readonly RouteSocket _socket = RouteSocket.Open();
    private readonly IPAddress _underlay = configuration.Underlay;
    private readonly IReadOnlyList<Subnet> _networks = configuration.Networks;

    private string Name => configuration.VtepName;

    public void Dispose() => _socket.Dispose();

    /// <summary>The lease that the device was made for.</summary>
    /// <returns>Null when there is no device.</returns>
    /// <exception cref="OverlayException">An interface of that name is somebody else's.</exception>
    internal Lease? FindLease() => _socket.FindLink(Name) is { } link ? LeaseOf(link) : null;

    /// <summary>Makes the device, or puts right what is not as it should be.</summary>
    /// <returns>Its index and MTU.</returns>
    /// <exception cref="OverlayException">An interface of that name, or of the same network and port, is somebody else's.</exception>
    /// <exception cref="InvalidDataException">The underlay is not there.</exception>
    internal (int Index, int Mtu) Ensure(Lease lease)
    {
        Link? link = _socket.FindLink(Name);
        if (link is null)
        {
            Link underlay = FindUnderlay() ?? throw new InvalidDataException($"underlay_ip {_underlay} is on no interface of this host; give it to one, or correct the key");
            return Create(lease, underlay);
        }

        if (LeaseOf(link) != lease)
            throw new OverlayException($"{Name} has become the end of another lease, {LeaseOf(link).Subnet} instead of {lease.Subnet}: somebody has changed it");
        int mtu = FindUnderlay() is { } lower ? MtuOver(lower) : link.Mtu; // an underlay that is away for a while changes nothing
        var batch = new NetlinkBatch();
        if (link.Mtu != mtu || !link.IsUp)
            batch.SetLink(link.Index, new LinkSettings { Mtu = mtu, Up = true });
        if (!_socket.ListAddresses(link.Index).Any(each => each.Address.Equals(lease.Subnet.Base.ToAddress())))
            batch.AddAddress(OwnAddress(lease, link.Index));
        _socket.Execute(batch);
        return (link.Index, mtu);
    }

    /// <summary>Has packets for these leases go to their hosts.</summary>
    /// <param name="index">The device.</param>
    /// <param name="own">This host's lease.</param>
    /// <param name="told">All leases.</param>
    /// <param name="removes">Whether what is too much goes.</param>
    /// <param name="problems">Gets a text for each lease that is left out.</param>
    internal (int Followed, int Changed, int Removed) Converge(int index, Lease own, IReadOnlyList<Lease> told, bool removes, List<string> problems)
    {
        OverlayImage image = OverlayImage.Read(_socket, index);
        List<Lease> leases = RemoteLeases.Check(own, _networks, told, image.Has, problems);
        var batch = new NetlinkBatch();
        (int changed, int removed) = image.Differ(batch, own, leases, removes);
        _socket.Execute(batch);
        return (leases.Count, changed, removed);
    }

    /// <summary>Deletes the device, and with it all that goes by it.</summary>
    internal void Delete()
    {
        var batch = new NetlinkBatch();
        batch.DeleteLink(Name, Tolerated.Missing);
        _socket.Execute(batch);
    }

    private (int Index, int Mtu) Create(Lease lease, Link underlay)
    {
        int mtu = MtuOver(underlay);
        var kind = new Vxlan(configuration.Vni)
        {
            Local = _underlay,
            // A tun device comes and goes with its program, and would take along a tunnel that is bound to it.
            Link = underlay.Kind == Tun.KindName ? null : underlay.Index,
            Port = (ushort)configuration.VtepPort,
            Learning = false,
            GroupPolicy = true,
        };
        int index = 0;
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = Name, Mtu = mtu, Address = lease.Address, Kind = kind });
        batch.GetLink(Name, found => index = found.Index, Tolerated.Missing);
        if (_socket.TryExecute(batch) is [var refused, ..])
            throw Explained(refused);
        try
        {
            batch.Clear();
            batch.AddAddress(OwnAddress(lease, index));
            batch.SetLink(index, new LinkSettings { Up = true });
            _socket.Execute(batch);
            return (index, mtu);
        }
        catch (NetlinkException e)
        {
            Delete();
            throw Explained(e);
        }
    }

    // The kernel refuses a device at once (the same VNI), or when it is set up: devices of one port share a socket, with or without group policy.
    private Exception Explained(NetlinkException refused)
    {
        Link? other = _socket.ListLinks(Vxlan.KindName)
            .FirstOrDefault(each => Vxlan.Decode(each) is var found && found.Port == configuration.VtepPort && (found.Id == configuration.Vni || !found.GroupPolicy));
        return other is null
            ? refused
            : new OverlayException($"{Name} cannot be beside {other.Name}, a VXLAN device on port {configuration.VtepPort}: the kernel has one for a VNI, and all of a port with group policy or none. Remove it (ip link del {other.Name}), or set another vni or vtep_port on all hosts. {refused.Message}", refused);
    }

    // Scope link: the kernel does not choose it as a source for packets that leave the overlay.
    private InterfaceAddress OwnAddress(Lease lease, int index) => new()
    {
        Link = index,
        Address = lease.Subnet.Base.ToAddress(),
        PrefixLength = NetworkOf(lease.Subnet)?.Length ?? lease.Subnet.Length,
        Scope = (byte)RouteScope.Link,
    };

    private Lease LeaseOf(Link link)
    {
        string? why = link.Kind == Vxlan.KindName ? Difference(Vxlan.Decode(link)) : $"its kind is {link.Kind ?? "none"}, not vxlan";
        Ipv4? first = link.Address is { } address ? Lease.BaseOf(address) : null;
        if (why is null && first is null)
            why = $"its Ethernet address is {link.Address}, not ee:ee and the four bytes of a lease";
        else if (why is null && Subnet.Of(first!.Value, configuration.LeaseLength).Base != first)
            why = $"its Ethernet address stands for {first}, which is no first address of a /{configuration.LeaseLength}";
        return why is null
            ? Lease.Of(_underlay, new Subnet(first!.Value, configuration.LeaseLength))
            : throw new OverlayException($"{Name} is there and not this agent's: {why}. Remove it (ip link del {Name}) if nothing needs it, or set another vtep_name");
    }

    private string? Difference(Vxlan found)
    {
        (string Name, object? Found, object? Wanted)[] settings =
        [
            ("VNI", found.Id, configuration.Vni), ("port", (int?)found.Port, configuration.VtepPort), ("local address", found.Local, _underlay),
            ("learning", found.Learning ?? false, false), ("group policy", found.GroupPolicy, true),
        ];
        return settings.FirstOrDefault(each => !Equals(each.Found, each.Wanted)) is { Name: not null } other ? $"its {other.Name} is {other.Found ?? "none"}, not {other.Wanted}" : null;
    }

    private Subnet? NetworkOf(Subnet subnet) => _networks.Where(each => each.Contains(subnet)).Select(each => (Subnet?)each).FirstOrDefault();

    private Link? FindUnderlay() =>
        _socket.ListAddresses().FirstOrDefault(each => each.Address.Equals(_underlay)) is { } address ? _socket.FindLink(address.Link) : null;

    private int MtuOver(Link underlay)
    {
        int overhead = _underlay.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? OverheadIPv4 : OverheadIPv6;
        return configuration.Mtu > 0 ? configuration.Mtu : underlay.Mtu - overhead;
    }
}
