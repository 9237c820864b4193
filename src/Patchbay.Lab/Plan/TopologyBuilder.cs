using System.Globalization;
using Patchbay.Lab.Schema;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>A container that runs, as a topology needs to know it.</summary>
internal sealed record RunningContainer(string Name, string Id, string? Service, int Index, string NamespacePath)
{
    /// <summary>Whether a file means it: by its name, or, as conlink's first versions do, by that of the service and a number.</summary>
    public bool IsCalled(string name) => Name == name || ReplicaName(Service, Index) == name;

    public static string? ReplicaName(string? service, int index) => service is null ? null : string.Create(CultureInfo.InvariantCulture, $"{service}_{index}");
}

/// <summary>How a topology is worked out where the files do not say.</summary>
internal sealed record TopologyOptions
{
    public required string Lab { get; init; }

    public BridgeMode DefaultBridgeMode { get; init; } = BridgeMode.Auto;

    public bool KeepVethOffload { get; init; }

    /// <summary>What bridges become that may be either: Open vSwitch where it runs with the kernel's part, as for conlink.</summary>
    public bool HasOpenVSwitch { get; init; }

    /// <summary>For cables that say nothing of it; null for what the files' language has.</summary>
    public int? DefaultMtu { get; init; }
}

/// <summary>Works out a <see cref="Topology"/> from what the files say and what runs: replicas, names, numbers, addresses.</summary>
internal sealed partial class TopologyBuilder
{
    // What a packet of Ethernet's usual size leaves inside of a tunnel over IPv4: 14 + 20 + 8 + 8 bytes around it, and 8 of options that geneve may have.
    private const int TunnelMtu = 1450;

    private readonly LabConfig _config;
    private readonly TopologyOptions _options;
    private readonly Ownership _ownership;
    private readonly Problems _problems = new();
    private readonly List<LabNode> _nodes = [];
    private readonly List<LabLink> _links = [];
    private readonly List<LabCommand> _commands = [];
    private readonly List<string> _missing = [];
    private readonly Dictionary<(string Node, string Device), Position> _devices = [];

    private TopologyBuilder(LabConfig config, TopologyOptions options)
    {
        _config = config;
        _options = options;
        _ownership = new Ownership(options.Lab);
    }

    /// <exception cref="LabFileException">Something does not fit together; all of it is told.</exception>
    public static Topology Build(LabConfig config, TopologyOptions options, IReadOnlyList<RunningContainer> containers) =>
        new TopologyBuilder(config, options).Build(containers);

    private Topology Build(IReadOnlyList<RunningContainer> containers)
    {
        _nodes.Add(new LabNode { Name = "", Kind = NodeKind.Here, Path = "/proc/self/ns/net" });
        foreach (var node in _config.Nodes)
            AddNodes(node);
        AddContainers(containers);
        var segments = _config.Bridges.Select(SegmentOf).ToList();
        foreach (var link in _config.Links)
            AddLinks(link, segments);
        foreach (var tunnel in _config.Tunnels)
            AddTunnel(tunnel, segments);
        JoinPatches(segments);
        foreach (var command in _config.Commands)
            AddCommands(command);
        var families = Families(_links.SelectMany(link => link.Forwards));
        _nodes[0] = _nodes[0] with { Sysctls = [.. families.Select(ipv4 => KeyValuePair.Create(ipv4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding", "1"))] };
        _problems.ThrowIfAny();
        return new Topology { Lab = _options.Lab, Nodes = _nodes, Segments = segments, Links = _links, Commands = _commands, Missing = _missing };
    }

    private void AddNodes(NodeConfig config)
    {
        for (var index = 1; index <= config.Replicas; index++)
        {
            var name = config.Replicas == 1 ? config.Name.Text : string.Create(CultureInfo.InvariantCulture, $"{config.Name.Text}_{index}");
            var sysctls = new List<KeyValuePair<string, string>>();
            if (config.Forwarding is { } forwarding)
            {
                sysctls.Add(KeyValuePair.Create("ipv4/ip_forward", forwarding ? "1" : "0"));
                sysctls.Add(KeyValuePair.Create("ipv6/conf/all/forwarding", forwarding ? "1" : "0"));
            }

            foreach (var (key, value) in config.Sysctls)
            {
                // sysctl.d(5) takes both forms; a name of an interface with a dot in it needs the one with slashes.
                var path = key.Text.Contains('/', StringComparison.Ordinal) ? key.Text : key.Text.Replace('.', '/');
                path = path.StartsWith("net/", StringComparison.Ordinal) ? path[4..] : path;
                if ((!path.StartsWith("ipv4/", StringComparison.Ordinal) && !path.StartsWith("ipv6/", StringComparison.Ordinal)) || path.Split('/').Any(step => step is "" or "." or ".."))
                    _problems.Add(key.At, "nodes.sysctls", $"expected a setting below net.ipv4 or net.ipv6, found \"{key.Text}\"");
                else
                    sysctls.Add(KeyValuePair.Create(path, value.Text));
            }

            var replica = new Replica(name, config.Name.Text, index);
            _nodes.Add(new LabNode
            {
                Name = name,
                Kind = NodeKind.Namespace,
                Path = NamedNamespace.PathOf($"{_options.Lab}-{name}"),
                Service = config.Name.Text,
                Index = index,
                Sysctls = sysctls,
                Shell = config.Shell,
                Loopback = new Device
                {
                    Node = name,
                    Name = "lo",
                    Mark = _ownership.Mark(name, "lo"),
                    Addresses = Addresses(config.Addresses, replica, "nodes.ip"),
                },
            });
        }
    }

    private void AddContainers(IReadOnlyList<RunningContainer> containers)
    {
        foreach (var owner in _config.Owners)
        {
            if (owner.Kind is not (OwnerKind.Service or OwnerKind.Container))
                continue;
            var found = containers.Where(each => owner.Kind == OwnerKind.Service ? each.Service == owner.Name : each.IsCalled(owner.Name)).ToList();
            if (_nodes.Find(node => node.Kind == NodeKind.Namespace && node.Name == owner.Name) is not null)
                _problems.Add(_config.Nodes[0].Name.At, "nodes", $"there is {owner} besides the node \"{owner.Name}\": give one of them another name");
            foreach (var each in found.Where(each => !_nodes.Exists(node => node.Name == each.Name)))
                _nodes.Add(new LabNode { Name = each.Name, Kind = NodeKind.Container, Path = each.NamespacePath, Service = each.Service, Index = each.Index });
            var expected = owner.Kind == OwnerKind.Service ? _config.Services.GetValueOrDefault(owner.Name, 1) : 1;
            for (var index = 1; index <= expected; index++)
            {
                if (owner.Kind == OwnerKind.Container ? found.Count == 0 : !found.Exists(each => each.Index == index))
                    _missing.Add(owner.Kind == OwnerKind.Container ? owner.Name : string.Create(CultureInfo.InvariantCulture, $"{owner.Name}_{index}"));
            }
        }
    }

    /// <summary>The nodes that an owner stands for, as far as they are there.</summary>
    private IEnumerable<(LabNode Node, Replica Replica)> NodesOf(Owner owner) => owner.Kind switch
    {
        OwnerKind.Here => [(_nodes[0], new Replica("", "", 1))],
        OwnerKind.Node => _nodes.Where(node => node.Kind == NodeKind.Namespace && node.Service == owner.Name).Select(node => (node, new Replica(node.Name, owner.Name, node.Index))),
        OwnerKind.Service => _nodes.Where(node => node.Kind == NodeKind.Container && node.Service == owner.Name)
            .Select(node => (node, new Replica(string.Create(CultureInfo.InvariantCulture, $"{owner.Name}_{node.Index}"), owner.Name, node.Index))),
        _ => _nodes.Where(node => node.Kind == NodeKind.Container && (node.Name == owner.Name || RunningContainer.ReplicaName(node.Service, node.Index) == owner.Name))
            .Select(node => (node, new Replica(owner.Name, owner.Name, 1))),
    };

    private Segment SegmentOf(BridgeConfig config)
    {
        var name = config.Name.Text;
        var replica = new Replica(name, name, 1);
        var mode = config.Mode == BridgeMode.Auto ? _options.DefaultBridgeMode : config.Mode;
        if (mode == BridgeMode.Auto)
            mode = _options.HasOpenVSwitch && config.VlanFiltering is null && config.GroupForwardMask is null && config.MulticastSnooping is null ? BridgeMode.OpenVSwitch : BridgeMode.Linux;
        if (mode == BridgeMode.OpenVSwitch && (config.VlanFiltering is not null || config.GroupForwardMask is not null || config.MulticastSnooping is not null || config.Addresses.Count > 0))
            _problems.Add(config.Name.At, "bridges", $"the bridge \"{name}\" is one of Open vSwitch: vlan-filtering, multicast-snooping, group-fwd-mask and ip are the Linux bridge's");
        if (mode == BridgeMode.Patch && (config.SpanningTree ?? config.VlanFiltering ?? config.MulticastSnooping ?? (config.GroupForwardMask is null ? null : true)) is not null)
            _problems.Add(config.Name.At, "bridges", $"the bridge \"{name}\" is a patch: a wire has no stp, vlan-filtering, multicast-snooping or group-fwd-mask");
        if (config.GroupForwardMask is { } mask && (mask & 7) != 0)
            _problems.Add(config.Name.At, "bridges", $"expected a group-fwd-mask without the bits 0, 1 and 2 (STP, pause frames, LACP), which the kernel never forwards; use mode patch. Found 0x{mask:x}");
        return new Segment
        {
            Name = name,
            Mode = mode,
            SpanningTree = config.SpanningTree,
            VlanFiltering = config.VlanFiltering,
            MulticastSnooping = config.MulticastSnooping,
            GroupForwardMask = (ushort?)config.GroupForwardMask,
            DataPath = config.DataPath,
            Device = mode != BridgeMode.Linux ? null : Claim(new Device
            {
                Node = "",
                Name = name,
                Mark = _ownership.Mark("", name, "bridge", $"{mode}"),
                Mac = MacOf(config.Mac, "", name, replica, "bridges.mac"),
                Mtu = config.Mtu,
                Addresses = Addresses(config.Addresses, replica, "bridges.ip"),
            }, config.Name.At),
        };
    }

    private void AddCommands(CommandConfig config)
    {
        foreach (var (node, replica) in NodesOf(config.Owner))
        {
            var words = config.Words.Select(word => Fill(word.Text, replica, address: null).Text).ToList();
            if (config.Shell)
                words = ["sh", "-c", string.Join('\n', words)];
            _commands.Add(new LabCommand(node.Name, words, config.Background));
        }
    }

    /// <summary>Every interface is told once in each namespace.</summary>
    private Device Claim(Device device, Position at)
    {
        if (_devices.TryAdd((device.Node, device.Name), at))
            return device;
        var before = _devices[(device.Node, device.Name)];
        _problems.Add(at, "", $"the interface \"{device.Name}\" is already {(device.Node.Length == 0 ? "among the lab's outer interfaces" : $"in {device.Node}")}, by {before}; give one of them another name");
        return device;
    }
}
