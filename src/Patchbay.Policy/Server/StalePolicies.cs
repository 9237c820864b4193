using System.Data.Common;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Server;

/// <summary>Deletes the policies of apps that the Cloud Controller no longer has.</summary>
internal sealed class StalePolicies(PolicyCatalog catalog, CloudController? cloudController, ILogger<StalePolicies> log)
{
    /// <returns>What was deleted.</returns>
    /// <exception cref="UpstreamException">The Cloud Controller did not say which apps there are; nothing was deleted.</exception>
    internal async Task<IReadOnlyList<NetworkPolicy>> DeleteAsync(CancellationToken cancel)
    {
        if (cloudController is null)
            throw new UpstreamException("cc_url is not set: which apps there are is the Cloud Controller's to tell");
        PolicySnapshot policies = catalog.Policies;
        Dictionary<string, string> live = await cloudController.SpacesOfAppsAsync(policies.Apps, cancel);
        var stale = new List<NetworkPolicy>();
        foreach (PolicyEntry each in policies.Entries.Span)
        {
            if (!live.ContainsKey(each.Stored.Policy.Source) || !live.ContainsKey(each.Stored.Policy.Destination))
                stale.Add(each.Stored.Policy);
        }

        if (stale.Count == 0)
            return stale;
        PolicyChange change = await catalog.DeleteAsync(stale, cancel);
        ServerLog.CleanedUp(log, change.Removed.Count);
        return [.. change.Removed.Select(each => each.Policy)];
    }

    /// <summary>Does so once an interval, until cancelled.</summary>
    internal async Task RepeatAsync(TimeSpan interval, TimeProvider clock, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                try
                {
                    await DeleteAsync(cancel);
                }
                catch (Exception e) when (e is UpstreamException or DbException)
                {
                    ServerLog.CleanupFailed(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}
