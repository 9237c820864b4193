using System.Globalization;
using System.Net;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

internal sealed partial class TopologyBuilder
{
    private void AddLinks(LinkConfig config, List<Segment> segments)
    {
        var ends = NodesOf(config.End.Owner).ToList();
        if (config.Peer is { } peer)
        {
            AddCables(config, ends, peer);
            return;
        }

        foreach (var (node, replica) in ends)
            AddLink(config, node, replica, segments);
    }

    // Replica to replica where both sides have as many, or one to all; anything else is no cable plan.
    private void AddCables(LinkConfig config, List<(LabNode Node, Replica Replica)> ends, EndConfig peer)
    {
        var peers = NodesOf(peer.Owner).ToList();
        if (ends.Count == 0 || peers.Count == 0)
            return; // one of them does not run yet
        if (ends.Count != peers.Count && Math.Min(ends.Count, peers.Count) != 1 && config.End.Owner.Kind == OwnerKind.Node && peer.Owner.Kind == OwnerKind.Node)
        {
            _problems.Add(config.At, config.Path, $"expected as many replicas on both ends, found {ends.Count} of {config.End.Owner} and {peers.Count} of {peer.Owner}");
            return;
        }

        for (var i = 0; i < Math.Max(ends.Count, peers.Count); i++)
        {
            var (node, replica) = ends[Math.Min(i, ends.Count - 1)];
            var (other, otherReplica) = peers[Math.Min(i, peers.Count - 1)];
            // The end that is there once tells its cables apart by the number of the other's replica.
            var number = Math.Max(replica.Index, otherReplica.Index);
            replica = replica with { Number = number };
            otherReplica = otherReplica with { Number = number };
            var deviceA = Fill(config.End.Device.Text, replica, null).Text;
            var deviceB = Fill(peer.Device.Text, otherReplica, null).Text;
            string[] structure = ["cable", node.Name, deviceA, other.Name, deviceB];
            var mtu = config.End.Mtu ?? peer.Mtu;
            _links.Add(new LabLink
            {
                Type = LinkType.Veth,
                End = DeviceOf(config.End, node, replica, deviceA, mtu ?? DefaultMtu, structure, config),
                Peer = DeviceOf(peer, other, otherReplica, deviceB, peer.Mtu ?? mtu ?? DefaultMtu, structure, config) is var device && config.Ingress is not null && device.Egress is null
                    ? device with { Egress = ImpairmentOf(config.Ingress, config.Path) }
                    : device,
            });
        }
    }

    private void AddLink(LinkConfig config, LabNode node, Replica replica, List<Segment> segments)
    {
        var name = Fill(config.End.Device.Text, replica, null).Text;
        var segment = config.Bridge is { } bridge ? segments.Find(each => each.Name == bridge.Text) : null;
        var mtu = config.End.Mtu ?? (config.Type is LinkType.Veth or LinkType.Dummy ? DefaultMtuOf(segment) : null);
        if (segment is null)
        {
            if (config.Mode is { } mode && !ModeExists(config.Type, mode.Text))
                _problems.Add(mode.At, $"{config.Path}.mode", $"expected {(config.Type is LinkType.Macvlan or LinkType.Macvtap ? "private, vepa, bridge, passthru or source" : "l2, l3 or l3s")}, found \"{mode.Text}\"");
            var parent = config.OuterDevice is { } outer ? Fill(outer.Text, replica, null).Text : null;
            string[] structure = [$"{config.Type}", parent ?? "", $"{config.VlanId}", config.Mode?.Text ?? ""];
            var device = DeviceOf(config.End, node, replica, name, mtu, structure, config);
            _links.Add(new LabLink
            {
                Type = config.Type,
                End = config.Type == LinkType.Link ? device with { IsLent = true, Mac = config.End.Mac is null ? null : device.Mac } : device,
                Parent = parent,
                VlanId = config.VlanId ?? 0,
                Mode = config.Mode?.Text,
            });
            return;
        }

        var port = config.OuterDevice is { } told ? Fill(told.Text, replica, null).Text : OuterName(replica.Name, name);
        string[] cable = ["port", node.Name, name, port];
        var end = DeviceOf(config.End, node, replica, name, mtu, cable, config) with
        {
            Master = config.EndBridge is { } first && segments.Exists(each => each.Name == first.Text && each.Mode == BridgeMode.Linux) ? first.Text : null,
            OvsBridge = config.EndBridge is { } other && segments.Exists(each => each.Name == other.Text && each.Mode == BridgeMode.OpenVSwitch) ? other.Text : null,
        };
        if (segment.VlanFiltering != true && (config.AccessVlan is not null || config.TrunkVlans.Count > 0))
            _problems.Add(config.At, config.Path, $"\"vlan\" and \"trunk\" need the bridge \"{segment.Name}\" to have \"vlan-filtering: true\"");
        if (config.Forwards.Count > 0 && segment.Mode != BridgeMode.Linux)
            _problems.Add(config.At, config.Path, $"\"forward\" needs a Linux bridge, which \"{segment.Name}\" is not");
        var forwards = (segment.Mode != BridgeMode.Linux ? [] : config.Forwards).SelectMany(text => ForwardsOf(text, end, replica, segment.Name, config)).ToList();
        _links.Add(new LabLink
        {
            Type = LinkType.Veth,
            End = WithReturnRoutes(end, segment.Name, forwards),
            Segment = segment.Name,
            Forwards = forwards,
            Peer = Claim(
                new Device
                {
                    Node = "",
                    Name = port,
                    Mark = _ownership.Mark("", port, cable),
                    Mac = StableMac("", port, replica.Name),
                    Mtu = mtu,
                    Master = segment.Mode == BridgeMode.Linux ? segment.Name : null,
                    OvsBridge = segment.Mode == BridgeMode.OpenVSwitch ? segment.Name : null,
                    Egress = ImpairmentOf(config.Ingress, config.Path),
                    AccessVlan = config.AccessVlan,
                    TrunkVlans = config.TrunkVlans,
                },
                config.OuterDevice?.At ?? config.At),
        });
        if (Names.WhyNoDevice(port) is { } why)
            _problems.Add(config.OuterDevice?.At ?? config.At, $"{config.Path}.outer-dev", why);
        if (forwards.Count > 0)
            AddForwardingAddresses(segments, segment, forwards);
    }

    private static bool ModeExists(LinkType type, string mode) => type is LinkType.Macvlan or LinkType.Macvtap
        ? mode is "private" or "vepa" or "bridge" or "passthru" or "source"
        : mode is "l2" or "l3" or "l3s";

    private int DefaultMtu => _options.DefaultMtu ?? _config.DefaultMtu;

    private int DefaultMtuOf(Segment? segment) =>
        segment is not null && _config.Tunnels.FirstOrDefault(tunnel => tunnel.Bridge?.Text == segment.Name) is { } tunnel
            ? Math.Min(DefaultMtu, tunnel.Mtu ?? TunnelMtu)
            : DefaultMtu;

    private void AddTunnel(TunnelConfig config, List<Segment> segments)
    {
        var segment = segments.Find(each => each.Name == config.Bridge?.Text);
        if (!Prefix.TryParseAddress(config.Remote.Text, out var remote))
        {
            _problems.Add(config.Remote.At, "tunnels.remote", $"expected an address, found \"{config.Remote.Text}\"");
            return;
        }

        var name = config.Device?.Text ?? string.Create(CultureInfo.InvariantCulture, $"{config.Type}-{config.Vni}");
        if (Names.WhyNoDevice(name) is { } why)
            _problems.Add(config.Device?.At ?? config.At, "tunnels.dev", why);
        string[] structure = [config.Type, $"{remote}", $"{config.Vni}", $"{config.Port}"];
        _links.Add(new LabLink
        {
            Type = LinkType.Tunnel,
            Segment = segment?.Name,
            Tunnel = new TunnelEnd(config.Type, remote, config.Vni, config.Port),
            End = Claim(
                new Device
                {
                    Node = config.Owner.Name,
                    Name = name,
                    Mark = _ownership.Mark(config.Owner.Name, name, structure),
                    Mac = MacOf(config.Mac, "", name, new Replica(name, name, 1), "tunnels.mac"),
                    Mtu = config.Mtu,
                    Addresses = Addresses(config.Addresses, new Replica(name, name, 1), "tunnels.ip"),
                    Master = segment is { Mode: BridgeMode.Linux } ? segment.Name : null,
                    OvsBridge = segment is { Mode: BridgeMode.OpenVSwitch } ? segment.Name : null,
                    Egress = ImpairmentOf(config.Egress, "tunnels.netem"),
                },
                config.At),
        });
    }

    // A patch has two ends: each port sends on what the other gets.
    private void JoinPatches(List<Segment> segments)
    {
        foreach (var segment in segments.Where(each => each.Mode == BridgeMode.Patch))
        {
            var ports = _links.FindAll(link => link.Segment == segment.Name);
            if (ports.Count > 2)
            {
                var at = _config.Bridges.First(each => each.Name.Text == segment.Name).Name.At;
                _problems.Add(at, "bridges", $"the patch \"{segment.Name}\" joins two interfaces, found {ports.Count}: {string.Join(", ", ports.Select(link => link.End))}");
            }

            if (ports.Count != 2)
                continue;
            var names = ports.ConvertAll(link => (link.Peer ?? link.End).Name);
            for (var i = 0; i < 2; i++)
            {
                var at = _links.IndexOf(ports[i]);
                _links[at] = ports[i].Peer is { } peer
                    ? ports[i] with { Peer = peer with { RedirectTo = names[1 - i] } }
                    : ports[i] with { End = ports[i].End with { RedirectTo = names[1 - i] } };
            }
        }
    }

    private Device DeviceOf(EndConfig config, LabNode node, Replica replica, string name, int? mtu, string[] structure, LinkConfig link)
    {
        if (Names.WhyNoDevice(name) is { } why)
            _problems.Add(config.Device.At, $"{link.Path}.dev", why);
        var addresses = Addresses(config.Addresses, replica, $"{link.Path}.ip");
        var routes = new List<Route>();
        foreach (var text in config.Routes)
        {
            if (RouteText.TryParse(Fill(text.Text, replica, addresses).Text, name, out var route) is { } wrong)
                _problems.Add(text.At, $"{link.Path}.route", wrong);
            else
                routes.Add(route!);
        }

        IPAddress? nat = null;
        if (config.Nat is { } target && !Prefix.TryParseAddress(Fill(target.Text, replica, addresses).Text, out nat))
            _problems.Add(target.At, $"{link.Path}.nat", $"expected an address, found \"{target.Text}\"");
        return Claim(
            new Device
            {
                Node = node.Name,
                Name = name,
                Mark = _ownership.Mark(node.Name, name, structure),
                Mac = link.Type is LinkType.Ipvlan or LinkType.Ipvtap ? null : MacOf(config.Mac, node.Name, name, replica, $"{link.Path}.mac"),
                Mtu = mtu,
                Addresses = addresses,
                Routes = routes,
                Egress = ImpairmentOf(config.Egress, link.Path),
                Nat = nat,
                Features = Features(config, node, link),
            },
            config.Device.At);
    }

    /// <summary>conlink's name of the outer end; a hash of the whole where 15 bytes do not hold it, so that no two become one.</summary>
    private string OuterName(string owner, string device)
    {
        var name = $"{owner}-{device}";
        return Names.WhyNoDevice(name) is null ? name : $"c{StableHash.Text(_options.Lab, owner, device)[..8]}-{device[..Math.Min(5, device.Length)]}";
    }

    private MacAddress? MacOf(Located? told, string node, string device, Replica replica, string path)
    {
        if (told is not { } text)
            return StableMac(node, device, "");
        var (filled, templated) = Fill(text.Text, replica, null);
        if (!MacAddress.TryParse(filled, out var mac) || mac.IsMulticast)
        {
            _problems.Add(text.At, path, $"expected an Ethernet address of one interface, such as 02:00:00:00:00:01, found \"{text.Text}\"");
            return null;
        }

        return templated ? mac : new MacAddress((mac.Value + (ulong)(replica.Index - 1)) & 0xffff_ffff_ffff);
    }

    // First byte c2, as conlink's: locally administered, of one interface. The rest follows from the names, so that a restart keeps neighbours' caches valid.
    private MacAddress StableMac(string node, string device, string salt) =>
        new(0xc2_00_00_00_00_00 | (StableHash.Of(_options.Lab, node, device, salt) & 0xff_ffff_ffff));
}
