using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Patchbay.Policy.Server;

/// <summary>Headers of every answer, and answers to browsers that ask whether they may ask (CORS, https://fetch.spec.whatwg.org).</summary>
internal sealed class ResponseHeaders(string[] allowedOrigins)
{
    internal Task AddAsync(HttpContext context, RequestDelegate next)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.XXSSProtection = "1; mode=block";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "deny";
        headers.ContentSecurityPolicy = "frame-ancestors 'none'";
        if (context.Request.IsHttps)
            headers.StrictTransportSecurity = "max-age=31536000";
        if (AllowedOrigin(context.Request.Headers.Origin.ToString()) is { } origin)
        {
            headers.AccessControlAllowOrigin = origin;
            headers.Vary = "Origin";
        }

        return next(context);
    }

    /// <summary>Answers OPTIONS for every path that has a route, whatever its methods.</summary>
    internal static void MapOptions(IEndpointRouteBuilder routes)
    {
        // Routes come from the same builder, so each pattern that is there gets its methods told.
        var methods = routes.DataSources.SelectMany(each => each.Endpoints).OfType<RouteEndpoint>()
            .GroupBy(each => each.RoutePattern.RawText!, each => each.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]).ToList();
        foreach (IGrouping<string, string> each in methods)
        {
            string list = string.Join(',', each);
            routes.MapMethods(each.Key, [HttpMethods.Options], (RequestDelegate)(context =>
            {
                context.Response.Headers.AccessControlAllowMethods = list;
                context.Response.Headers.AccessControlAllowHeaders = "authorization";
                return Task.CompletedTask;
            }));
        }
    }

    private string? AllowedOrigin(string origin)
    {
        if (origin.Length == 0)
            return null;
        if (allowedOrigins.Contains(origin))
            return origin;
        return allowedOrigins.Contains("*") ? "*" : null;
    }
}
