using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Server;

/// <summary>What an operator asks of the running server, on a port of its own.</summary>
internal sealed class DebugApi(Api api, DaemonLog logging, ILogger log)
{
    internal void Map(IEndpointRouteBuilder routes) => api.Map(routes, HttpMethods.Post, "/log-level", "log_level", "", SwitchLevelAsync);

    // POST /log-level, with the level alone as body.
    private async Task SwitchLevelAsync(HttpContext context)
    {
        string level = Encoding.UTF8.GetString((await Answer.BodyAsync(context)).Span).Trim();
        if (!logging.TrySwitch(level))
            throw new RequestException(StatusCodes.Status400BadRequest, "the body must be debug, info, error or fatal");
        ServerLog.LevelSwitched(log, level);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
