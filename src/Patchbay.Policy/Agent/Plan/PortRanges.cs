namespace Patchbay.Policy.Agent.Plan;

/// <summary>Makes ranges of ports disjoint: the kernel takes none that overlap.</summary>
internal static class PortRanges
{
    // A range of so few ports is cheaper as single ports in a hash than as one more range among many.
    private const int FewPorts = 16;

    /// <summary>The same ports in ascending order; what overlaps or adjoins becomes one range, and short ranges become single ports.</summary>
    internal static List<(ushort First, ushort Last)> Disjoint(List<(ushort First, ushort Last)> ranges)
    {
        ranges.Sort();
        var merged = new List<(ushort First, ushort Last)>();
        foreach ((ushort first, ushort last) in ranges)
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            else
                merged.Add((first, last));
        }

        var ports = new List<(ushort First, ushort Last)>();
        foreach ((ushort first, ushort last) in merged)
        {
            if (last - first >= FewPorts)
            {
                ports.Add((first, last));
                continue;
            }

            for (int port = first; port <= last; port++)
                ports.Add(((ushort)port, (ushort)port));
        }

        return ports;
    }
}
