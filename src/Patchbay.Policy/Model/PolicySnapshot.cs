namespace Patchbay.Policy.Model;

/// <summary>All policies at one revision, with an index by app. It never changes; a change makes the next one from it.</summary>
internal sealed class PolicySnapshot
{
    // Any large odd number spreads the order over all bits; this is 2^128 divided by the golden ratio.
    private static readonly UInt128 Multiplier = new(0x9E3779B97F4A7C15, 0xF39CC0605CEDC835);

    private readonly PolicyEntry[] _entries;
    private readonly Dictionary<string, PolicyEntry[]> _byApp;
    private readonly PolicyHistory _history;
    private readonly int _tagLength;
    private readonly Lazy<UInt128> _hash;

    private PolicySnapshot(long revision, long lastUpdated, PolicyEntry[] entries, Dictionary<string, PolicyEntry[]> byApp, PolicyHistory history, int tagLength)
    {
        Revision = revision;
        LastUpdated = lastUpdated;
        _entries = entries;
        _byApp = byApp;
        _history = history;
        _tagLength = tagLength;
        _hash = new Lazy<UInt128>(() => HashOf(entries));
    }

    /// <summary>The store's count of changes.</summary>
    internal long Revision { get; }

    /// <summary>When the last change was, in nanoseconds since 1970.</summary>
    internal long LastUpdated { get; }

    /// <summary>Every policy, oldest first.</summary>
    internal ReadOnlyMemory<PolicyEntry> Entries => _entries;

    /// <summary>A number that follows from all policies and their order.</summary>
    internal UInt128 Hash => _hash.Value;

    /// <summary>Every id that some policy names.</summary>
    internal IEnumerable<string> Apps => _byApp.Keys;

    internal static PolicySnapshot Load(long revision, long lastUpdated, IReadOnlyList<StoredPolicy> policies, int tagLength)
    {
        var entries = new PolicyEntry[policies.Count];
        var lists = new Dictionary<string, List<PolicyEntry>>();
        for (int at = 0; at < entries.Length; at++)
        {
            var entry = entries[at] = new PolicyEntry(policies[at], tagLength);
            foreach (string app in AppsOf(entry))
            {
                if (!lists.TryGetValue(app, out List<PolicyEntry>? list))
                    lists.Add(app, list = []);
                list.Add(entry);
            }
        }

        return new PolicySnapshot(revision, lastUpdated, entries, lists.ToDictionary(each => each.Key, each => each.Value.ToArray()), PolicyHistory.None, tagLength);
    }

    /// <summary>The same state, which was loaded when another server had changed something, as one that follows ours.</summary>
    internal PolicySnapshot After(PolicySnapshot before)
    {
        HashSet<StoredPolicy> old = [.. before._entries.Select(each => each.Stored)], now = [.. _entries.Select(each => each.Stored)];
        PolicyHistory history = before._history.With(
            before.LastUpdated, LastUpdated, Array.FindAll(_entries, each => !old.Contains(each.Stored)), Array.FindAll(before._entries, each => !now.Contains(each.Stored)));
        return new PolicySnapshot(Revision, LastUpdated, _entries, _byApp, history, _tagLength);
    }

    /// <summary>What became of the policies with one of some ids since a state.</summary>
    /// <param name="lastUpdated">The state, by its number.</param>
    /// <param name="ids">The ids.</param>
    /// <returns>Of each policy that changed, how it is now; null when that is not remembered.</returns>
    internal (IReadOnlyCollection<PolicyEntry> Added, IReadOnlyCollection<PolicyEntry> Removed)? Since(long lastUpdated, HashSet<string> ids) =>
        lastUpdated == LastUpdated ? ([], []) : _history.Since(lastUpdated, ids);

    /// <summary>The state after a change, of which it must be the next revision.</summary>
    internal PolicySnapshot With(PolicyChange change)
    {
        if (change.Revision != Revision + 1)
            throw new ArgumentException($"revision {change.Revision} does not follow {Revision}", nameof(change));
        var byApp = new Dictionary<string, PolicyEntry[]>(_byApp);
        var gone = change.Removed.Select(each => each.Id).ToHashSet();
        foreach (string app in change.Removed.SelectMany(each => (string[])[each.Policy.Source, each.Policy.Destination]).Distinct())
        {
            PolicyEntry[] left = [.. byApp[app].Where(each => !gone.Contains(each.Stored.Id))];
            if (left.Length > 0)
                byApp[app] = left;
            else
                byApp.Remove(app);
        }

        // Numbers only grow, so what is new goes to the end.
        var added = change.Added.Select(each => new PolicyEntry(each, _tagLength)).ToList();
        foreach (IGrouping<string, PolicyEntry> app in added.SelectMany(each => AppsOf(each).Select(id => (id, each))).GroupBy(each => each.id, each => each.each))
            byApp[app.Key] = [.. byApp.GetValueOrDefault(app.Key, []), .. app];
        IEnumerable<PolicyEntry> kept = gone.Count == 0 ? _entries : _entries.Where(each => !gone.Contains(each.Stored.Id));
        PolicyHistory history = _history.With(LastUpdated, change.LastUpdated, [.. added], gone.Count == 0 ? [] : Array.FindAll(_entries, each => gone.Contains(each.Stored.Id)));
        return new PolicySnapshot(change.Revision, change.LastUpdated, [.. kept, .. added], byApp, history, _tagLength);
    }

    /// <summary>The policies with one of these ids on either side, each once, oldest first.</summary>
    internal PolicyEntry[] Touching(HashSet<string> ids)
    {
        var found = new List<PolicyEntry>();
        foreach (string id in ids)
        {
            if (!_byApp.TryGetValue(id, out PolicyEntry[]? entries))
                continue;
            foreach (PolicyEntry each in entries)
            {
                // Where both sides are asked for, it is found by its source.
                if (each.Stored.Policy.Source == id || !ids.Contains(each.Stored.Policy.Source))
                    found.Add(each);
            }
        }

        PolicyEntry[] inOrder = [.. found];
        Array.Sort(Array.ConvertAll(inOrder, static each => each.Stored.Id), inOrder);
        return inOrder;
    }

    /// <summary>A number that follows from these policies and their order.</summary>
    internal static UInt128 HashOf(ReadOnlySpan<PolicyEntry> entries)
    {
        UInt128 hash = (UInt128)entries.Length;
        foreach (PolicyEntry each in entries)
            hash = (hash * Multiplier) + each.Hash;
        return hash;
    }

    private static string[] AppsOf(PolicyEntry entry)
    {
        NetworkPolicy policy = entry.Stored.Policy;
        return policy.Source == policy.Destination ? [policy.Source] : [policy.Source, policy.Destination];
    }
}
