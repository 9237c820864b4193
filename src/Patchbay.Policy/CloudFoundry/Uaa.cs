using System.Net.Http.Headers;
using System.Text;

namespace Patchbay.Policy.CloudFoundry;

/// <summary>The token issuer of Cloud Foundry: its keys, and tokens for this server itself.</summary>
internal sealed class Uaa(JsonApi api, string client, string secret, TimeProvider clock) : IDisposable
{
    private readonly SemaphoreSlim _asking = new(1);
    private (string Token, long Taken, TimeSpan Lifetime)? _token;

    /// <inheritdoc/>
    public void Dispose()
    {
        api.Dispose();
        _asking.Dispose();
    }

    /// <summary>Its public keys, as a JSON Web Key Set.</summary>
    internal async Task<string> KeysAsync(CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "token_keys");
        return await api.SendAsync(request, cancel);
    }

    /// <summary>A token of this server's own (RFC 6749, 4.4), kept for as long as it is good.</summary>
    internal async Task<string> OwnTokenAsync(CancellationToken cancel)
    {
        await _asking.WaitAsync(cancel);
        try
        {
            if (_token is { } kept && clock.GetElapsedTime(kept.Taken) < kept.Lifetime)
                return kept.Token;
            using var request = new HttpRequestMessage(HttpMethod.Post, "oauth/token")
            {
                Content = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", client)]),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client}:{secret}")));
            long now = clock.GetTimestamp();
            (string token, int seconds) = await api.SendAsync(
                request, answer => (answer.GetProperty("access_token").GetString() ?? "", answer.TryGetProperty("expires_in", out var expires) ? expires.GetInt32() : 0), cancel);
            _token = (token, now, TimeSpan.FromSeconds(Math.Max(0, seconds - 30)));
            return token;
        }
        finally
        {
            _asking.Release();
        }
    }
}
