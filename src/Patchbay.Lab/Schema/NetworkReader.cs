namespace Patchbay.Lab.Schema;

/// <summary>Reads a merged network in conlink's language of today and what we add to it; docs/lab/keys.md has every key.</summary>
internal sealed class NetworkReader(Problems problems, IReadOnlyDictionary<string, int> services)
{
    private readonly List<NodeConfig> _nodes = [];
    private readonly List<BridgeConfig> _bridges = [];
    private readonly List<LinkConfig> _links = [];
    private readonly List<TunnelConfig> _tunnels = [];
    private readonly List<CommandConfig> _commands = [];

    public LabConfig Read(ConfigNode network)
    {
        var map = new MapReader(network, "", problems);
        var name = map.Text("name", longest: 40);
        var defaults = map.Map("defaults");
        var links = Defaults(defaults, "links");
        var bridges = Defaults(defaults, "bridges");
        var nodes = Defaults(defaults, "nodes");
        defaults?.Finish();
        foreach (var (node, path) in map.List("nodes"))
            ReadNode(node, path, nodes);
        foreach (var (node, path) in map.List("bridges"))
            ReadBridge(node, path, bridges);
        foreach (var (node, path) in map.List("links"))
            ReadLink(WithDefaults(node, links), path);
        foreach (var (node, path) in map.List("tunnels"))
            ReadTunnel(node, path);
        foreach (var (node, path) in map.List("commands"))
            ReadCommand(node, path);
        map.Finish();
        AddImpliedBridges(bridges);
        return new LabConfig { Name = name, Nodes = _nodes, Bridges = _bridges, Links = _links, Tunnels = _tunnels, Commands = _commands, Services = services };
    }

    private static ConfigNode? Defaults(MapReader? defaults, string key) => defaults?.Find(key);

    /// <summary>What a thing does not say itself, the defaults say.</summary>
    private static ConfigNode WithDefaults(ConfigNode node, ConfigNode? defaults)
    {
        if (node.Kind != ConfigKind.Map || defaults?.Kind != ConfigKind.Map)
            return node;
        foreach (var (key, value) in defaults.Entries)
        {
            if (node[key.Text] is null)
                node = node.With(key.Text, value);
        }

        return node;
    }

    private void ReadNode(ConfigNode node, string path, ConfigNode? defaults)
    {
        if (node.Kind == ConfigKind.Text)
            node = ConfigNode.Map([KeyValuePair.Create(new Located("node", node.At), node)], node.At);
        var map = new MapReader(WithDefaults(node, defaults), path, problems);
        var name = map.Text("node", required: true, longest: 60);
        var sysctls = new List<KeyValuePair<Located, Located>>();
        if (map.Find("sysctls") is { } settings)
        {
            var each = new MapReader(settings, map.PathOf("sysctls"), problems);
            foreach (var (key, _) in settings.Entries)
            {
                if (each.Text(key.Text) is { } value)
                    sysctls.Add(KeyValuePair.Create(key, value));
            }
        }

        var read = new NodeConfig
        {
            Name = name ?? default,
            Replicas = map.Integer("replicas", 1, 1000) ?? 1,
            Forwarding = map.Flag("forwarding"),
            Sysctls = sysctls,
            Addresses = map.Texts("ip"),
        };
        map.Finish();
        if (name is not { } text)
            return;
        if (!Names.IsNode(text.Text))
            problems.Add(text.At, map.PathOf("node"), $"expected a name of letters, digits, \"_\", \".\" and \"-\", found \"{text.Text}\"");
        else if (_nodes.Exists(other => other.Name.Text == text.Text))
            problems.Add(text.At, map.PathOf("node"), $"there is a node \"{text.Text}\" already");
        else
            _nodes.Add(read);
    }

    private void ReadBridge(ConfigNode node, string path, ConfigNode? defaults)
    {
        var map = new MapReader(WithDefaults(node, defaults), path, problems);
        var name = map.Text("bridge", required: true);
        var read = BridgeOf(map, name ?? default);
        map.Finish();
        if (name is not { } text || !Device(map, "bridge", text))
            return;
        if (_bridges.Exists(other => other.Name.Text == text.Text))
            problems.Add(text.At, map.PathOf("bridge"), $"there is a bridge \"{text.Text}\" already");
        else
            _bridges.Add(read);
    }

    private static BridgeConfig BridgeOf(MapReader map, Located name) => new()
    {
        Name = name,
        Mode = map.Choice("mode", "auto", "linux", "ovs", "patch") switch
        {
            "linux" => BridgeMode.Linux,
            "ovs" => BridgeMode.OpenVSwitch,
            "patch" => BridgeMode.Patch,
            _ => BridgeMode.Auto,
        },
        SpanningTree = map.Flag("stp"),
        VlanFiltering = map.Flag("vlan-filtering"),
        MulticastSnooping = map.Flag("multicast-snooping"),
        GroupForwardMask = map.Integer("group-fwd-mask", 0, 0xffff),
        Mtu = map.Integer("mtu", 68, 65535),
        Mac = map.Text("mac"),
        Addresses = map.Texts("ip"),
        DataPath = map.Choice("datapath", "system", "netdev"),
    };

    private void ReadLink(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        if (!map.IsMap)
            return;
        var type = map.Choice("type", "veth", "dummy", "vlan", "ipvlan", "ipvtap", "macvlan", "macvtap", "link") is { } word ? Enum.Parse<LinkType>(word, ignoreCase: true) : LinkType.Veth;
        var peer = map.Map("peer");
        var end = ReadEnd(map, out var ingress);
        var read = new LinkConfig
        {
            Type = type,
            End = end,
            Bridge = map.Text("bridge"),
            OuterDevice = map.Text("outer-dev"),
            Peer = peer is { IsMap: true } ? ReadEnd(peer, out ingress) : null,
            Ingress = ingress,
            Mode = map.Text("mode"),
            VlanId = map.Integer("vlanid", 0, 4094),
            AccessVlan = map.Integer("vlan", 1, 4094),
            TrunkVlans = Vlans(map),
            Forwards = map.Texts("forward"),
            At = node.At,
            Path = path,
        };
        peer?.Finish();
        map.Finish();
        Check(read, map);
        _links.Add(read);
    }

    private static List<int> Vlans(MapReader map)
    {
        var vlans = new List<int>();
        foreach (var text in map.Texts("trunk"))
        {
            if (int.TryParse(text.Text, out var vlan) && vlan is >= 1 and <= 4094)
                vlans.Add(vlan);
            else
                map.Problem("trunk", $"expected VLANs from 1 to 4094, found \"{text.Text}\"");
        }

        return vlans;
    }

    private EndConfig ReadEnd(MapReader map, out ImpairmentConfig? ingress)
    {
        var device = map.Text("dev") ?? new Located("eth0", map.At);
        var end = new EndConfig
        {
            Owner = ReadOwner(map),
            Device = device,
            Addresses = map.Texts("ip"),
            Mac = map.Text("mac"),
            Mtu = map.Integer("mtu", 68, 65535),
            Routes = map.Texts("route"),
            Nat = map.Text("nat"),
            Egress = ReadImpairment(map, out ingress),
            Ethtool = map.Texts("ethtool"),
        };
        return end;
    }

    /// <summary><c>netem: "delay 5ms"</c>, a list of such texts, or <c>netem: {egress: …, ingress: …}</c>.</summary>
    private ImpairmentConfig? ReadImpairment(MapReader map, out ImpairmentConfig? ingress)
    {
        ingress = null;
        if (map.Find("netem") is not { } found)
            return null;
        if (found.Kind != ConfigKind.Map)
            return new ImpairmentConfig { Netem = map.Texts("netem") };
        var both = new MapReader(found, map.PathOf("netem"), problems);
        var egress = both.Texts("egress");
        var other = both.Texts("ingress");
        both.Finish();
        ingress = other.Count == 0 ? null : new ImpairmentConfig { Netem = other };
        return egress.Count == 0 ? null : new ImpairmentConfig { Netem = egress };
    }

    private Owner ReadOwner(MapReader map)
    {
        Owner? owner = null;
        foreach (var (key, kind) in (ReadOnlySpan<(string, OwnerKind)>)[("service", OwnerKind.Service), ("container", OwnerKind.Container), ("node", OwnerKind.Node)])
        {
            if (map.Text(key) is not { } name)
                continue;
            if (owner is not null)
                map.Problem(key, "expected exactly one of service, container, node");
            owner = new Owner(kind, name.Text);
            if (kind == OwnerKind.Node && !_nodes.Exists(node => node.Name.Text == name.Text))
                problems.Add(name.At, map.PathOf(key), $"expected the name of an entry of \"nodes\", found \"{name.Text}\"");
            else if (kind != OwnerKind.Node && !Names.IsContainer(name.Text))
                problems.Add(name.At, map.PathOf(key), $"expected a name of letters, digits, \"_\", \".\" and \"-\", found \"{name.Text}\"");
        }

        if (owner is null && map.IsMap)
            problems.Add(map.At, map.Path, "expected one of service, container, node");
        return owner ?? Owner.Here;
    }

    private void Check(LinkConfig link, MapReader map)
    {
        var child = link.Type is not (LinkType.Veth or LinkType.Dummy);
        if (link.Type == LinkType.Veth && link.Bridge is null && link.Peer is null)
            problems.Add(link.At, link.Path, "expected the key \"bridge\", or \"peer\" for a cable to another container or node");
        if (link.Bridge is not null && link.Peer is not null)
            map.Problem("peer", "expected either \"bridge\" or \"peer\"");
        if (link.Type != LinkType.Veth)
        {
            foreach (var key in (ReadOnlySpan<string>)["bridge", "peer", "forward", "vlan", "trunk"])
            {
                if (map.Has(key))
                    map.Problem(key, $"not possible with the type {link.Type.ToString().ToLowerInvariant()}");
            }
        }

        if (child && link.OuterDevice is null)
            problems.Add(link.At, link.Path, "expected the key \"outer-dev\": the interface on top of which this one is");
        if (!child && link.OuterDevice is not null && (link.Type == LinkType.Dummy || link.Peer is not null))
            map.Problem("outer-dev", "not possible here");
        if (link.Type == LinkType.Vlan && link.VlanId is null)
            problems.Add(link.At, link.Path, "expected the key \"vlanid\"");
        if (link.Type != LinkType.Vlan && link.VlanId is not null)
            map.Problem("vlanid", "only possible with the type vlan");
        if (link.Mode is not null && link.Type is LinkType.Veth or LinkType.Dummy or LinkType.Vlan or LinkType.Link)
            map.Problem("mode", "only possible with the types macvlan, macvtap, ipvlan, ipvtap");
        if (link.End.Mac is not null && link.Type is LinkType.Ipvlan or LinkType.Ipvtap)
            map.Problem("mac", "not possible with ipvlan and ipvtap: they have the address of the interface below");
        if (link.End.Nat is not null && link.End.Addresses.Count == 0)
            map.Problem("nat", "needs \"ip\"");
        if (link.Forwards.Count > 0 && link.End.Addresses.Count == 0)
            map.Problem("forward", "needs \"ip\"");
        if (link.Bridge is { } bridge)
            Device(map, "bridge", bridge);
    }

    private void ReadTunnel(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var type = map.Choice("type", "geneve", "vxlan");
        if (!map.Has("type") && map.IsMap)
            problems.Add(node.At, path, "expected the key \"type\"");
        var bridge = map.Text("bridge", required: true);
        var remote = map.Text("remote", required: true);
        var vni = map.Integer("vni", 0, 0xffffff);
        if (!map.Has("vni") && map.IsMap)
            problems.Add(node.At, path, "expected the key \"vni\"");
        var read = new TunnelConfig
        {
            Type = type ?? "vxlan",
            Bridge = bridge,
            Remote = remote ?? default,
            Vni = vni ?? 0,
            Device = map.Text("dev"),
            Port = map.Integer("port", 1, 65535),
            Mtu = map.Integer("mtu", 68, 65535),
            Mac = map.Text("mac"),
            Egress = ReadImpairment(map, out _),
            At = node.At,
        };
        map.Finish();
        if (bridge is { } name && Device(map, "bridge", name) && remote is not null)
            _tunnels.Add(read);
    }

    private void ReadCommand(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var list = map.Find("command") is { Kind: ConfigKind.List };
        var words = map.Texts("command");
        if (words.Count == 0 && map.IsMap)
            problems.Add(node.At, path, "expected the key \"command\": a text for sh -c, or a list of a program and its arguments");
        var owner = ReadOwner(map);
        var background = map.Flag("background") ?? false;
        map.Finish();
        if (words.Count > 0)
            _commands.Add(new CommandConfig { Owner = owner, Words = words, Shell = !list, Background = background, At = node.At });
    }

    // conlink makes a bridge that a link names, and forgot those that only a tunnel names.
    private void AddImpliedBridges(ConfigNode? defaults)
    {
        foreach (var name in _links.Where(link => link.Bridge is not null).Select(link => link.Bridge!.Value).Concat(_tunnels.Select(tunnel => tunnel.Bridge!.Value)))
        {
            if (_bridges.Exists(bridge => bridge.Name.Text == name.Text))
                continue;
            var map = new MapReader(defaults ?? ConfigNode.Map([], name.At), "defaults.bridges", problems);
            _bridges.Add(BridgeOf(map, name) with { Implied = true });
        }
    }

    private bool Device(MapReader map, string key, Located name)
    {
        if (Names.WhyNoDevice(name.Text) is not { } why)
            return true;
        problems.Add(name.At, map.PathOf(key), why);
        return false;
    }
}
