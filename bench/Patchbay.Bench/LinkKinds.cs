namespace Patchbay.Bench;

/// <summary>Which kinds of virtual interfaces this kernel has, tried in a namespace made for that.</summary>
internal sealed class LinkKinds(Workspace workspace)
{
    private readonly Dictionary<string, bool> _known = [];

    /// <summary>Whether an interface of the kind can be made here.</summary>
    /// <param name="kind">The word that ip-link(8) takes behind <c>type</c>.</param>
    /// <param name="options">What the kind needs behind it.</param>
    internal bool Has(string kind, params string[] options)
    {
        if (_known.TryGetValue(kind, out var known))
            return known;
        var works = false;
        workspace.NewHost("probe").Run(() =>
        {
            Spawn.Expect(Command.Of("ip", "link", "add", "parent0", "type", "veth", "peer", "name", "parent1"));
            return works = Spawn.Run(Command.Of("ip", ["link", "add", "link", "parent0", "name", "probe0", "type", kind, .. options])).ExitCode == 0;
        });
        workspace.RemoveNamespaces();
        return _known[kind] = works;
    }
}
