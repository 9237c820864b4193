using System.Data.Common;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Model;
using Patchbay.Policy.Store;

namespace Patchbay.Policy.Server;

/// <summary>The policies in memory, which answer every read; and the one way to change them, which goes through the store.</summary>
/// <remarks>
/// A change is committed first and seen in memory second, before its caller hears of it. What other servers change is noticed by asking the
/// store for its revision, once an interval. While the store does not answer, memory goes on answering and knows its age.
/// </remarks>
internal sealed class PolicyCatalog(PolicyStore store, ServerMetrics metrics, ILogger<PolicyCatalog> log, TimeProvider clock, TimeSpan interval) : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1);
    private volatile PolicySnapshot _policies = PolicySnapshot.Load(0, 0, [], store.TagLength);
    private volatile SecurityGroupList _securityGroups = new(0, 0, []);
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _confirmed = clock.GetTimestamp();
    private volatile bool _lost;

    internal PolicySnapshot Policies => _policies;

    internal SecurityGroupList SecurityGroups => _securityGroups;

    /// <summary>The store, for reads that do not go to memory.</summary>
    internal PolicyStore Store { get; } = store;

    /// <summary>Whether the store did not answer last time.</summary>
    internal bool IsStoreLost => _lost;

    /// <summary>How long ago the store last said that memory is right.</summary>
    internal TimeSpan Age => clock.GetElapsedTime(Interlocked.Read(ref _confirmed));

    /// <summary>Ends when the policies or the security groups next change. Take it before looking at them.</summary>
    internal Task Changed => _changed.Task;

    /// <inheritdoc/>
    public void Dispose() => _writing.Dispose();

    /// <summary>Reads everything; the server starts with this, and not without.</summary>
    internal Task LoadAsync(CancellationToken cancel) => ExclusivelyAsync(() =>
    {
        _policies = Store.ReadPolicies();
        _securityGroups = Store.ReadSecurityGroups();
        Confirm();
        return true;
    }, cancel);

    internal Task<PolicyChange> CreateAsync(IReadOnlyList<NetworkPolicy> policies, int? maximumPerSource, CancellationToken cancel) =>
        WriteAsync("create", () => Store.Create(policies, maximumPerSource), cancel);

    internal Task<PolicyChange> DeleteAsync(IReadOnlyList<NetworkPolicy> policies, CancellationToken cancel) =>
        WriteAsync("delete", () => Store.Delete(policies), cancel);

    internal Task<GroupTag> CreateTagAsync(string id, string type, CancellationToken cancel) =>
        ExclusivelyAsync(() => metrics.Timed("tag", () => Store.CreateTag(id, type)), cancel);

    internal Task ReplaceSecurityGroupsAsync(IReadOnlyList<SecurityGroup> groups, CancellationToken cancel) => ExclusivelyAsync(() =>
    {
        if (metrics.Timed("security_groups", () => Store.ReplaceSecurityGroups(groups)))
            RefreshSecurityGroups();
        return true;
    }, cancel);

    /// <summary>Whether the database answers; it is asked unless it just did.</summary>
    internal async Task<bool> IsHealthyAsync(CancellationToken cancel)
    {
        if (_lost || Age > interval)
            await ExclusivelyAsync(Refresh, cancel);
        return !_lost;
    }

    /// <summary>Keeps memory up to date until cancelled.</summary>
    internal async Task FollowAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
                await ExclusivelyAsync(Refresh, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    private Task<PolicyChange> WriteAsync(string operation, Func<PolicyChange> write, CancellationToken cancel) => ExclusivelyAsync(() =>
    {
        PolicyChange change = metrics.Timed(operation, write);
        if (change.IsEmpty)
            return change;
        if (change.Revision == _policies.Revision + 1)
        {
            Show(_policies.With(change));
            Confirm();
        }
        else
        {
            Refresh(); // another server's change came between
        }

        return change;
    }, cancel);

    // The database's clients block their thread. One at a time does, so that the thread pool is never full of them.
    private async Task<T> ExclusivelyAsync<T>(Func<T> work, CancellationToken cancel)
    {
        await _writing.WaitAsync(cancel);
        try
        {
            return await Task.Run(work, CancellationToken.None);
        }
        finally
        {
            _writing.Release();
        }
    }

    private bool Refresh()
    {
        try
        {
            (long policies, long securityGroups) = Store.Revisions();
            if (policies != _policies.Revision)
                Show(metrics.Timed("all", Store.ReadPolicies).After(_policies));
            if (securityGroups != _securityGroups.Revision)
                RefreshSecurityGroups();
            Confirm();
        }
        catch (Exception e) when (e is DbException or InvalidDataException)
        {
            if (!_lost)
                ServerLog.StoreLost(log, Store.Description, e.Message);
            _lost = true;
        }

        return true;
    }

    private void RefreshSecurityGroups()
    {
        _securityGroups = Store.ReadSecurityGroups();
        Announce();
    }

    private void Show(PolicySnapshot snapshot)
    {
        _policies = snapshot;
        Announce();
    }

    private void Announce() =>
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();

    private void Confirm()
    {
        Interlocked.Exchange(ref _confirmed, clock.GetTimestamp());
        if (_lost)
            ServerLog.StoreBack(log, Store.Description);
        _lost = false;
    }
}
