using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;
using Patchbay.Policy.Model;
using Patchbay.Policy.Tokens;

namespace Patchbay.Policy.Server;

/// <summary>Takes the token of a request and checks it and its scopes.</summary>
internal sealed class Authentication(TokenVerifier verifier, bool selfService)
{
    private static readonly string[] Any = [Caller.AdminScope, Caller.WriteScope];
    private static readonly string[] Admin = [Caller.AdminScope];

    internal Task<Caller> AnyScopeAsync(HttpContext context) => CheckAsync(context, Any);

    /// <summary>For routes of policies: with self-service no scope is asked for, since the guard looks at the spaces.</summary>
    internal Task<Caller> PolicyScopeAsync(HttpContext context) => CheckAsync(context, selfService ? [] : Any);

    internal Task<Caller> AdminScopeAsync(HttpContext context) => CheckAsync(context, Admin);

    private async Task<Caller> CheckAsync(HttpContext context, string[] scopes)
    {
        string header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
            throw new RequestException(StatusCodes.Status401Unauthorized, "missing authorization header");
        const string Scheme = "Bearer ";
        string token = header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..] : header;
        Caller caller;
        try
        {
            caller = await verifier.VerifyAsync(token, context.RequestAborted);
        }
        catch (SecurityTokenException e)
        {
            throw new RequestException(StatusCodes.Status401Unauthorized, "failed to verify token with uaa", e);
        }

        if (scopes.Length > 0 && !caller.Scopes.Intersect(scopes).Any())
        {
            throw new RequestException(
                StatusCodes.Status403Forbidden, $"provided scopes [{string.Join(' ', caller.Scopes)}] do not include allowed scopes [{string.Join(' ', scopes)}]");
        }

        return caller;
    }
}
