using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Patchbay.Netlink;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent.Local;

/// <summary>What the CNI wrapper asks when it adds or deletes a container: paths, statuses and texts of the reference.</summary>
internal sealed class LocalApi(AgentCycle cycle, AgentConfiguration configuration, ILogger log)
{
    internal async Task AnswerAsync(HttpContext context)
    {
        (int status, string text) = HttpMethods.IsGet(context.Request.Method) ? await RunAsync(context) : (StatusCodes.Status405MethodNotAllowed, "only GET is understood here");
        AgentLog.Answered(log, context.Request.Method, context.Request.Path, status);
        await LocalListeners.TextAsync(context, status, text);
    }

    private Task<(int, string)> RunAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/force-policy-poll-cycle" => TryAsync("failed to force policy poll cycle", "", refreshGroups: false, context.RequestAborted),
        "/force-asgs-for-container" => GroupsAsync(context, "failed to force asgs for container", "updated container"),
        "/force-orphaned-asgs-cleanup" => GroupsAsync(context, "failed to force orphaned asgs cleanup", "cleaned up container"),
        _ => Task.FromResult((StatusCodes.Status404NotFound, "not found: /force-policy-poll-cycle, /force-asgs-for-container and /force-orphaned-asgs-cleanup are")),
    };

    private Task<(int, string)> GroupsAsync(HttpContext context, string failure, string success)
    {
        string container = context.Request.Query["container"].ToString();
        if (container.Length == 0)
            return Task.FromResult((StatusCodes.Status400BadRequest, "no container specified"));
        if (!configuration.EnableAsgSyncing)
            return Task.FromResult((StatusCodes.Status405MethodNotAllowed, "ASG syncing has been disabled administratively"));
        return TryAsync(failure, $"{success} {container}", refreshGroups: true, context.RequestAborted);
    }

    private async Task<(int, string)> TryAsync(string failure, string success, bool refreshGroups, CancellationToken aborted)
    {
        try
        {
            await cycle.RunAsync(refreshGroups, aborted);
            return (StatusCodes.Status200OK, success);
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException or NetlinkException or EnforcingException)
        {
            return (StatusCodes.Status500InternalServerError, $"{failure}: {e.Message}");
        }
    }
}
