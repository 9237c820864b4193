using System.Net.Http.Headers;
using System.Text.Json;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.CloudFoundry;

/// <summary>Asks the Cloud Controller (API v3) which apps there are, in which spaces, and whose those are.</summary>
internal sealed class CloudController(JsonApi api, Uaa uaa) : IDisposable
{
    /// <summary>Ids in one request: more would make its address too long for some proxies.</summary>
    private const int IdsPerRequest = 100;

    // No list of a Cloud Controller has so many pages; one whose pages lead in a circle has.
    private const int MostPages = 10_000;

    /// <inheritdoc/>
    public void Dispose() => api.Dispose();

    /// <summary>The apps among these that there are, each with its space.</summary>
    internal async Task<Dictionary<string, string>> SpacesOfAppsAsync(IEnumerable<string> apps, CancellationToken cancel)
    {
        var spaces = new Dictionary<string, string>();
        foreach (string[] some in apps.Distinct().Chunk(IdsPerRequest))
        {
            string path = $"v3/apps?guids={Uri.EscapeDataString(string.Join(',', some))}&per_page={IdsPerRequest}";
            foreach ((string app, string space) in await PagesAsync(path, each => (Guid(each), SpaceOf(each)), cancel))
                spaces[app] = space;
        }

        return spaces;
    }

    /// <summary>The apps in these spaces.</summary>
    internal async Task<HashSet<string>> AppsInSpacesAsync(IEnumerable<string> spaces, CancellationToken cancel)
    {
        var apps = new HashSet<string>();
        foreach (string[] some in spaces.Chunk(IdsPerRequest))
            apps.UnionWith(await PagesAsync($"v3/apps?space_guids={Uri.EscapeDataString(string.Join(',', some))}&per_page=5000", Guid, cancel));
        return apps;
    }

    /// <summary>The spaces in which a user is a developer.</summary>
    internal async Task<HashSet<string>> SpacesOfDeveloperAsync(string user, CancellationToken cancel)
    {
        string path = $"v3/roles?types=space_developer&user_guids={Uri.EscapeDataString(user)}&per_page=5000";
        return [.. await PagesAsync(path, each => each.GetProperty("relationships").GetProperty("space").GetProperty("data").GetProperty("guid").GetString()!, cancel)];
    }

    /// <summary>All security groups.</summary>
    internal Task<List<SecurityGroup>> SecurityGroupsAsync(CancellationToken cancel) =>
        PagesAsync("v3/security_groups?per_page=5000&order_by=created_at", ReadSecurityGroup, cancel);

    private async Task<List<T>> PagesAsync<T>(string path, Func<JsonElement, T> read, CancellationToken cancel)
    {
        var all = new List<T>();
        string? next = path;
        for (int page = 0; next is not null; page++)
        {
            if (page == MostPages)
                throw new UpstreamException($"Cloud Controller: {path}: more than {MostPages} pages");
            using var request = new HttpRequestMessage(HttpMethod.Get, next);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await uaa.OwnTokenAsync(cancel));
            (List<T> some, next) = await api.SendAsync(request, answer => (answer.GetProperty("resources").EnumerateArray().Select(read).ToList(), NextPage(answer)), cancel);
            all.AddRange(some);
        }

        return all;
    }

    // The address of the next page is the Cloud Controller's own name for itself, which may differ from ours: only what follows the host counts.
    private static string? NextPage(JsonElement answer)
    {
        JsonElement next = answer.GetProperty("pagination").GetProperty("next");
        return next.ValueKind == JsonValueKind.Object && next.GetProperty("href").GetString() is { } href ? new Uri(href).PathAndQuery.TrimStart('/') : null;
    }

    private static string Guid(JsonElement resource) => resource.GetProperty("guid").GetString()!;

    private static string SpaceOf(JsonElement app) =>
        app.TryGetProperty("relationships", out JsonElement relationships)
            ? relationships.GetProperty("space").GetProperty("data").GetProperty("guid").GetString()!
            : app.GetProperty("links").GetProperty("space").GetProperty("href").GetString()!.Split('/')[^1];

    private static SecurityGroup ReadSecurityGroup(JsonElement group)
    {
        JsonElement global = group.GetProperty("globally_enabled");
        JsonElement spaces = group.GetProperty("relationships");
        return new SecurityGroup(
            Guid(group),
            group.GetProperty("name").GetString()!,
            group.GetProperty("rules").GetRawText(),
            global.GetProperty("staging").GetBoolean(),
            global.GetProperty("running").GetBoolean(),
            Guids(spaces.GetProperty("staging_spaces")),
            Guids(spaces.GetProperty("running_spaces")));
    }

    private static string[] Guids(JsonElement list) => [.. list.GetProperty("data").EnumerateArray().Select(Guid)];
}
