using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>The policies for the containers of this host as the server told them last.</summary>
/// <remarks>
/// It is asked for a number first, and for more only when the number or the containers changed: for what changed since, and for the policies of new apps, from a
/// server that can tell; for all of them from one that cannot, or has forgotten.
/// </remarks>
internal sealed class KnownPolicies(PolicyServerClient server)
{
    private IReadOnlyList<LocalContainer> _containers = [];
    private HashSet<string> _ids = [];
    private string? _state;         // the answer's name, to be told "the same"
    private long? _number;          // the state's number, to ask what changed since
    private long? _lastUpdated;     // the number when it was asked for last

    /// <summary>The policies; null as long as the server never answered.</summary>
    internal PolicySet? Policies { get; private set; }

    /// <summary>What was wrong with single policies.</summary>
    internal IReadOnlyList<string> Problems { get; private set; } = [];

    /// <summary>Asks the server.</summary>
    /// <returns>Whether there is anything new.</returns>
    /// <exception cref="UpstreamException">It does not answer as it should; <see cref="Policies"/> are those of before.</exception>
    internal async Task<bool> RefreshAsync(IReadOnlyList<LocalContainer> containers, CancellationToken cancel)
    {
        HashSet<string> ids = ReferenceEquals(containers, _containers)
            ? _ids
            : [.. containers.SelectMany(each => (string[])[each.App, each.Space]).Where(each => each.Length > 0).Order(StringComparer.Ordinal)];
        if (ids.Count == 0)
        {
            // Nobody's policies are nobody's business, and no ids would mean all.
            bool had = Policies is not { Count: 0 };
            (Policies, Problems, _containers, _ids, _state, _number, _lastUpdated) = (PolicySet.Empty, [], containers, ids, null, null, null);
            return had;
        }

        // Another number is another state, also a smaller one: clocks are set back.
        long? lastUpdated = await LastUpdatedAsync(cancel);
        bool sameQuestion = ids.SetEquals(_ids) && Policies is not null;
        if (sameQuestion && lastUpdated is not null && lastUpdated == _lastUpdated)
            return false;
        bool changed = await FollowAsync(ids, lastUpdated, cancel) ?? await ReadAllAsync(ids, sameQuestion, cancel);
        (_containers, _ids, _lastUpdated) = (containers, ids, lastUpdated);
        return changed;
    }

    // What changed for the apps that are known, then all policies of those that are not. Null: that is not to be had.
    private async Task<bool?> FollowAsync(HashSet<string> ids, long? lastUpdated, CancellationToken cancel)
    {
        if (Policies is not { } policies || _number is not { } number || _ids.Count == 0)
            return null;
        var problems = new List<string>();
        if (number != lastUpdated)
        {
            if (await server.ChangesAsync(_ids, number, problems, cancel) is not { } changes)
                return null;
            if (changes.Added.Count + changes.Removed.Count > 0)
                policies = policies.With(changes.Added, changes.Removed);
            number = changes.LastUpdated;
        }

        string[] news = [.. ids.Where(each => !_ids.Contains(each))];
        if (news.Length > 0)
        {
            // They may be of a later state than the others are. What came in between is told again next time, and changes nothing then.
            (List<AppPolicy>? added, _, _) = await server.PoliciesAsync(news, null, problems, cancel);
            policies = policies.With(added!, []);
        }

        if (_ids.Any(each => !ids.Contains(each)))
            policies = policies.Touching(ids);
        bool changed = policies != Policies;
        (Policies, _number, _state) = (policies, number, null);
        if (problems.Count > 0)
            Problems = [.. Problems.Union(problems)];
        return changed;
    }

    private async Task<bool> ReadAllAsync(HashSet<string> ids, bool sameQuestion, CancellationToken cancel)
    {
        var problems = new List<string>();
        (List<AppPolicy>? policies, string? state, long? number) = await server.PoliciesAsync(ids, sameQuestion && _number is null ? _state : null, problems, cancel);
        (_state, _number) = (state, number);
        if (policies is null)
            return false;
        (Policies, Problems) = (PolicySet.Of(policies), problems);
        return true;
    }

    private async Task<long?> LastUpdatedAsync(CancellationToken cancel)
    {
        try
        {
            return await server.LastUpdatedAsync(cancel);
        }
        catch (UpstreamException)
        {
            // A server of old times has no such number. One that is away is found to be so by the question that comes next.
            return null;
        }
    }
}
