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
        HashSet<string> own = await SpacesAsync(caller, cancel);
        Dictionary<string, string> spaces = own.Count > 0 ? await cloudController!.SpacesOfAppsAsync(apps, cancel) : [];
        if (!apps.All(each => spaces.TryGetValue(each, out string? space) && own.Contains(space)))
            throw new RequestException(403, "one or more applications cannot be found or accessed");
    }

    /// <summary>Those that the caller may see.</summary>
    internal async Task<IReadOnlyList<NetworkPolicy>> FilterAsync(Caller caller, IReadOnlyList<NetworkPolicy> policies, CancellationToken cancel)
    {
        if (caller.IsNetworkAdmin)
            return policies;
        // By the caller's spaces, since all policies name more apps than the caller has.
        HashSet<string> spaces = await SpacesAsync(caller, cancel);
        if (spaces.Count == 0)
            return [];
        HashSet<string> own = await cloudController!.AppsInSpacesAsync(spaces, cancel);
        return [.. policies.Where(each => own.Contains(each.Source) && own.Contains(each.Destination))];
    }

    // Without a Cloud Controller nobody has a space.
    private async Task<HashSet<string>> SpacesAsync(Caller caller, CancellationToken cancel) =>
        cloudController is null ? [] : await cloudController.SpacesOfDeveloperAsync(caller.Id, cancel);
}
