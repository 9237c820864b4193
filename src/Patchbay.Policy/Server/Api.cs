using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Server;

/// <summary>What all routes of a listener share: what an error looks like, counting, logging.</summary>
internal sealed class Api(string name, ServerMetrics metrics, ILogger<Api> log)
{
    private const string RequestIdHeader = "X-Vcap-Request-Id";

    /// <summary>Adds a route.</summary>
    /// <param name="routes">Where to.</param>
    /// <param name="method">GET, POST, …</param>
    /// <param name="pattern">The path.</param>
    /// <param name="route">Its name in metrics.</param>
    /// <param name="failure">The text of the answer when the database fails.</param>
    /// <param name="handler">Answers it.</param>
    internal void Map(IEndpointRouteBuilder routes, string method, string pattern, string route, string failure, RequestDelegate handler) =>
        routes.MapMethods(pattern, [method], async context =>
        {
            long start = Stopwatch.GetTimestamp();
            await AnswerAsync(context, failure, handler);
            metrics.CountRequest(name, route, context.Response.StatusCode, Stopwatch.GetElapsedTime(start));
            ServerLog.Answered(log, name, context.Request.Method, context.Request.Path, context.Response.StatusCode, RequestId(context));
        });

    /// <summary>The request's id, which the router in front gave it, as far as it can be logged.</summary>
    internal static string RequestId(HttpContext context)
    {
        string id = context.Request.Headers[RequestIdHeader].ToString();
        return id.Length is > 0 and <= 128 ? id : context.TraceIdentifier;
    }

    /// <summary>Says of answers from memory how old they are while the database cannot confirm them (RFC 9111, 5.1).</summary>
    internal static void TellAge(HttpContext context, PolicyCatalog catalog)
    {
        if (catalog.IsStoreLost)
            context.Response.Headers.Age = ((long)catalog.Age.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }

    private async Task AnswerAsync(HttpContext context, string failure, RequestDelegate handler)
    {
        try
        {
            await handler(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer any more.
        }
        catch (RequestException e)
        {
            ServerLog.Refused(log, name, context.Request.Method, context.Request.Path, e.Status, e.Message, RequestId(context), e.InnerException?.Message ?? "");
            await RespondAsync(context, e.Status, e.Message);
        }
        catch (Exception e) when (e is DbException or InvalidDataException or UpstreamException)
        {
            string error = e is UpstreamException ? "check access failed" : failure;
            ServerLog.Failed(log, name, context.Request.Method, context.Request.Path, error, RequestId(context), e.Message);
            await RespondAsync(context, StatusCodes.Status500InternalServerError, error);
        }
    }

    private static Task RespondAsync(HttpContext context, int status, string error)
    {
        if (status == StatusCodes.Status401Unauthorized)
            context.Response.Headers.WWWAuthenticate = "Bearer";
        return Answer.JsonAsync(context, status, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("error"u8, error);
            writer.WriteEndObject();
        });
    }
}
