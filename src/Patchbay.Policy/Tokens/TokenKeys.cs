using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Tokens;

/// <summary>The public keys of the token issuer: a JSON Web Key Set (RFC 7517), from UAA or from a file.</summary>
internal sealed class TokenKeys(Func<CancellationToken, Task<string>> read, string source, ILogger log, TimeProvider clock) : IDisposable
{
    /// <summary>So often at most are keys asked for: anyone can send tokens with unknown key ids.</summary>
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(10);

    /// <summary>A key that the issuer has withdrawn is not good for longer than this.</summary>
    private static readonly TimeSpan LongestInterval = TimeSpan.FromMinutes(30);

    private readonly SemaphoreSlim _reading = new(1);
    private volatile IReadOnlyList<SecurityKey> _keys = [];
    private long? _asked;

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    internal async Task<IReadOnlyList<SecurityKey>> GetAsync(CancellationToken cancel)
    {
        if (_asked is not { } asked || clock.GetElapsedTime(asked) > LongestInterval)
            await RefreshAsync(cancel);
        return _keys;
    }

    /// <summary>Reads the keys again, unless that was done a moment ago.</summary>
    /// <returns>Whether they were read. Otherwise the old ones stay in use.</returns>
    internal async Task<bool> RefreshAsync(CancellationToken cancel)
    {
        await _reading.WaitAsync(cancel);
        try
        {
            if (_asked is { } asked && clock.GetElapsedTime(asked) < ShortestInterval)
                return false;
            _asked = clock.GetTimestamp();
            _keys = Parse(await read(cancel));
            return true;
        }
        catch (Exception e) when (e is UpstreamException or IOException or JsonException or ArgumentException)
        {
            ServerLog.KeysUnavailable(log, source, e.Message);
            return false;
        }
        finally
        {
            _reading.Release();
        }
    }

    private static SecurityKey[] Parse(string text)
    {
        var set = new JsonWebKeySet(text);
        return [.. set.Keys.Where(each => each.Kty is "RSA" or "EC")];
    }
}
