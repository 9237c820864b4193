using Patchbay.Lab.Plan;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Graph;

internal enum VertexKind
{
    Node,
    Container,
    Bridge,

    /// <summary>What is beyond: the other end of a tunnel, an interface of the host.</summary>
    Remote,
}

/// <param name="Id">Unique; also what is shown.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Lines">What there is to tell of it.</param>
internal sealed record Vertex(string Id, VertexKind Kind, IReadOnlyList<string> Lines);

/// <param name="From">The node.</param>
/// <param name="To">What it is joined to.</param>
/// <param name="FromLabel">The interface at the one end, with its addresses.</param>
/// <param name="ToLabel">The interface at the other.</param>
/// <param name="Note">Impairments; empty for none.</param>
/// <param name="State">up, down, missing; empty when nobody looked.</param>
internal sealed record Edge(string From, string To, string FromLabel, string ToLabel, string Note, string State);

/// <summary>A lab as points and lines.</summary>
internal sealed record LabGraph(string Lab, IReadOnlyList<Vertex> Vertices, IReadOnlyList<Edge> Edges)
{
    /// <param name="topology">The lab.</param>
    /// <param name="seen">What is there now; null when nobody looked.</param>
    public static LabGraph Of(Topology topology, Observation? seen)
    {
        var vertices = new List<Vertex>();
        var edges = new List<Edge>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in topology.Nodes)
        {
            if (node.Kind != NodeKind.Here && ids.Add(node.Name))
                vertices.Add(new Vertex(node.Name, node.Kind == NodeKind.Container ? VertexKind.Container : VertexKind.Node, [.. node.Loopback?.Addresses.Select(address => $"lo {address}") ?? []]));
        }

        foreach (var segment in topology.Segments)
            AddBridge(segment);
        foreach (var link in topology.Links)
        {
            // Here is no point of its own: what ends there ends at a bridge, or beside the lab.
            var from = link.End.Node.Length > 0 ? link.End.Node : BridgeOf(link.End) ?? (link.Tunnel is null ? Remote("host") : link.Segment is { } own ? BridgeId(own) : Remote("host"));
            var to = link.Tunnel is { } tunnel ? Remote($"{tunnel.Kind} {tunnel.Vni} {tunnel.Remote}")
                : link.Segment is { } name ? BridgeId(name)
                : link.Peer is { Node.Length: > 0 } peer ? peer.Node
                : link.Parent is { } parent ? Remote(parent)
                : link.Peer is null ? null : Remote("host");
            if (to is not null)
                edges.Add(new Edge(from, to, Label(link.End), link.Peer is null ? "" : Label(link.Peer), Note(link), State(link)));
        }

        return new LabGraph(topology.Lab, vertices, edges);

        string BridgeId(string name) => topology.Nodes.Any(node => node.Name == name) ? $"bridge {name}" : name;

        string? BridgeOf(Device device) => (device.Master ?? device.OvsBridge) is { } bridge ? BridgeId(bridge) : null;

        void AddBridge(Segment segment) =>
            vertices.Add(new Vertex(BridgeId(segment.Name), VertexKind.Bridge, [segment.Mode.ToString().ToLowerInvariant(), .. segment.Device?.Addresses.Select(address => $"{address}") ?? []]));

        string Remote(string name)
        {
            if (ids.Add(name))
                vertices.Add(new Vertex(name, VertexKind.Remote, []));
            return name;
        }

        string State(LabLink link)
        {
            if (seen is null)
                return "";
            var ends = link.Peer is null ? [link.End] : new[] { link.End, link.Peer };
            var found = ends.Select(end => seen.Nodes.GetValueOrDefault(end.Node)?.Devices.GetValueOrDefault(end.Name)?.Link).ToList();
            return found.Exists(each => each is null) ? "missing" : found.TrueForAll(each => each!.IsUp && each.State is OperationalState.Up or OperationalState.Unknown) ? "up" : "down";
        }
    }

    private static string Label(Device device) => string.Join(' ', new[] { device.Name }.Concat(device.Addresses.Select(address => $"{address}")));

    private static string Note(LabLink link)
    {
        var notes = new List<string>();
        if (link.End.Egress is { } egress)
            notes.Add(NetemText.Write(egress));
        if (link.Peer?.Egress is { } other && (link.End.Egress is null || NetemText.Write(other) != notes[0]))
            notes.Add($"back: {NetemText.Write(other)}");
        return string.Join("; ", notes);
    }
}
