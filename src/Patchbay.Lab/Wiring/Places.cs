using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Netlink;

namespace Patchbay.Lab.Wiring;

/// <summary>The namespaces of a lab that are there, opened once; a container's is opened anew when it is another one.</summary>
internal sealed class Places : IDisposable
{
    private readonly Dictionary<string, (Place Place, string Path)> _open = new(StringComparer.Ordinal);

    /// <param name="here">The path of the namespace for the bridges; null for the caller's own.</param>
    /// <param name="ovsSocket">Where Open vSwitch's database listens.</param>
    public Places(string? here = null, string? ovsSocket = null)
    {
        OvsSocket = ovsSocket ?? OpenVswitch.DefaultSocket;
        Here = here is null ? Place.OpenCurrent("") : Place.OpenAll([("", here)]) is [var place] ? place : throw new FileNotFoundException($"no network namespace at \"{here}\"", here);
        _open[""] = (Here, "");
    }

    public Place Here { get; }

    public string OvsSocket { get; }

    public IEnumerable<Place> All => _open.Values.Select(each => each.Place);

    public Place this[string node] => _open[node].Place;

    public bool TryGet(string node, out Place? place)
    {
        place = _open.TryGetValue(node, out var found) ? found.Place : null;
        return place is not null;
    }

    /// <summary>Opens what is there of the nodes, and forgets what is there no more.</summary>
    public void Update(IReadOnlyList<LabNode> nodes)
    {
        var wanted = new List<(string Node, string Path)>();
        foreach (var node in nodes)
        {
            if (node.Kind == NodeKind.Here)
                continue;
            if (_open.TryGetValue(node.Name, out var known) && known.Path == node.Path && IsStill(known.Place, node))
                continue;
            Forget(node.Name);
            if (File.Exists(node.Path))
                wanted.Add((node.Name, node.Path));
        }

        foreach (var gone in _open.Keys.Where(name => name.Length > 0 && !nodes.Any(node => node.Name == name)).ToList())
            Forget(gone);
        if (wanted.Count == 0)
            return;
        foreach (var place in Place.OpenAll(wanted))
            _open[place.Node] = (place, place.Namespace.Path);
    }

    public void Add(Place place, string path) => _open[place.Node] = (place, path);

    public void Forget(string node)
    {
        if (_open.Remove(node, out var known))
            known.Place.Dispose();
    }

    public void Dispose()
    {
        foreach (var (place, _) in _open.Values)
            place.Dispose();
        _open.Clear();
    }

    // The path of a container's namespace has the number of its process, which may be another process by now; a name may be of another namespace.
    private static bool IsStill(Place place, LabNode node)
    {
        try
        {
            using var now = NetworkNamespace.Open(node.Path);
            return place.Namespace.IsSameAs(now);
        }
        catch (Exception error) when (error is FileNotFoundException or NetlinkException)
        {
            return false;
        }
    }
}
