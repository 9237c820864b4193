using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>The policies for the containers of this host as the server told them last; it is asked for all of them only when something may have changed.</summary>
internal sealed class KnownPolicies(PolicyServerClient server)
{
    private string _ids = "";
    private string? _state;
    private long? _lastUpdated;

    /// <summary>The policies; null as long as the server never answered.</summary>
    internal IReadOnlyList<AppPolicy>? Policies { get; private set; }

    /// <summary>What was wrong with single policies.</summary>
    internal IReadOnlyList<string> Problems { get; private set; } = [];

    /// <summary>Asks the server.</summary>
    /// <exception cref="UpstreamException">It does not answer as it should; <see cref="Policies"/> are those of before.</exception>
    internal async Task<bool> RefreshAsync(IReadOnlyList<LocalContainer> containers, CancellationToken cancel)
    {
        string[] ids = [.. containers.SelectMany(each => (string[])[each.App, each.Space]).Where(each => each.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        string key = string.Join(',', ids);
        if (ids.Length == 0)
        {
            // Nobody's policies are nobody's business, and no ids would mean all.
            (Policies, _ids, _state, _lastUpdated) = ([], key, null, null);
            return true;
        }

        // Another number is another state, also a smaller one: clocks are set back.
        long? lastUpdated = await LastUpdatedAsync(cancel);
        bool sameQuestion = key == _ids && Policies is not null;
        if (sameQuestion && lastUpdated is not null && lastUpdated == _lastUpdated)
            return false;
        var problems = new List<string>();
        (List<AppPolicy>? policies, string? state) = await server.PoliciesAsync(ids, sameQuestion ? _state : null, problems, cancel);
        (_ids, _state, _lastUpdated) = (key, state, lastUpdated);
        if (policies is null)
            return false;
        (Policies, Problems) = (policies, problems);
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
