using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Patchbay.Policy.Tokens;

/// <summary>Checks OAuth2 bearer tokens that are JWTs (RFC 9068) against the issuer's public keys.</summary>
internal sealed class TokenVerifier
{
    // Public keys only: with an HMAC, whoever can check a token can make one.
    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly TokenKeys _keys;
    private readonly string? _issuer;
    private readonly string[] _audiences;

    internal TokenVerifier(TokenKeys keys, string? issuer, string[] audiences)
    {
        _keys = keys;
        _issuer = issuer;
        _audiences = audiences;
    }

    /// <summary>Checks a token.</summary>
    /// <exception cref="SecurityTokenException">It is not good, with the reason.</exception>
    internal async Task<Caller> VerifyAsync(string token, CancellationToken cancel)
    {
        IReadOnlyList<SecurityKey> keys = await _keys.GetAsync(cancel);
        TokenValidationResult result = await ValidateAsync(token, keys);
        // The issuer may have new keys since they were read.
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException && await _keys.RefreshAsync(keys, cancel) is { } newer && newer != keys)
            result = await ValidateAsync(token, newer);
        if (!result.IsValid)
            throw result.Exception as SecurityTokenException ?? new SecurityTokenException(result.Exception?.Message ?? "not a token", result.Exception);
        var jwt = (JsonWebToken)result.SecurityToken;
        // A refresh token of UAA is signed by the same key for the same audience; its id tells it apart.
        if (jwt.Id?.EndsWith("-r", StringComparison.Ordinal) == true)
            throw new SecurityTokenException("a refresh token is no access token");
        string client = Text(jwt, "client_id") ?? Text(jwt, "cid") ?? jwt.Subject ?? "";
        return new Caller(Text(jwt, "user_name") ?? client, Text(jwt, "user_id") ?? client, Scopes(jwt));
    }

    private Task<TokenValidationResult> ValidateAsync(string token, IReadOnlyList<SecurityKey> keys) =>
        _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            IssuerSigningKeys = keys,
            ValidAlgorithms = Algorithms,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ValidateIssuer = _issuer is not null,
            ValidIssuer = _issuer,
            ValidateAudience = true,
            ValidAudiences = _audiences,
            ClockSkew = TimeSpan.FromSeconds(30),
        });

    // UAA has a list; RFC 9068 has a text with spaces.
    private static string[] Scopes(JsonWebToken jwt) =>
        [.. jwt.Claims.Where(each => each.Type == "scope").SelectMany(each => each.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    private static string? Text(JsonWebToken jwt, string claim) => jwt.TryGetClaim(claim, out var found) && found.Value.Length > 0 ? found.Value : null;
}
