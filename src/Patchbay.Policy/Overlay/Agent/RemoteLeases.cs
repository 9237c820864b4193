using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Which of the leases that were told this host follows. Pure: no kernel.</summary>
internal static class RemoteLeases
{
    /// <summary>Leaves out this host's own and what cannot be.</summary>
    /// <param name="own">This host's lease.</param>
    /// <param name="networks">The overlay's networks.</param>
    /// <param name="told">All leases.</param>
    /// <param name="isFollowed">Whether the kernel has a lease already: of several that want the same, the one that works is not cut.</param>
    /// <param name="problems">Gets a text for each that is left out.</param>
    /// <returns>The rest, lowest subnet first; no two of them have anything in common.</returns>
    internal static List<Lease> Check(Lease own, IReadOnlyList<Subnet> networks, IReadOnlyList<Lease> told, Func<Lease, bool> isFollowed, List<string> problems)
    {
        var candidates = new List<Lease>();
        foreach (Lease lease in told.Distinct().Where(each => each != own))
        {
            string? why = lease switch
            {
                _ when !networks.Any(each => each.Contains(lease.Subnet)) => "it is not within overlay_network",
                _ when lease.Underlay.AddressFamily != own.Underlay.AddressFamily => $"its host cannot be reached from {own.Underlay}",
                _ when lease.Underlay.Equals(own.Underlay) => $"that is this host, whose lease is {own.Subnet}",
                _ when lease.Subnet.Overlaps(own.Subnet) => $"this host has {own.Subnet}",
                _ when lease.Address == own.Address => "this host has its Ethernet address",
                _ => null,
            };
            if (why is null)
                candidates.Add(lease);
            else
                problems.Add($"lease {lease} is not followed: {why}");
        }

        candidates.Sort((one, other) => one.Subnet.CompareTo(other.Subnet));
        HashSet<Lease> disputed = Disputed(candidates);
        var followed = new List<Lease>();
        foreach (Lease lease in candidates)
        {
            if (!disputed.Contains(lease) || isFollowed(lease))
                followed.Add(lease);
            else
                problems.Add($"lease {lease} is not followed: another host's lease has the same subnet, part of it, the same Ethernet or the same underlay address");
        }

        // Two that are in the kernel and clash all the same: routes of several sizes to the same place, say. The first one stays.
        HashSet<Lease> still = Disputed(followed);
        return still.Count == 0 ? followed : [.. followed.Where((lease, index) => !still.Contains(lease) || !followed.Take(index).Any(each => Clash(each, lease)))];
    }

    // In the order of subnets, one that overlaps any other overlaps the one before it that reaches furthest.
    private static HashSet<Lease> Disputed(List<Lease> sorted)
    {
        var disputed = new HashSet<Lease>();
        for (int at = 1, furthest = 0; at < sorted.Count; at++)
        {
            if (sorted[at].Subnet.Base.Number <= sorted[furthest].Subnet.Last.Number)
                disputed.UnionWith([sorted[at], sorted[furthest]]);
            if (sorted[at].Subnet.Last.Number > sorted[furthest].Subnet.Last.Number)
                furthest = at;
        }

        disputed.UnionWith(sorted.GroupBy(each => each.Address).Where(each => each.Count() > 1).SelectMany(each => each));
        disputed.UnionWith(sorted.GroupBy(each => each.Underlay).Where(each => each.Count() > 1).SelectMany(each => each));
        return disputed;
    }

    private static bool Clash(Lease one, Lease other) => one.Subnet.Overlaps(other.Subnet) || one.Address == other.Address || one.Underlay.Equals(other.Underlay);
}
