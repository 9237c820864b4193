namespace Patchbay.Policy.Model;

/// <summary>The last changes, so that an agent that knows an earlier state needs to be told no more than those. It never changes; a change makes the next one.</summary>
internal sealed class PolicyHistory
{
    private const int MostSteps = 1024;
    private const int MostEntries = 16_384;

    private readonly Step[] _steps;

    private PolicyHistory(Step[] steps) => _steps = steps;

    internal static PolicyHistory None { get; } = new([]);

    /// <summary>The history with one more step: from which state to which, by their numbers, and what it did.</summary>
    internal PolicyHistory With(long from, long to, PolicyEntry[] added, PolicyEntry[] removed)
    {
        var next = new Step(from, to, added, removed);
        int first = _steps.Length, room = MostEntries - next.Entries;
        while (first > 0 && _steps.Length - first + 1 < MostSteps && _steps[first - 1].Entries <= room)
            room -= _steps[--first].Entries;
        return new PolicyHistory(room < 0 ? [] : [.. _steps[first..], next]);
    }

    /// <summary>Of each policy with one of some ids that changed since a state, how it is now; null when the state is not remembered.</summary>
    internal (IReadOnlyCollection<PolicyEntry> Added, IReadOnlyCollection<PolicyEntry> Removed)? Since(long lastUpdated, HashSet<string> ids)
    {
        // Where two states have one number (the clock was set back), the earlier one: to hear of a change twice does no harm.
        int at = Array.FindIndex(_steps, each => each.From == lastUpdated);
        if (at < 0)
            return null;
        var added = new OrderedDictionary<UInt128, PolicyEntry>();
        var removed = new OrderedDictionary<UInt128, PolicyEntry>();
        foreach (Step step in _steps.AsSpan(at))
        {
            Move(step.Removed, added, removed);
            Move(step.Added, removed, added);
        }

        return (added.Values, removed.Values);

        void Move(PolicyEntry[] entries, OrderedDictionary<UInt128, PolicyEntry> from, OrderedDictionary<UInt128, PolicyEntry> to)
        {
            foreach (PolicyEntry each in entries)
            {
                if (!ids.Contains(each.Stored.Policy.Source) && !ids.Contains(each.Stored.Policy.Destination))
                    continue;
                from.Remove(each.Hash);
                to[each.Hash] = each;
            }
        }
    }

    private sealed record Step(long From, long To, PolicyEntry[] Added, PolicyEntry[] Removed)
    {
        internal int Entries => Added.Length + Removed.Length;
    }
}
