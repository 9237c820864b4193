using System.Runtime.InteropServices;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>Policies by the app that they lead to, with the tags of their sources. It never changes; a change makes the next one, which shares what did not change.</summary>
internal sealed class PolicySet
{
    private readonly Dictionary<string, AppPolicy[]> _towards;
    private readonly Dictionary<string, SourceTag[]> _tags;

    private PolicySet(Dictionary<string, AppPolicy[]> towards, Dictionary<string, SourceTag[]> tags)
    {
        _towards = towards;
        _tags = tags;
        Count = towards.Values.Sum(each => each.Length);
    }

    internal static PolicySet Empty { get; } = new([], []);

    internal int Count { get; }

    internal static PolicySet Of(IEnumerable<AppPolicy> policies)
    {
        var towards = new Dictionary<string, List<AppPolicy>>();
        var tags = new Dictionary<(string Source, ushort Tag), int>();
        foreach (AppPolicy policy in policies)
        {
            if (!towards.TryGetValue(policy.Destination, out List<AppPolicy>? list))
                towards[policy.Destination] = list = [];
            list.Add(policy);
            CollectionsMarshal.GetValueRefOrAddDefault(tags, (policy.Source, policy.Tag), out _)++;
        }

        return new PolicySet(
            towards.ToDictionary(each => each.Key, each => each.Value.ToArray()),
            tags.GroupBy(each => each.Key.Source).ToDictionary(each => each.Key, each => each.Select(tag => new SourceTag(tag.Key.Tag, tag.Value)).ToArray()));
    }

    /// <summary>The policies towards an app; the same object as long as none of them changes.</summary>
    internal AppPolicy[] Towards(string app) => _towards.GetValueOrDefault(app) ?? [];

    /// <summary>The mark of an app's packets; null when it is no source. When it should be known by several, the first one.</summary>
    internal ushort? TagOf(string app) => _tags.TryGetValue(app, out SourceTag[]? tags) ? tags[0].Tag : null;

    /// <summary>Apps with several tags, which cannot be.</summary>
    internal IEnumerable<string> Problems => _tags.Where(each => each.Value.Length > 1)
        .Select(each => $"app \"{each.Key}\" has the tags {string.Join(" and ", each.Value.Select(tag => tag.Tag))}: its packets get the first");

    /// <summary>The set without some policies and with others; whatever is there or gone already is no error.</summary>
    internal PolicySet With(IEnumerable<AppPolicy> added, IEnumerable<AppPolicy> removed)
    {
        var towards = new Dictionary<string, AppPolicy[]>(_towards);
        var tags = new Dictionary<string, SourceTag[]>(_tags);
        HashSet<AppPolicy> gone = [.. removed];
        foreach (string app in gone.Select(each => each.Destination).Distinct().Where(towards.ContainsKey))
            Keep(towards, tags, app, each => !gone.Contains(each));
        foreach (IGrouping<string, AppPolicy> app in added.GroupBy(each => each.Destination))
        {
            AppPolicy[] there = towards.GetValueOrDefault(app.Key) ?? [], news = [.. app.Except(there)];
            if (news.Length == 0)
                continue;
            towards[app.Key] = [.. there, .. news];
            foreach (AppPolicy policy in news)
                Tally(tags, policy, 1);
        }

        return new PolicySet(towards, tags);
    }

    /// <summary>Those policies that name one of some ids.</summary>
    internal PolicySet Touching(HashSet<string> ids)
    {
        var towards = new Dictionary<string, AppPolicy[]>(_towards);
        var tags = new Dictionary<string, SourceTag[]>(_tags);
        foreach (string app in _towards.Keys.Where(each => !ids.Contains(each)))
            Keep(towards, tags, app, each => ids.Contains(each.Source));
        return new PolicySet(towards, tags);
    }

    private static void Keep(Dictionary<string, AppPolicy[]> towards, Dictionary<string, SourceTag[]> tags, string app, Predicate<AppPolicy> keep)
    {
        AppPolicy[] there = towards[app], kept = Array.FindAll(there, keep);
        if (kept.Length == there.Length)
            return; // and the same object stays
        foreach (AppPolicy policy in there.Where(each => !keep(each)))
            Tally(tags, policy, -1);
        if (kept.Length > 0)
            towards[app] = kept;
        else
            towards.Remove(app);
    }

    private static void Tally(Dictionary<string, SourceTag[]> tags, AppPolicy policy, int change)
    {
        SourceTag[] there = tags.GetValueOrDefault(policy.Source) ?? [];
        int at = Array.FindIndex(there, each => each.Tag == policy.Tag);
        SourceTag[] now = at < 0
            ? [.. there, new SourceTag(policy.Tag, change)]
            : [.. there[..at], there[at] with { Policies = there[at].Policies + change }, .. there[(at + 1)..]];
        now = Array.FindAll(now, each => each.Policies > 0);
        if (now.Length > 0)
            tags[policy.Source] = now;
        else
            tags.Remove(policy.Source);
    }

    /// <summary>A tag, and how many policies say that it is the app's.</summary>
    private readonly record struct SourceTag(ushort Tag, int Policies);
}
