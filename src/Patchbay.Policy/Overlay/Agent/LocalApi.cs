using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Agent.Local;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>What is asked on this host: the silk CNI plugin asks for subnet and MTU, others for health and metrics.</summary>
internal sealed class LocalApi(OverlayCycle cycle, Metrics metrics, ILogger log)
{
    internal async Task AnswerAsync(HttpContext context)
    {
        (int status, string text, string type) = HttpMethods.IsGet(context.Request.Method)
            ? Answer(context.Request.Path.Value)
            : (StatusCodes.Status405MethodNotAllowed, "only GET is understood here", "text/plain; charset=utf-8");
        OverlayLog.Answered(log, context.Request.Method, context.Request.Path, status);
        await LocalListeners.TextAsync(context, status, text, type);
    }

    private (int, string, string) Answer(string? path) => (path, cycle.Network) switch
    {
        ("/metrics", _) => (StatusCodes.Status200OK, metrics.Text(), "text/plain; version=0.0.4; charset=utf-8"),
        (_, null) => (StatusCodes.Status503ServiceUnavailable, $"there is no lease yet{(cycle.Trouble is { } why ? $": {why}" : "")}", "text/plain; charset=utf-8"),
        ("/health", _) => (StatusCodes.Status200OK, cycle.Trouble ?? "", "text/plain; charset=utf-8"),
        (_, { } network) => (StatusCodes.Status200OK, string.Create(CultureInfo.InvariantCulture, $"{{\"overlay_subnet\":\"{network.Lease.Subnet}\",\"mtu\":{network.Mtu}}}"), "application/json"),
    };
}
