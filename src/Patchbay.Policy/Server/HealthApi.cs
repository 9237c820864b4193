using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Server;

/// <summary>What monitoring asks, on a port of its own.</summary>
internal sealed class HealthApi(Api api, PolicyCatalog catalog, ServerMetrics metrics)
{
    internal void Map(IEndpointRouteBuilder routes)
    {
        api.Map(routes, HttpMethods.Get, "/", "health", "", context => HealthAsync(context, catalog));
        api.Map(routes, HttpMethods.Get, "/health", "health", "", context => HealthAsync(context, catalog));
        api.Map(routes, HttpMethods.Get, "/metrics", "metrics", "", context => Answer.BytesAsync(
            context, StatusCodes.Status200OK, "text/plain; version=0.0.4; charset=utf-8", Encoding.UTF8.GetBytes(metrics.Text(catalog))));
    }

    internal static async Task HealthAsync(HttpContext context, PolicyCatalog catalog)
    {
        if (!await catalog.IsHealthyAsync(context.RequestAborted))
            throw new RequestException(StatusCodes.Status500InternalServerError, "check database failed");
        context.Response.StatusCode = StatusCodes.Status200OK;
    }
}
