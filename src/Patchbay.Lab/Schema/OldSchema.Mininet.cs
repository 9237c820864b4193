using System.Globalization;

namespace Patchbay.Lab.Schema;

/// <content>What mininet made inside: switches, hosts, cables between them.</content>
internal sealed partial class OldSchema
{
    private readonly Dictionary<string, Adopted> _adopted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Host> _hosts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _ports = new(StringComparer.Ordinal);

    /// <summary>An interface made outside that the inside takes.</summary>
    private sealed record Adopted(string Node, Located Origin, Located Name)
    {
        public bool Used { get; set; }
    }

    /// <summary>A host, or a container that plays one, and what it says of its first interface.</summary>
    private sealed class Host
    {
        public required Owner Owner { get; init; }

        /// <summary>The shell of a container; null for a host.</summary>
        public string? Shell { get; init; }

        public Located? Address { get; init; }

        public Located? Mac { get; init; }

        public Located? Route { get; init; }

        /// <summary>The interface that has these; null until there is one.</summary>
        public string? First { get; set; }
    }

    private void ReadInside(MapReader inside)
    {
        foreach (var (node, path) in inside.List("switches"))
            ReadSwitch(node, path);
        foreach (var (node, path) in inside.List("hosts"))
            ReadHost(node, path);
        foreach (var (node, path) in inside.List("containers"))
            ReadContainer(node, path);
        foreach (var (node, path) in inside.List("links"))
            ReadInnerLink(node, path);
        foreach (var (node, path) in inside.List("interfaces"))
            ReadAdoption(node, path);
        foreach (var (node, path) in inside.List("commands"))
            ReadInnerCommand(node, path);
        inside.Finish();
    }

    private void ReadSwitch(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var name = map.Text("name", required: true);
        var options = map.Map("opts");
        var stp = options?.Flag("stp");
        // Of Open vSwitch's controller and its protocols nothing is left where the switch is a bridge that learns.
        foreach (var key in (ReadOnlySpan<string>)["dpid", "protocols", "inband", "batch", "reconnectms", "failMode"])
            options?.Find(key);
        var datapath = options?.Choice("datapath", "kernel", "user");
        options?.Finish();
        map.Finish();
        if (name is not { } text || !Unused(text, map))
            return;
        if (Names.WhyNoDevice(text.Text) is { } why)
            problems.Add(text.At, map.PathOf("name"), why);
        _bridges.Add(new BridgeConfig { Name = text, SpanningTree = stp, DataPath = datapath == "user" ? "netdev" : null, Mode = datapath == "user" ? BridgeMode.OpenVSwitch : BridgeMode.Auto });
    }

    private void ReadHost(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var name = map.Text("name", required: true, longest: 60);
        var options = map.Map("opts");
        var host = ReadHostOptions(options, name, new Owner(OwnerKind.Node, name?.Text ?? ""), shell: null);
        options?.Finish();
        map.Finish();
        if (AddHost(map, name, host))
            _nodes.Add(new NodeConfig { Name = name!.Value, Shell = true });
    }

    private Host ReadHostOptions(MapReader? options, Located? name, Owner owner, string? shell)
    {
        options?.Find("privateDirs");
        if (options?.Flag("inNamespace") == false)
            options.Problem("inNamespace", "expected true: a host of a lab has a network of its own");
        // mininet gives out 10.0.0.1, 10.0.0.2, ... whether or not a host wants its address.
        var number = _hosts.Count + 1;
        return new Host
        {
            Owner = owner,
            Shell = shell,
            Address = options?.Text("ip") ?? new Located(string.Create(CultureInfo.InvariantCulture, $"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}/8"), name?.At ?? default),
            Mac = options?.Text("mac"),
            Route = options?.Text("defaultRoute"),
        };
    }

    private bool AddHost(MapReader map, Located? name, Host host)
    {
        if (name is not { } text || !Unused(text, map))
            return false;
        if (!Names.IsNode(text.Text))
        {
            problems.Add(text.At, map.PathOf("name"), $"expected a name of letters, digits, \"_\", \".\" and \"-\", found \"{text.Text}\"");
            return false;
        }

        _hosts[text.Text] = host;
        return true;
    }

    private bool Unused(Located name, MapReader map)
    {
        if (!_hosts.ContainsKey(name.Text) && !_bridges.Exists(bridge => bridge.Name.Text == name.Text))
            return true;
        problems.Add(name.At, map.PathOf("name"), $"there is a switch or host \"{name.Text}\" already");
        return false;
    }

    private void ReadInnerLink(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var left = NodeName(map, "left");
        var right = NodeName(map, "right");
        var options = map.Map("opts") ?? new MapReader(ConfigNode.Map([], node.At), path, problems);
        map.Finish();
        if (left is not { } first || right is not { } second)
            return;
        var impairment = ReadImpairment(options);
        var offloads = ReadOffloads(options);
        var a = ReadInnerEnd(options, "1", first, impairment) with { Ethtool = offloads };
        var b = ReadInnerEnd(options, "2", second, impairment) with { Ethtool = offloads };
        options.Finish();
        var (aIsPort, bIsPort) = (!_hosts.ContainsKey(first.Text), !_hosts.ContainsKey(second.Text));
        if (aIsPort && !bIsPort)
            (a, b, first, second, aIsPort, bIsPort) = (b, a, second, first, bIsPort, aIsPort);
        _links.Add(bIsPort
            ? new LinkConfig
            {
                Type = LinkType.Veth,
                End = a,
                EndBridge = aIsPort ? first : null,
                Bridge = second,
                OuterDevice = b.Device,
                Ingress = impairment,
                At = node.At,
                Path = path,
            }
            : new LinkConfig { Type = LinkType.Veth, End = a, Peer = b, At = node.At, Path = path });
    }

    private Located? NodeName(MapReader map, string key)
    {
        if (map.Text(key, required: true) is not { } name)
            return null;
        if (_hosts.ContainsKey(name.Text) || _bridges.Exists(bridge => bridge.Name.Text == name.Text))
            return name;
        problems.Add(name.At, map.PathOf(key), $"expected the name of a switch or a host of mininet-cfg, found \"{name.Text}\"");
        return null;
    }

    private EndConfig ReadInnerEnd(MapReader options, string side, Located node, ImpairmentConfig? impairment)
    {
        var parameters = options.Map($"params{side}");
        var address = parameters?.Texts("ip") ?? [];
        var mac = parameters?.Text("mac") ?? options.Text($"addr{side}");
        parameters?.Finish();
        options.Find($"port{side}");
        // hosts count from 0, switches from 1: port 0 is the switch's own
        var isHost = _hosts.ContainsKey(node.Text);
        var number = _ports.TryGetValue(node.Text, out var next) ? next : isHost ? 0 : 1;
        _ports[node.Text] = number + 1;
        var device = options.Text($"intfName{side}") ?? new Located(string.Create(CultureInfo.InvariantCulture, $"{node.Text}-eth{number}"), node.At);
        var end = new EndConfig
        {
            Owner = isHost ? _hosts[node.Text].Owner : Owner.Here,
            Device = device,
            Addresses = address,
            Mac = mac,
            Egress = impairment,
        };
        return isHost ? WithHost(end, node.Text) : end;
    }

    /// <summary>The host's own address, Ethernet address and default route are its first interface's.</summary>
    private EndConfig WithHost(EndConfig end, string name)
    {
        if (!_hosts.TryGetValue(name, out var host))
            return end;
        var isFirst = host.First is null || host.First == end.Device.Text;
        host.First ??= end.Device.Text;
        var told = host.Route?.Text ?? "";
        // With a blank it is what follows "ip route add default", else the name of an interface.
        var isVia = told.Contains(' ', StringComparison.Ordinal) && !told.StartsWith("dev ", StringComparison.Ordinal);
        var device = told.StartsWith("dev ", StringComparison.Ordinal) ? told[4..].Trim() : told;
        Located[] routes = host.Route is not { } route ? []
            : isVia && isFirst ? [new Located($"default {told}", route.At)]
            : !isVia && device == end.Device.Text ? [new Located("default", route.At)] : [];
        return end with
        {
            Addresses = isFirst && end.Addresses.Count == 0 && host.Address is { } address ? [address] : end.Addresses,
            Mac = isFirst ? host.Mac ?? end.Mac : end.Mac,
            Routes = [.. end.Routes, .. routes],
        };
    }

    /// <summary>mininet's words of a bad link; both directions have it.</summary>
    private static ImpairmentConfig? ReadImpairment(MapReader options)
    {
        var rate = options.Decimal("bw", 0.001, 100_000);
        var words = new List<Located>();
        if (options.Text("delay") is { } delay)
            words.Add(new Located($"delay {delay.Text}{(options.Text("jitter") is { } jitter ? $" {jitter.Text}" : "")}", delay.At));
        else if (options.Has("jitter"))
            options.Problem("jitter", "needs \"delay\"");
        if (options.Decimal("loss", 0, 100) is > 0 and var loss)
            words.Add(new Located(string.Create(CultureInfo.InvariantCulture, $"loss {loss}%"), options.AtOf("loss")));
        if (options.Integer("max_queue_size", 1, 10_000_000) is { } limit)
            words.Add(new Located(string.Create(CultureInfo.InvariantCulture, $"limit {limit}"), options.AtOf("max_queue_size")));
        foreach (var key in (ReadOnlySpan<string>)["use_tbf", "use_hfsc", "latency_ms", "speedup"])
            options.Find(key); // how the rate is enforced
        // mininet's order: who wants marks gets no drops.
        var red = options.Flag("enable_red") == true ? EarlyDetection.Drop : EarlyDetection.None;
        if (options.Flag("enable_ecn") == true)
            red = EarlyDetection.Mark;
        return rate is null && words.Count == 0 ? null : new ImpairmentConfig { Netem = words, Rate = rate * 1e6, Red = rate is null ? EarlyDetection.None : red };
    }

    /// <summary>mininet's words for ethtool(8); what is not said stays as the kernel has it.</summary>
    private static List<Located> ReadOffloads(MapReader options)
    {
        var words = new List<Located>();
        foreach (var (key, feature) in (ReadOnlySpan<(string, string)>)[("gro", "gro"), ("txo", "tx"), ("rxo", "rx")])
        {
            if (options.Flag(key) is { } on)
                words.Add(new Located($"--offload {feature} {(on ? "on" : "off")}", options.AtOf(key)));
        }

        return words;
    }

    private void ReadAdoption(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var owner = NodeName(map, "node");
        var name = map.Text("name", required: true);
        var origin = map.Text("origName") ?? name;
        map.Find("opts");
        map.Finish();
        if (owner is not { } taker || name is not { } device || origin is not { } from)
            return;
        if (!_adopted.TryAdd(from.Text, new Adopted(taker.Text, from, device)))
            problems.Add(from.At, path, $"the interface \"{from.Text}\" is taken twice");
    }

    private void ReadInnerCommand(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var name = map.Text("node", required: true);
        var commands = map.Texts("command");
        if (commands.Count == 0 && map.IsMap)
            problems.Add(node.At, path, "expected the key \"command\": a text, or a list of them");
        var sync = map.Flag("sync") ?? false;
        map.Finish();
        if (name is not { } text)
            return;
        if (!_hosts.TryGetValue(text.Text, out var host))
        {
            problems.Add(text.At, map.PathOf("node"), $"expected the name of a host of mininet-cfg, found \"{text.Text}\"");
            return;
        }

        foreach (var command in commands)
        {
            _commands.Add(new CommandConfig
            {
                Owner = host.Owner,
                Words = host.Shell is { } shell ? [new Located(shell, command.At), new Located("-c", command.At), command] : [command],
                Shell = host.Shell is null,
                Background = !sync,
                At = node.At,
            });
        }
    }
}
