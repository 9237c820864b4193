namespace Patchbay.Plugins.PacketFilter;

/// <summary>The iptables chains of the attachments that a GC leaves alone.</summary>
internal sealed class ValidChains
{
    private readonly HashSet<string> _names = [];
    private readonly HashSet<(string Chain, string Interface)> _marked = [];

    /// <summary>Adds the chains that an attachment may have.</summary>
    internal void Add(string ifName, params ReadOnlySpan<string> chains)
    {
        foreach (var chain in chains)
        {
            _names.Add(chain);
            _marked.Add((chain, ifName));
        }
    }

    /// <summary>Whether a chain stays.</summary>
    /// <param name="chain">Its name.</param>
    /// <param name="owner">The interface that it is of (<see cref="ChainOwner"/>); one that has no mark may be of any.</param>
    internal bool Keeps(string chain, string? owner) => owner is null ? _names.Contains(chain) : _marked.Contains((chain, owner));
}
