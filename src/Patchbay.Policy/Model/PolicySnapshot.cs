namespace Patchbay.Policy.Model;

/// <summary>All policies at one revision, with an index by app. It never changes; a change makes the next one from it.</summary>
internal sealed class PolicySnapshot
{
    // Any large odd number spreads the order over all bits; this is 2^128 divided by the golden ratio.
    private static readonly UInt128 Multiplier = new(0x9E3779B97F4A7C15, 0xF39CC0605CEDC835);

    private readonly PolicyEntry[] _entries;
    private readonly Dictionary<string, PolicyEntry[]> _byApp;
    private readonly int _tagLength;
    private readonly Lazy<UInt128> _hash;

    private PolicySnapshot(long revision, long lastUpdated, PolicyEntry[] entries, Dictionary<string, PolicyEntry[]> byApp, int tagLength)
    {
        Revision = revision;
        LastUpdated = lastUpdated;
        _entries = entries;
        _byApp = byApp;
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

        return new PolicySnapshot(revision, lastUpdated, entries, lists.ToDictionary(each => each.Key, each => each.Value.ToArray()), tagLength);
    }

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
        return new PolicySnapshot(change.Revision, change.LastUpdated, [.. kept, .. added], byApp, _tagLength);
    }

    /// <summary>The policies with one of these ids on either side, each once, oldest first.</summary>
    internal PolicyEntry[] Touching(IReadOnlyCollection<string> ids)
    {
        var found = new List<PolicyEntry>();
        foreach (string id in ids)
        {
            if (_byApp.TryGetValue(id, out PolicyEntry[]? entries))
                found.AddRange(entries);
        }

        found.Sort(static (a, b) => a.Stored.Id.CompareTo(b.Stored.Id));
        int kept = 0;
        for (int at = 0; at < found.Count; at++)
        {
            if (kept == 0 || found[kept - 1] != found[at])
                found[kept++] = found[at];
        }

        found.RemoveRange(kept, found.Count - kept);
        return [.. found];
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
