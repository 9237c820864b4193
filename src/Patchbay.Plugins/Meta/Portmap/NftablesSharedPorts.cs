using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Ports that several interfaces of one container have.</summary>
/// <remarks>
/// Runtimes hand the mappings of a container to each of its networks (Podman and nerdctl do). A port leads to one of its interfaces, the
/// first; the others wait, and when that one goes, the next has it. That there is somebody who waits is said by an element of a set that
/// is made with the first of them, so that removal looks at other interfaces only where there are some.
/// </remarks>
internal static class NftablesSharedPorts
{
    private const string AnyNetwork = "cni-"; // PortOwner.Prefix without the network

    /// <summary>Of these ports, as keys of an interface's own map, those that more than one interface of a container has.</summary>
    internal static HashSet<string> Contested(NftablesSocket nft, HostPortTable table, IReadOnlyList<byte[]> keys) =>
        keys.Count > 0 && nft.SetsExist((table.Family, HostPortTable.Name, table.Waiting.Name))[0]
            ? [.. nft.FindElements(table.Waiting, keys).Select(static element => Text(element.Key))]
            : [];

    /// <summary>Of the ports of an interface, those that packets reach it by.</summary>
    /// <param name="nft">To look.</param>
    /// <param name="table">The family.</param>
    /// <param name="name">The name of its map.</param>
    /// <param name="elements">The elements of its map to look for.</param>
    internal static HashSet<string> Leading(NftablesSocket nft, HostPortTable table, string name, IReadOnlyList<NftSetElement> elements)
    {
        var leading = new HashSet<string>();
        var conditional = elements.Count > 0 && HasConditions(nft, table, name);
        foreach (var element in elements)
        {
            var (map, key) = table.LookupOf(element.Key, conditional);
            if (nft.FindElements(map, [key.ToArray()]) is [var found] && Same(found.Data, conditional ? Jump(name) : element.Data))
                leading.Add(Text(element.Key));
        }

        return leading;
    }

    /// <summary>Adds to a transaction that the next interface of the container gets the ports of one that goes.</summary>
    /// <param name="nft">To look.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="table">The family.</param>
    /// <param name="name">The name of the map of the one that goes.</param>
    /// <param name="comment">Its comment.</param>
    /// <param name="elements">Its elements that somebody else has, too.</param>
    /// <param name="leading">Those of them that lead to it.</param>
    internal static void PassOn(
        NftablesSocket nft, NftablesTransaction transaction, HostPortTable table, string name, string comment, IReadOnlyList<NftSetElement> elements, HashSet<string> leading)
    {
        var heirs = new List<(string Name, bool HasConditions, Dictionary<string, NftSetElement> Ports)>();
        foreach (var set in nft.ListSets(table.Family, HostPortTable.Name).OrderBy(static set => set.Name, StringComparer.Ordinal))
        {
            if (set.Name != name && IsOfSameContainer(set, comment))
                heirs.Add((set.Name, HasConditions(nft, table, set.Name), nft.ListElements(table.Own(set.Name)).ToDictionary(static element => Text(element.Key))));
        }

        foreach (var element in elements)
        {
            var others = heirs.FindAll(heir => heir.Ports.ContainsKey(Text(element.Key)));
            if (others.Count > 0 && leading.Contains(Text(element.Key)))
            {
                var (heir, conditional, ports) = others[0];
                var port = ports[Text(element.Key)];
                var (map, key) = table.LookupOf(port.Key, conditional);
                transaction.AddElements(map, [new NftSetElement(key) { Data = conditional ? Jump(heir) : port.Data }]);
                if (LoopbackSource(nft, table, port) is { } source)
                    transaction.AddElements(table.LoopbackSources, [new NftSetElement(table.ServiceOf(port.Key)) { Data = new NftData(NftKey.Of(source)) }]);
            }

            if (others.Count < 2)
                transaction.DeleteElements(table.Waiting, [new NftSetElement(element.Key)], Tolerated.Missing);
        }
    }

    /// <summary>Tells whether a set is the map of an interface of the container that a comment names.</summary>
    internal static bool IsOfSameContainer(NftSet set, string comment) =>
        set.Name.StartsWith(AnyNetwork, StringComparison.Ordinal) && set.Comment is { } its && PortOwner.ContainerOf(its) == PortOwner.ContainerOf(comment);

    /// <summary>A key as text, to look up by.</summary>
    internal static string Text(ReadOnlyMemory<byte> key) => Convert.ToHexString(key.Span);

    private static NftData Jump(string chain) => new(NftVerdict.Jump(chain));

    private static bool Same(NftData one, NftData other) =>
        other.Verdict is null ? one.Value.Span.SequenceEqual(other.Value.Span) : one.Verdict == other.Verdict;

    private static bool HasConditions(NftablesSocket nft, HostPortTable table, string name) => nft.FindChains((table.Family, HostPortTable.Name, name))[0] is not null;

    // ::1 leads to whoever has it masqueraded otherwise, too (NftablesPortSet.Masquerading).
    private static IPAddress? LoopbackSource(NftablesSocket nft, HostPortTable table, NftSetElement port)
    {
        if (table.IsIPv4 || !(table.IsEverywhere(port.Key) || table.HostIpOf(port.Key).Equals(IPAddress.IPv6Loopback)))
            return null;
        var address = port.Data.Value[..16].ToArray();
        if (nft.FindElements(table.Hairpin, [NftKey.Concatenate(address, address)]).Count == 0 && nft.FindElements(table.FromAnywhere, [address]).Count == 0)
            return null;
        using var route = RouteSocket.Open();
        return route.FindRoute(new IPAddress(address))?.PreferredSource;
    }
}
