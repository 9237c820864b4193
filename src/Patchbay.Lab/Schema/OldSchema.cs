namespace Patchbay.Lab.Schema;

/// <summary>Reads a network in the language of conlink's first versions: cables with a left and a right end, and what mininet makes inside.</summary>
/// <remarks>
/// There, the inside was made in the network container: what it called its own interfaces is here now, or at once where
/// <c>mininet-cfg</c> puts it: the port of a switch, the interface of a host.
/// </remarks>
internal sealed partial class OldSchema(Problems problems, IReadOnlyDictionary<string, int> services)
{
    // mininet's interfaces have what the kernel gives a veth.
    private const int Mtu = 1500;

    private readonly List<NodeConfig> _nodes = [];
    private readonly List<BridgeConfig> _bridges = [];
    private readonly List<LinkConfig> _links = [];
    private readonly List<TunnelConfig> _tunnels = [];
    private readonly List<CommandConfig> _commands = [];

    public static bool IsOld(ConfigNode network) =>
        network["mininet-cfg"] is not null || network["interfaces"] is not null || network["network-settings"] is not null
        || (network["links"] is { Kind: ConfigKind.List } links && links.Items.Any(link => link["left"] is not null || link["right"] is not null));

    public LabConfig Read(ConfigNode network)
    {
        var map = new MapReader(network, "", problems);
        var name = map.Text("name", longest: 40);
        map.Text("network-settings");
        if (map.Map("mininet-cfg") is { } inside)
            ReadInside(inside);
        ReadLinks([.. map.List("links")]);
        foreach (var (node, path) in map.List("tunnels"))
            ReadTunnel(node, path);
        foreach (var (node, path) in map.List("interfaces"))
            ReadInterface(node, path);
        foreach (var (node, path) in map.List("commands"))
            ReadCommand(node, path);
        map.Finish();
        foreach (var adopted in _adopted.Values.Where(adopted => !adopted.Used))
            problems.Add(adopted.Origin.At, "mininet-cfg.interfaces", $"expected the name of an end of a link or of a tunnel, found \"{adopted.Origin.Text}\"");
        return new LabConfig { Name = name, Nodes = _nodes, Bridges = _bridges, Links = _links, Tunnels = _tunnels, Commands = _commands, LabContainers = _containers, Services = services, DefaultMtu = Mtu };
    }

    private void ReadLinks(List<(ConfigNode Node, string Path)> links)
    {
        var ends = new List<(ConfigNode Node, string Path, EndConfig Left, EndConfig Right)>();
        foreach (var (node, path) in links)
        {
            var map = new MapReader(node, path, problems);
            var (left, right) = (ReadEnd(map, "left"), ReadEnd(map, "right"));
            if (left is not null && right is not null)
                ends.Add((node, path, left, right));
            map.Finish();
        }

        // Which of the containers is the network's own, no file says: it is the one whose interfaces the inside takes.
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (_, _, left, right) in ends)
        {
            var (inLeft, inRight) = (_adopted.ContainsKey(left.Device.Text), _adopted.ContainsKey(right.Device.Text));
            if (inRight && (!inLeft || !own.Contains(left.Owner.Name)))
                own.Add(right.Owner.Name);
            else if (inLeft)
                own.Add(left.Owner.Name);
        }

        foreach (var (node, path, left, right) in ends)
            AddLink(node, path, Place(left, own), Place(right, own));
    }

    private EndConfig? ReadEnd(MapReader link, string side)
    {
        if (link.Map(side) is not { } map)
        {
            if (link.IsMap)
                problems.Add(link.At, link.Path, $"expected the key \"{side}\"");
            return null;
        }

        var container = map.Text("container", required: true);
        var device = map.Text("intf", required: true);
        var end = new EndConfig
        {
            Owner = new Owner(OwnerKind.Container, container?.Text ?? ""),
            Device = device ?? default,
            Addresses = map.Texts("ip"),
            Mac = map.Text("mac"),
            Mtu = map.Integer("mtu", 68, 65535),
        };
        map.Finish();
        if (container is { } name && !Names.IsContainer(name.Text))
        {
            problems.Add(name.At, map.PathOf("container"), $"expected the name of a container, found \"{name.Text}\"");
            return null;
        }

        return container is null || device is null ? null : end;
    }

    // An end in the network's own container is here, or where the inside puts it.
    private (EndConfig End, Located? Switch) Place(EndConfig end, HashSet<string> own)
    {
        if (!own.Contains(end.Owner.Name))
            return (end, null);
        if (!_adopted.TryGetValue(end.Device.Text, out var adopted))
            return (end with { Owner = Owner.Here }, null);
        adopted.Used = true;
        end = end with { Device = adopted.Name };
        return _bridges.Exists(bridge => bridge.Name.Text == adopted.Node)
            ? (end with { Owner = Owner.Here }, new Located(adopted.Node, adopted.Origin.At))
            : (WithHost(end with { Owner = _hosts[adopted.Node].Owner }, adopted.Node), null);
    }

    private void AddLink(ConfigNode node, string path, (EndConfig End, Located? Switch) left, (EndConfig End, Located? Switch) right)
    {
        // The end that is a port of a switch is the second.
        if (left.Switch is not null && right.Switch is null)
            (left, right) = (right, left);
        _links.Add(right.Switch is null
            ? new LinkConfig { Type = LinkType.Veth, End = left.End, Peer = right.End, At = node.At, Path = path }
            : new LinkConfig { Type = LinkType.Veth, End = left.End, EndBridge = left.Switch, Bridge = right.Switch, OuterDevice = right.End.Device, At = node.At, Path = path });
    }

    private void ReadTunnel(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var type = map.Text("type", required: true);
        var device = map.Text("intf", required: true);
        var remote = map.Text("remote", required: true);
        var vni = map.Integer("vni", 0, 0xffffff);
        if (!map.Has("vni") && map.IsMap)
            problems.Add(node.At, path, "expected the key \"vni\"");
        if (type is { Text: not ("geneve" or "vxlan") } other)
            problems.Add(other.At, map.PathOf("type"), $"expected geneve or vxlan, found \"{other.Text}\"");
        var port = Port(map);
        var addresses = map.Texts("ip");
        var mac = map.Text("mac");
        map.Finish();
        if (type is null || device is not { } name || remote is not { } there)
            return;
        var adopted = _adopted.GetValueOrDefault(name.Text);
        adopted?.Used = true;
        var isPort = adopted is not null && _bridges.Exists(bridge => bridge.Name.Text == adopted.Node);
        _tunnels.Add(new TunnelConfig
        {
            Type = type.Value.Text,
            Bridge = isPort ? new Located(adopted!.Node, adopted.Origin.At) : null,
            Owner = adopted is null || isPort ? Owner.Here : _hosts[adopted.Node].Owner,
            Remote = there,
            Vni = vni ?? 0,
            Device = adopted?.Name ?? name,
            Port = port,
            Addresses = addresses,
            Mac = mac,
            At = node.At,
        });
    }

    // Words for "ip link add"; of those that a tunnel has, people used the port.
    private int? Port(MapReader map)
    {
        if (map.Text("link_args") is not { } words)
            return null;
        var list = words.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (list is ["dstport", var number] && ushort.TryParse(number, out var port) && port > 0)
            return port;
        problems.Add(words.At, map.PathOf("link_args"), $"expected \"dstport PORT\", found \"{words.Text}\"");
        return null;
    }

    private void ReadInterface(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var type = map.Choice("type", "link", "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap");
        var container = map.Text("container", required: true);
        var parent = map.Text("host-intf", required: true);
        var device = map.Text("intf", required: true);
        var read = new LinkConfig
        {
            Type = type is null ? LinkType.Link : Enum.Parse<LinkType>(type, ignoreCase: true),
            End = new EndConfig
            {
                Owner = new Owner(OwnerKind.Container, container?.Text ?? ""),
                Device = device ?? default,
                Addresses = map.Texts("ip"),
                Mac = map.Text("mac"),
                Nat = map.Text("nat"),
            },
            OuterDevice = parent,
            Mode = map.Text("mode"),
            VlanId = map.Integer("vlanid", 0, 4094),
            At = node.At,
            Path = path,
        };
        map.Finish();
        if (read.Type == LinkType.Vlan && read.VlanId is null)
            problems.Add(node.At, path, "expected the key \"vlanid\"");
        if (type is null && !map.Has("type") && map.IsMap)
            problems.Add(node.At, path, "expected the key \"type\"");
        else if (container is not null && parent is not null && device is not null)
            _links.Add(read);
    }

    private void ReadCommand(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var container = map.Text("container", required: true);
        var commands = map.Texts("command");
        if (commands.Count == 0 && map.IsMap)
            problems.Add(node.At, path, "expected the key \"command\": a text, or a list of them");
        map.Finish();
        if (container is not { } name)
            return;
        // Each text is one call, divided at its blanks; no shell sees it.
        foreach (var command in commands)
        {
            _commands.Add(new CommandConfig
            {
                Owner = new Owner(OwnerKind.Container, name.Text),
                Words = [.. command.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => new Located(word, command.At))],
                At = node.At,
            });
        }
    }
}
