using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using Patchbay.Policy.Model;
using Patchbay.Policy.Store;

namespace Patchbay.Policy.Server;

/// <summary>What agents ask, over mutual TLS: everything from memory.</summary>
internal sealed class InternalApi(Api api, PolicyCatalog catalog, Conditional conditional)
{
    internal void Map(IEndpointRouteBuilder routes)
    {
        const string Root = "/networking/{version}/internal";
        api.Map(routes, HttpMethods.Get, $"{Root}/policies", "policies", "database read failed", PoliciesAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/policies_changes", "policies_changes", "database read failed", ChangesAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/policies_last_updated", "policies_last_updated", "database read failed",
            context => NumberAsync(context, () => catalog.Policies.LastUpdated));
        api.Map(routes, HttpMethods.Get, $"{Root}/security_groups", "security_groups", "database read failed", SecurityGroupsAsync);
        api.Map(routes, HttpMethods.Get, $"{Root}/security_groups_last_updated", "security_groups_last_updated", "database read failed",
            context => NumberAsync(context, () => catalog.SecurityGroups.LastUpdated));
        api.Map(routes, HttpMethods.Put, $"{Root}/tags", "tags", "database create failed", CreateTagAsync);
    }

    // GET …/policies?id=a,b: all policies, or those with one of the ids on either side.
    private Task PoliciesAsync(HttpContext context)
    {
        // v0 is the form of the first release; whatever else is written there means the present one.
        ApiVersion version = (string?)context.Request.RouteValues["version"] == "v0" ? ApiVersion.V0 : ApiVersion.V1;
        StringValues filter = context.Request.Query["id"];
        HashSet<string>? ids = filter.Count > 0 ? [.. (filter[0] ?? "").Split(',')] : null;
        return conditional.AnswerAsync(context, () =>
        {
            PolicySnapshot policies = catalog.Policies;
            ReadOnlyMemory<PolicyEntry> entries = ids is null ? policies.Entries : policies.Touching(ids);
            UInt128 hash = ids is null ? policies.Hash : PolicySnapshot.HashOf(entries.Span);
            return ($"\"{(version == ApiVersion.V0 ? 0 : 1)}-{hash:x32}\"", () =>
            {
                context.Response.Headers["Policies-Last-Updated"] = policies.LastUpdated.ToString(CultureInfo.InvariantCulture);
                return Answer.EntriesAsync(context, entries, version);
            });
        });
    }

    // GET …/policies_changes?since=NUMBER&id=a,b: what became of these apps' policies since the state of that number.
    private Task ChangesAsync(HttpContext context)
    {
        long since = Number(context.Request.Query, "since");
        HashSet<string> ids = [.. context.Request.Query["id"].ToString().Split(',')];
        return conditional.AnswerAsync(context, () =>
        {
            PolicySnapshot policies = catalog.Policies;
            return ($"\"{policies.LastUpdated}\"", () => policies.Since(since, ids) is { } changes
                ? Answer.ChangesAsync(context, policies.LastUpdated, changes.Added, changes.Removed)
                : throw new RequestException(StatusCodes.Status410Gone, $"the state {since} is not remembered: read all policies"));
        });
    }

    // GET …/policies_last_updated: a bare number, nanoseconds since 1970.
    private Task NumberAsync(HttpContext context, Func<long> read) => conditional.AnswerAsync(context, () =>
    {
        string number = read().ToString(CultureInfo.InvariantCulture);
        return ($"\"{number}\"", () => Answer.BytesAsync(context, StatusCodes.Status200OK, "application/json", System.Text.Encoding.ASCII.GetBytes(number)));
    });

    // GET …/security_groups?space_guids=a,b&from=1&limit=100
    private Task SecurityGroupsAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        HashSet<string> spaces = [.. query["space_guids"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries)];
        long from = Number(query, "from");
        long limit = Number(query, "limit");
        return conditional.AnswerAsync(context, () =>
        {
            SecurityGroupList groups = catalog.SecurityGroups;
            return ($"\"{groups.LastUpdated}\"", () =>
            {
                (IReadOnlyList<SecurityGroup> page, long next) = groups.ForSpaces(spaces, from, limit);
                return Answer.JsonAsync(context, StatusCodes.Status200OK, writer => WriteSecurityGroups(writer, page, next));
            });
        });
    }

    // PUT …/tags {"id": "INGRESS_ROUTER", "type": "router"}
    private async Task CreateTagAsync(HttpContext context)
    {
        ReadOnlyMemory<byte> body = await Answer.BodyAsync(context);
        (string id, string type) = ReadTag(body);
        GroupTag tag = await catalog.CreateTagAsync(id, type, context.RequestAborted);
        await Answer.JsonAsync(context, StatusCodes.Status200OK, writer => ExternalApi.WriteTag(writer, tag, catalog.Store.TagLength));
    }

    private static (string Id, string Type) ReadTag(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            string id = document.RootElement.GetProperty("id").GetString() ?? "";
            string type = document.RootElement.GetProperty("type").GetString() ?? "";
            if (PolicyRequest.IsId(id) && PolicyRequest.IsId(type))
                return (id, type);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, "failed parsing request body", e);
        }

        throw new RequestException(StatusCodes.Status400BadRequest, "failed parsing request body");
    }

    private static long Number(IQueryCollection query, string name)
    {
        StringValues text = query[name];
        if (text.Count == 0)
            return 0;
        // Status 500 is what the API has always said here, and clients may look for it.
        return long.TryParse(text[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw new RequestException(StatusCodes.Status500InternalServerError, $"invalid value for '{name}' parameter");
    }

    private static void WriteSecurityGroups(Utf8JsonWriter writer, IReadOnlyList<SecurityGroup> groups, long next)
    {
        writer.WriteStartObject();
        writer.WriteNumber("next"u8, next);
        writer.WriteStartArray("security_groups"u8);
        foreach (SecurityGroup each in groups)
        {
            writer.WriteStartObject();
            writer.WriteString("guid"u8, each.Guid);
            writer.WriteString("name"u8, each.Name);
            writer.WriteString("rules"u8, each.Rules);
            writer.WriteBoolean("staging_default"u8, each.StagingDefault);
            writer.WriteBoolean("running_default"u8, each.RunningDefault);
            WriteList(writer, "staging_space_guids"u8, each.StagingSpaces);
            WriteList(writer, "running_space_guids"u8, each.RunningSpaces);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string each in values)
            writer.WriteStringValue(each);
        writer.WriteEndArray();
    }
}
