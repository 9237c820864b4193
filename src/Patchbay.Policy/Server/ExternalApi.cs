using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Model;
using Patchbay.Policy.Tokens;

namespace Patchbay.Policy.Server;

/// <summary>What people and their clients ask, with a bearer token.</summary>
internal sealed class ExternalApi(
    Api api, PolicyCatalog catalog, Authentication authentication, AccessGuard guard, StalePolicies stale, ServerMetrics metrics, int maximumPerSource,
    ILogger<ExternalApi> log)
{
    private const string Root = "/networking/{version}/external";

    internal void Map(IEndpointRouteBuilder routes)
    {
        api.Map(routes, HttpMethods.Get, "/", "uptime", "", UptimeAsync);
        api.Map(routes, HttpMethods.Get, "/networking", "uptime", "", UptimeAsync);
        api.Map(routes, HttpMethods.Get, "/health", "health", "", context => HealthApi.HealthAsync(context, catalog));
        api.Map(routes, HttpMethods.Get, "/openapi.json", "openapi", "", OpenApiAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/whoami", "whoami", "", WhoAmIAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/policies", "list_policies", "database read failed", ListAsync);
        api.Map(routes, HttpMethods.Post, $"{Root}/policies", "create_policies", "database create failed", CreateAsync);
        api.Map(routes, HttpMethods.Post, $"{Root}/policies/delete", "delete_policies", "database delete failed", DeleteAsync);
        // The first release deleted by this.
        api.Map(routes, HttpMethods.Delete, $"{Root}/policies", "delete_policies", "database delete failed", DeleteAsync);
        api.Map(routes, HttpMethods.Post, $"{Root}/policies/cleanup", "cleanup_policies", "policies cleanup failed", CleanUpAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/tags", "list_tags", "database read failed", TagsAsync);
    }

    internal static void WriteTag(Utf8JsonWriter writer, GroupTag tag, int tagLength)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, tag.Id);
        writer.WriteString("tag"u8, GroupTag.Format(tag.Tag, tagLength));
        writer.WriteString("type"u8, tag.Type);
        writer.WriteEndObject();
    }

    private Task UptimeAsync(HttpContext context) => Answer.BytesAsync(
        context, StatusCodes.Status200OK, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes($"Network policy server, up for {Duration(metrics.Uptime)}\n"));

    private static Task OpenApiAsync(HttpContext context) =>
        Answer.BytesAsync(context, StatusCodes.Status200OK, "application/json", OpenApiDocument.Bytes);

    private async Task WhoAmIAsync(HttpContext context)
    {
        ApiVersion version = Version(context);
        Caller caller = await authentication.AnyScopeAsync(context);
        await Answer.JsonAsync(context, StatusCodes.Status200OK, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("subject"u8, caller.Subject);
            // What the first release called it.
            if (version == ApiVersion.V0)
                writer.WriteString("user_name"u8, caller.Subject);
            writer.WriteEndObject();
        });
    }

    private async Task ListAsync(HttpContext context)
    {
        ApiVersion version = Version(context);
        Caller caller = await authentication.PolicyScopeAsync(context);
        IReadOnlyList<NetworkPolicy> found = Find(context.Request.Query, catalog.Policies);
        IReadOnlyList<NetworkPolicy> shown = await guard.FilterAsync(caller, found, context.RequestAborted);
        Api.TellAge(context, catalog);
        await Answer.JsonAsync(context, StatusCodes.Status200OK, writer => PolicyJson.WriteList(writer, shown, version));
    }

    private async Task CreateAsync(HttpContext context)
    {
        (Caller caller, List<NetworkPolicy> policies) = await ReadAsync(context);
        PolicyChange change = await catalog.CreateAsync(policies, caller.IsNetworkAdmin ? null : maximumPerSource, context.RequestAborted);
        ServerLog.Created(log, caller.Subject, change.Added.Count, policies.Count, Api.RequestId(context));
        await Answer.EmptyAsync(context);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        (Caller caller, List<NetworkPolicy> policies) = await ReadAsync(context);
        PolicyChange change = await catalog.DeleteAsync(policies, context.RequestAborted);
        ServerLog.Deleted(log, caller.Subject, change.Removed.Count, policies.Count, Api.RequestId(context));
        await Answer.EmptyAsync(context);
    }

    private async Task CleanUpAsync(HttpContext context)
    {
        ApiVersion version = Version(context);
        await authentication.AdminScopeAsync(context);
        IReadOnlyList<NetworkPolicy> deleted;
        try
        {
            deleted = await stale.DeleteAsync(context.RequestAborted);
        }
        catch (CloudFoundry.UpstreamException e)
        {
            throw new RequestException(StatusCodes.Status500InternalServerError, "policies cleanup failed", e);
        }

        await Answer.JsonAsync(context, StatusCodes.Status200OK, writer => PolicyJson.WriteList(writer, deleted, version));
    }

    private async Task TagsAsync(HttpContext context)
    {
        Version(context);
        await authentication.AdminScopeAsync(context);
        IReadOnlyList<GroupTag> tags = await Task.Run(catalog.Store.Tags, context.RequestAborted);
        await Answer.JsonAsync(context, StatusCodes.Status200OK, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("tags"u8);
            foreach (GroupTag each in tags)
                WriteTag(writer, each, catalog.Store.TagLength);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private async Task<(Caller Caller, List<NetworkPolicy> Policies)> ReadAsync(HttpContext context)
    {
        ApiVersion version = Version(context);
        Caller caller = await authentication.PolicyScopeAsync(context);
        List<NetworkPolicy> policies = PolicyRequest.Read(await Answer.BodyAsync(context), version);
        await guard.CheckAsync(caller, policies, context.RequestAborted);
        return (caller, policies);
    }

    private static ApiVersion Version(HttpContext context) => (string?)context.Request.RouteValues["version"] switch
    {
        "v0" => ApiVersion.V0,
        "v1" => ApiVersion.V1,
        string other => throw new RequestException(StatusCodes.Status406NotAcceptable, $"api version '{other}' not supported"),
        null => throw new InvalidOperationException("a route without a version"),
    };

    // id: on either side. source_id and dest_id: on that side, and on both when both are given. Each a list with commas.
    private static List<NetworkPolicy> Find(IQueryCollection query, PolicySnapshot policies)
    {
        HashSet<string>? either = Ids(query, "id");
        HashSet<string>? sources = Ids(query, "source_id");
        HashSet<string>? destinations = Ids(query, "dest_id");
        ReadOnlySpan<PolicyEntry> entries = (either ?? sources ?? destinations) is { } ids ? policies.Touching(ids) : policies.Entries.Span;
        var found = new List<NetworkPolicy>(entries.Length);
        foreach (PolicyEntry each in entries)
        {
            NetworkPolicy policy = each.Stored.Policy;
            if (either is not null || ((sources?.Contains(policy.Source) ?? true) && (destinations?.Contains(policy.Destination) ?? true)))
                found.Add(policy);
        }

        return found;
    }

    private static HashSet<string>? Ids(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) ? [.. (values[0] ?? "").Split(',')] : null;

    private static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}h{time.Minutes}m{time.Seconds}s" : time.TotalMinutes >= 1 ? $"{time.Minutes}m{time.Seconds}s" : $"{time.Seconds}s";
}
