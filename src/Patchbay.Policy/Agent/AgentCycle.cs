using Microsoft.Extensions.Logging;
using Patchbay.Netlink;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.Agent.Upstream;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent;

/// <summary>One look at the datastore and the server, and what follows from it for the rules. What cannot be had leaves things as they are.</summary>
internal sealed class AgentCycle(Datastore datastore, PolicyServerClient server, IEnforcer enforcer, AgentConfiguration configuration, AgentMetrics metrics, ILogger log, TimeProvider clock) : IDisposable
{
    private const int MostTold = 1000;

    private readonly SemaphoreSlim _one = new(1);
    private readonly KnownPolicies _known = new(server);
    private readonly HashSet<string> _told = [];
    private AgentOptions _options = AgentOptions.Of(configuration);
    private PolicyPlan? _plan;
    private IReadOnlyList<SecurityGroupRules>? _groups;
    private string _groupSpaces = "";
    private long? _groupsRead;
    private ushort? _routerTag;
    private (string? Server, string? Datastore) _lost;

    internal AgentOptions Options => _options;

    public void Dispose() => _one.Dispose();

    /// <summary>Runs a cycle, after the one that runs perhaps.</summary>
    /// <param name="refreshGroups">Whether security groups are read even if they were lately.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="UpstreamException">The server did not answer; everything else is done.</exception>
    /// <exception cref="InvalidDataException">The datastore could not be read; everything else is done.</exception>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal async Task RunAsync(bool refreshGroups, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            await metrics.TimedAsync("total", async () => await RunAloneAsync(refreshGroups, cancel));
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Switches the logging of packets between containers.</summary>
    internal async Task SwitchLoggingAsync(bool enabled, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        _options = _options with { LogContainers = enabled };
        _one.Release();
        AgentLog.LoggingSwitched(log, enabled);
        await RunAsync(refreshGroups: false, cancel);
    }

    private async Task<bool> RunAloneAsync(bool refreshGroups, CancellationToken cancel)
    {
        Exception? failure = null;
        bool changed = false;
        try
        {
            changed = await metrics.TimedAsync("datastore", () => datastore.RefreshAsync(cancel));
            if (Recovered(ref _lost.Datastore))
                AgentLog.DatastoreBack(log);
        }
        catch (InvalidDataException e)
        {
            failure = e;
            if (IsNews(ref _lost.Datastore, e))
                AgentLog.DatastoreLost(log, e.Message);
        }

        if (datastore.Containers is not { } containers)
            throw failure!; // and nothing is known, so nothing changes
        try
        {
            bool isNews = await metrics.TimedAsync("policy_server", () => _known.RefreshAsync(containers, cancel));
            changed |= isNews;
            changed |= await RefreshGroupsAsync(containers, refreshGroups, cancel);
            changed |= await RefreshRouterAsync(isNews, cancel);
            if (Recovered(ref _lost.Server))
                AgentLog.ServerBack(log);
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException)
        {
            failure ??= e;
            if (IsNews(ref _lost.Server, e))
                AgentLog.ServerLost(log, e.Message);
        }

        await metrics.TimedAsync("enforce", () => Task.FromResult(Enforce(containers, changed)));
        Measure(containers);
        return failure is null ? true : throw failure;
    }

    private EnforcedChange Enforce(IReadOnlyList<LocalContainer> containers, bool changed)
    {
        EnforcedChange done;
        // Security groups or a router's tag that should be known and are not are none that do not exist.
        if (_known.Policies is not { } policies || (configuration.EnableAsgSyncing && _groups is null && containers.Count > 0)
            || (configuration.EnableOverlayIngressRules && _routerTag is null && containers.Count > 0))
        {
            if (_plan is null && _told.Add("keeping"))
                AgentLog.KeepingRules(log);
            done = enforcer.KeepWhatIsThere(containers, _options);
        }
        else
        {
            if (_plan is null || changed)
                _plan = Planner.Plan(containers, policies, _routerTag, configuration.EnableAsgSyncing ? _groups : null, _plan);
            done = enforcer.Enforce(_plan, _options);
            Tell(datastore.Problems.Concat(_known.Problems).Concat(_plan.Problems).Concat(enforcer.Problems));
        }

        metrics.Count(done);
        if (done.Changes > 0)
            AgentLog.Enforced(log, done.Changes, done.Took.TotalMilliseconds, containers.Count, _plan?.Permissions ?? 0, done.Cut);
        return done;
    }

    private async Task<bool> RefreshGroupsAsync(IReadOnlyList<LocalContainer> containers, bool refresh, CancellationToken cancel)
    {
        if (!configuration.EnableAsgSyncing)
            return false;
        string[] spaces = [.. containers.Select(each => each.Space).Where(each => each.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        string key = string.Join(',', spaces);
        bool isDue = _groupsRead is not { } read || clock.GetElapsedTime(read).TotalSeconds >= configuration.AsgPollInterval || key != _groupSpaces;
        if (!isDue && !refresh)
            return false;
        var problems = new List<string>();
        _groups = await metrics.TimedAsync("security_groups", () => server.SecurityGroupsAsync(spaces, problems, cancel));
        (_groupsRead, _groupSpaces) = (clock.GetTimestamp(), key);
        Tell(problems);
        return true;
    }

    // Each problem once; but not so many that they fill the memory.
    private void Tell(IEnumerable<string> problems)
    {
        if (_told.Count > MostTold)
            _told.Clear();
        foreach (string problem in problems.Where(_told.Add))
            AgentLog.Problem(log, problem);
    }

    // It is the router's for good, unless somebody starts the server with another database.
    private async Task<bool> RefreshRouterAsync(bool isNews, CancellationToken cancel)
    {
        if (!configuration.EnableOverlayIngressRules || (_routerTag is not null && !isNews))
            return false;
        ushort? before = _routerTag;
        _routerTag = await server.RouterTagAsync(cancel);
        return _routerTag != before;
    }

    private void Measure(IReadOnlyList<LocalContainer> containers)
    {
        metrics.Set("containers", "Containers of this host.", containers.Count);
        metrics.Set("policies", "Policies that name apps of this host.", _known.Policies?.Count ?? 0);
        metrics.Set("permissions", "Pairs of a tag and ports of a container that are allowed.", _plan?.Permissions ?? 0);
        metrics.Set("policy_server_up", "1 when the policy server answered last time.", _lost.Server is null ? 1 : 0);
        metrics.Set("datastore_up", "1 when the datastore could be read last time.", _lost.Datastore is null ? 1 : 0);
        metrics.Set("problems", "Containers, policies and security groups that make no sense and permit nothing, and what of this host stands in the way.", datastore.Problems.Count + _known.Problems.Count + (_plan?.Problems.Count ?? 0) + enforcer.Problems.Count);
    }

    private static bool Recovered(ref string? lost)
    {
        bool was = lost is not null;
        lost = null;
        return was;
    }

    private static bool IsNews(ref string? lost, Exception failure)
    {
        bool isNews = lost != failure.Message;
        lost = failure.Message;
        return isNews;
    }
}
