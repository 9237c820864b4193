using System.Globalization;
using System.Net;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;
using AddressFamily = Patchbay.Netlink.Rtnetlink.AddressFamily;

namespace Patchbay.Lab.Plan;

internal sealed partial class TopologyBuilder
{
    /// <summary>Which of several a value is for.</summary>
    /// <param name="Name">Its own name: <c>web_2</c>.</param>
    /// <param name="Service">What the files call all of them: <c>web</c>.</param>
    /// <param name="Index">From 1.</param>
    private readonly record struct Replica(string Name, string Service, int Index)
    {
        /// <summary>What <c>{INDEX}</c> stands for: for the one end of cables to all replicas of another, the other's number.</summary>
        public int Number { get => field == 0 ? Index : field; init; }
    }

    /// <summary>Fills <c>{INDEX}</c>, <c>{INDEX0}</c> (from 0), <c>{SERVICE}</c>, <c>{NAME}</c> and <c>{IP}</c> in; a value with any of them is not counted up by itself.</summary>
    private static (string Text, bool Templated) Fill(string text, Replica replica, IReadOnlyList<Prefix>? address)
    {
        if (!text.Contains('{', StringComparison.Ordinal))
            return (text, false);
        var filled = text
            .Replace("{INDEX}", replica.Number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{INDEX0}", (replica.Number - 1).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{SERVICE}", replica.Service, StringComparison.Ordinal)
            .Replace("{NAME}", replica.Name, StringComparison.Ordinal);
        if (address is [var first, ..])
            filled = filled.Replace("{IP}", first.Address.ToString(), StringComparison.Ordinal);
        return (filled, !ReferenceEquals(filled, text) && filled != text);
    }

    private List<Prefix> Addresses(IReadOnlyList<Located> texts, Replica replica, string path)
    {
        var addresses = new List<Prefix>();
        foreach (var text in texts)
        {
            var (filled, templated) = Fill(text.Text, replica, null);
            if (!Prefix.TryParse(filled, out var prefix))
            {
                _problems.Add(text.At, path, $"expected an address with its prefix, such as 10.0.1.1/16 or fd00::1/64, found \"{filled}\"");
                continue;
            }

            if ((templated ? prefix : prefix.Plus(replica.Index - 1)) is not { } moved)
                _problems.Add(text.At, path, $"{prefix} plus {replica.Index - 1}, for replica {replica.Index} of \"{replica.Service}\", is not an address of {Prefix.NetworkOf(prefix.Address, prefix.Length)}/{prefix.Length}");
            else if (addresses.Contains(moved))
                _problems.Add(text.At, path, $"the address {moved} is there twice");
            else
                addresses.Add(moved);
        }

        return addresses;
    }

    private Impairment? ImpairmentOf(ImpairmentConfig? config, string path)
    {
        if (config is null)
            return null;
        Impairment? netem = null;
        // A variable may leave nothing of it.
        if (config.Netem.Any(text => !string.IsNullOrWhiteSpace(text.Text)))
        {
            // The words of a list stand behind one another; a mistake is told of the whole, for an entry need not make sense alone.
            if (NetemReader.TryParse(string.Join(' ', config.Netem), out netem) is { } wrong)
                _problems.Add((config.Netem.FirstOrDefault(text => config.Netem.Count > 1 && NetemReader.TryParse(text.Text, out _) == wrong) is { Text: not null } guilty ? guilty : config.Netem[0]).At, $"{path}.netem", wrong);
        }

        return config.Rate is { } bits ? new Impairment(netem?.Netem, (ulong)(bits / 8)) { Red = config.Red } : netem;
    }

    /// <summary>ethtool(8)'s words without the interface: <c>--offload rx off tx off</c>.</summary>
    private List<(string Feature, bool On)> Features(EndConfig config, LabNode node, LinkConfig link)
    {
        var features = new List<(string, bool)>();
        // As conlink: programs in containers that make packets themselves do not expect a checksum left for hardware that is not there.
        if (link.Type == LinkType.Veth && node.Kind == NodeKind.Container && !_options.KeepVethOffload)
            features.Add(("tx", false));
        foreach (var text in config.Ethtool)
        {
            var words = text.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 3 || words.Length % 2 == 0 || words[0] is not ("-K" or "--offload" or "--features") || words.Where((word, i) => i > 0 && i % 2 == 0).Any(word => word is not ("on" or "off")))
            {
                _problems.Add(text.At, $"{link.Path}.ethtool", $"expected --offload and pairs of a feature and on or off, such as \"--offload rx off\", found \"{text.Text}\"");
                continue;
            }

            for (var i = 1; i < words.Length; i += 2)
                features.Add((words[i], words[i + 1] == "on"));
        }

        // Of what is said twice the later counts.
        return [.. features.Where((each, i) => features.FindLastIndex(other => other.Item1 == each.Item1) == i)];
    }

    /// <summary><c>1080:80/tcp</c>: a port here, one of the node, and the protocol; for each address of the node.</summary>
    private IEnumerable<Forward> ForwardsOf(Located text, Device end, Replica replica, string bridge, LinkConfig config)
    {
        var (filled, templated) = Fill(text.Text, replica, end.Addresses);
        var parts = filled.Split('/');
        var ports = parts[0].Split(':');
        byte protocol = parts is [_, "tcp"] ? Forward.Tcp : parts is [_, "udp"] ? Forward.Udp : (byte)0;
        if (protocol == 0 || ports is not [var from, var to] || !TryPort(from, out var port) || !TryPort(to, out var target))
        {
            _problems.Add(text.At, $"{config.Path}.forward", $"expected PORT:PORT/tcp or PORT:PORT/udp, such as 1080:80/tcp, found \"{text.Text}\"");
            yield break;
        }

        var own = port + (templated ? 0 : replica.Index - 1);
        if (own > ushort.MaxValue)
            _problems.Add(text.At, $"{config.Path}.forward", $"port {port} plus {replica.Index - 1}, for replica {replica.Index}, is no port");
        else if (!_forwarded.Add((protocol, (ushort)own)))
            _problems.Add(text.At, $"{config.Path}.forward", $"port {own} leads to another node already");
        foreach (var address in end.Addresses.GroupBy(each => each.IsIPv4).Select(group => group.First()))
            yield return new Forward(protocol, (ushort)own, address.Address, target, bridge);
    }

    private readonly HashSet<(byte, ushort)> _forwarded = [];

    private static bool TryPort(string text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port > 0;

    // From where forwarded connections come: an address of the bridge alone, so that the node needs no route to anywhere else.
    // 169.254.0.0/16 (RFC 3927), and a network of RFC 4193: fd, "Patch", and 16 bits.
    private Prefix ForwardingAddress(string bridge, bool ipv4)
    {
        var hash = StableHash.Of(_options.Lab, bridge);
        var (a, b) = ((byte)(1 + (hash % 254)), (byte)(1 + ((hash >> 8) % 254)));
        return ipv4
            ? new Prefix(new IPAddress([169, 254, a, b]), 32)
            : new Prefix(new IPAddress([0xfd, 0x50, 0x61, 0x74, 0x63, 0x68, a, b, 0, 0, 0, 0, 0, 0, 0, 1]), 128);
    }

    private Device WithReturnRoutes(Device end, string bridge, List<Forward> forwards) =>
        forwards.Count == 0 ? end : end with { Routes = [.. end.Routes, .. Families(forwards).Select(ipv4 => HostRoute(ForwardingAddress(bridge, ipv4).Address, end.Name))] };

    private static IEnumerable<bool> Families(IEnumerable<Forward> forwards) => forwards.Select(forward => IsIPv4(forward.Address)).Distinct();

    private static bool IsIPv4(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;

    private static Route HostRoute(IPAddress target, string device) => new()
    {
        Family = RouteSocket.FamilyOf(target),
        Destination = new IPNetwork(target, IsIPv4(target) ? 32 : 128),
        Scope = IsIPv4(target) ? RouteScope.Link : RouteScope.Universe,
        Protocol = Ownership.Protocol,
        LinkName = device,
    };

    private void AddForwardingAddresses(List<Segment> segments, Segment segment, List<Forward> forwards)
    {
        var at = segments.IndexOf(segment);
        var device = segment.Device!;
        var own = Families(forwards).Select(ipv4 => ForwardingAddress(segment.Name, ipv4)).Where(address => !device.Addresses.Contains(address));
        segments[at] = segment with
        {
            Device = device with
            {
                Addresses = [.. device.Addresses, .. own],
                Routes = [.. device.Routes, .. forwards.Select(forward => forward.Address).Distinct().Select(target => HostRoute(target, segment.Name))],
            },
        };
    }
}
