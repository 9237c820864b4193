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
    private volatile Known? _known;

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    internal async Task<IReadOnlyList<SecurityKey>> GetAsync(CancellationToken cancel) =>
        _known is { } known && clock.GetElapsedTime(known.Asked) <= LongestInterval ? known.Keys : await RefreshAsync(_known?.Keys, cancel);

    /// <summary>Reads the keys again, unless that was done a moment ago.</summary>
    /// <param name="tried">The keys that were not good enough; null for none.</param>
    /// <returns>The keys; the very same list when there are no other ones.</returns>
    internal async Task<IReadOnlyList<SecurityKey>> RefreshAsync(IReadOnlyList<SecurityKey>? tried, CancellationToken cancel)
    {
        await _reading.WaitAsync(cancel);
        try
        {
            // Whoever had to wait finds what was read meanwhile.
            if (_known is { } known && (known.Keys != tried || clock.GetElapsedTime(known.Asked) < ShortestInterval))
                return known.Keys;
            IReadOnlyList<SecurityKey> keys = await ReadAsync(cancel) ?? tried ?? [];
            _known = new Known(keys, clock.GetTimestamp());
            return keys;
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task<IReadOnlyList<SecurityKey>?> ReadAsync(CancellationToken cancel)
    {
        try
        {
            return Parse(await read(cancel));
        }
        catch (Exception e) when (e is UpstreamException or IOException or JsonException or ArgumentException)
        {
            ServerLog.KeysUnavailable(log, source, e.Message);
            return null;
        }
    }

    private static SecurityKey[] Parse(string text)
    {
        var set = new JsonWebKeySet(text);
        return [.. set.Keys.Where(each => each.Kty is "RSA" or "EC")];
    }

    private sealed record Known(IReadOnlyList<SecurityKey> Keys, long Asked);
}
