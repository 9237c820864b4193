using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Model;
using Patchbay.Policy.Tokens;

namespace Patchbay.Policy.Server;

/// <summary>Decides whose policies a caller may see and change: an admin any, others those between apps in spaces where they develop.</summary>
internal sealed class AccessGuard(CloudController? cloudController)
{
    /// <exception cref="RequestException">403: some app is not theirs, or not there.</exception>
    internal async Task CheckAsync(Caller caller, IReadOnlyList<NetworkPolicy> policies, CancellationToken cancel)
    {
        if (caller.IsNetworkAdmin)
            return;
        var apps = policies.SelectMany(each => (string[])[each.Source, each.Destination]).ToHashSet();
        HashSet<string> own = await OwnAsync(caller, apps, cancel);
        if (!apps.IsSubsetOf(own))
            throw new RequestException(403, "one or more applications cannot be found or accessed");
    }

    /// <summary>Those that the caller may see.</summary>
    internal async Task<IReadOnlyList<NetworkPolicy>> FilterAsync(Caller caller, IReadOnlyList<NetworkPolicy> policies, CancellationToken cancel)
    {
        if (caller.IsNetworkAdmin)
            return policies;
        HashSet<string> own = await OwnAsync(caller, policies.SelectMany(each => (string[])[each.Source, each.Destination]), cancel);
        return [.. policies.Where(each => own.Contains(each.Source) && own.Contains(each.Destination))];
    }

    private async Task<HashSet<string>> OwnAsync(Caller caller, IEnumerable<string> apps, CancellationToken cancel)
    {
        if (cloudController is null)
            return [];
        HashSet<string> spaces = await cloudController.SpacesOfDeveloperAsync(caller.Id, cancel);
        if (spaces.Count == 0)
            return [];
        return [.. (await cloudController.SpacesOfAppsAsync(apps, cancel)).Where(each => spaces.Contains(each.Value)).Select(each => each.Key)];
    }
}
