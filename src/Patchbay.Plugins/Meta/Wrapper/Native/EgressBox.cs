namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>Addresses and ports that a container may reach, as one element of a map; no two of a map overlap, for the kernel takes none that do.</summary>
/// <param name="First">The first address.</param>
/// <param name="Last">The last address.</param>
/// <param name="FirstPort">The first port; of ICMP <c>type &lt;&lt; 8 | code</c>.</param>
/// <param name="LastPort">The last port.</param>
/// <param name="Log">Whether what it lets through is logged.</param>
internal readonly record struct EgressBox(UInt128 First, UInt128 Last, ushort FirstPort, ushort LastPort, bool Log)
{
    /// <summary>The boxes that together are some rules. Where rules overlap, the first one says whether is logged.</summary>
    internal static List<EgressBox> Of(IEnumerable<EgressRule> rules)
    {
        var ordered = rules.ToList();
        // Between two borders all addresses meet the same rules.
        var borders = new SortedSet<UInt128>();
        foreach (var rule in ordered)
        {
            borders.Add(rule.First);
            if (rule.Last < UInt128.MaxValue)
                borders.Add(rule.Last + 1);
        }

        var boxes = new List<EgressBox>();
        var open = new List<EgressBox>();
        UInt128[] starts = [.. borders];
        for (var i = 0; i < starts.Length; i++)
        {
            var last = i + 1 < starts.Length ? starts[i + 1] - 1 : UInt128.MaxValue;
            var ports = Ports(ordered, starts[i], last);
            if (open.Count > 0 && SamePorts(open, ports))
                open = open.ConvertAll(box => box with { Last = last });
            else
            {
                boxes.AddRange(open);
                open = ports;
            }
        }

        boxes.AddRange(open);
        return boxes;
    }

    /// <summary>Rules that let through the same and do not overlap: the same ones, in whatever order and pieces they came.</summary>
    internal static List<EgressRule> Disjoint(IReadOnlyList<EgressRule> rules)
    {
        var disjoint = new List<EgressRule>();
        foreach (var group in rules.GroupBy(rule => rule.Protocol).OrderBy(group => group.Key))
            disjoint.AddRange(Of(group).Select(box => new EgressRule(box.First, box.Last, group.Key, box.FirstPort, box.LastPort, box.Log)));
        return disjoint;
    }

    // The ports at addresses that no rule divides.
    private static List<EgressBox> Ports(List<EgressRule> rules, UInt128 first, UInt128 last)
    {
        var here = rules.FindAll(rule => rule.First <= first && last <= rule.Last);
        var borders = new SortedSet<int>();
        foreach (var rule in here)
        {
            borders.Add(rule.FirstPort);
            borders.Add(rule.LastPort + 1);
        }

        var ports = new List<EgressBox>();
        int? start = null;
        foreach (var end in borders)
        {
            if (start is { } from && here.Find(rule => rule.FirstPort <= from && end - 1 <= rule.LastPort) is { } decides)
            {
                if (ports.Count > 0 && ports[^1].LastPort + 1 == from && ports[^1].Log == decides.Log)
                    ports[^1] = ports[^1] with { LastPort = (ushort)(end - 1) };
                else
                    ports.Add(new EgressBox(first, last, (ushort)from, (ushort)(end - 1), decides.Log));
            }

            start = end;
        }

        return ports;
    }

    private static bool SamePorts(List<EgressBox> one, List<EgressBox> other)
    {
        if (one.Count != other.Count)
            return false;
        for (var i = 0; i < one.Count; i++)
        {
            if (one[i] with { First = 0, Last = 0 } != other[i] with { First = 0, Last = 0 })
                return false;
        }

        return true;
    }
}
