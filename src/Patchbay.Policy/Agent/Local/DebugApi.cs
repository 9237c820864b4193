using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Patchbay.Netlink;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Agent.Local;

/// <summary>The debug server: log level, logging of packets, metrics.</summary>
internal sealed class DebugApi(AgentCycle cycle, DaemonLog logging, AgentMetrics metrics, ILogger log)
{
    private const string Json = "application/json";

    internal async Task AnswerAsync(HttpContext context)
    {
        Task answer = (context.Request.Method, context.Request.Path.Value) switch
        {
            ("GET", "/metrics") => LocalListeners.TextAsync(context, StatusCodes.Status200OK, metrics.Text(), "text/plain; version=0.0.4; charset=utf-8"),
            ("GET", "/iptables-c2c-logging") => LoggingAsync(context),
            ("PUT", "/iptables-c2c-logging") => SwitchLoggingAsync(context),
            ("POST", "/log-level") => SwitchLevelAsync(context),
            _ => LocalListeners.TextAsync(context, StatusCodes.Status404NotFound, "not found: GET /metrics, GET and PUT /iptables-c2c-logging, POST /log-level are"),
        };
        await answer;
        AgentLog.Answered(log, context.Request.Method, context.Request.Path, context.Response.StatusCode);
    }

    private Task LoggingAsync(HttpContext context) =>
        LocalListeners.TextAsync(context, StatusCodes.Status200OK, $"{{\"enabled\":{(cycle.Options.LogContainers ? "true" : "false")}}}", Json);

    private async Task SwitchLoggingAsync(HttpContext context)
    {
        string body = await BodyAsync(context);
        if (Enabled(body) is not { } enabled)
        {
            await LocalListeners.TextAsync(context, StatusCodes.Status400BadRequest, "{\"error\":\"the body must be {\\\"enabled\\\": true} or {\\\"enabled\\\": false}\"}", Json);
            return;
        }

        try
        {
            await cycle.SwitchLoggingAsync(enabled, context.RequestAborted);
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException)
        {
            // What is known is logged as wanted; that no news could be had is the poll cycle's to tell.
            AgentLog.Answered(log, context.Request.Method, context.Request.Path, StatusCodes.Status200OK);
        }
        catch (Exception e) when (e is NetlinkException or EnforcingException)
        {
            await LocalListeners.TextAsync(context, StatusCodes.Status500InternalServerError, $"the rules could not be changed: {e.Message}");
            return;
        }

        await LoggingAsync(context);
    }

    private async Task SwitchLevelAsync(HttpContext context)
    {
        string level = (await BodyAsync(context)).Trim();
        if (!logging.TrySwitch(level))
        {
            await LocalListeners.TextAsync(context, StatusCodes.Status400BadRequest, "the body must be debug, info, error or fatal");
            return;
        }

        AgentLog.LevelSwitched(log, level);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static bool? Enabled(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("enabled", out JsonElement enabled)
                ? enabled.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null }
                : null;
        }
        catch (JsonException)
        {
            return null; // told as every other body that is none
        }
    }

    private static async Task<string> BodyAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        return await reader.ReadToEndAsync(context.RequestAborted);
    }
}
