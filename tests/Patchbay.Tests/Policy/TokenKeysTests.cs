using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.IdentityModel.Tokens;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Tokens;

namespace Patchbay.Tests.Policy;

public class TokenKeysTests
{
    private readonly SettableClock _clock = new();
    private int _reads;
    private string? _set = Set("one");

    [Fact]
    public async Task Keys_are_read_once_and_again_when_a_new_one_is_asked_for_but_not_for_every_stranger()
    {
        using TokenKeys keys = Create();
        IReadOnlyList<SecurityKey> first = await keys.GetAsync(default);
        Assert.Single(first);
        Assert.Same(first, await keys.RefreshAsync(first, default));
        Assert.Equal(1, _reads);

        _set = Set("one", "two");
        _clock.Advance(TimeSpan.FromSeconds(11));
        IReadOnlyList<SecurityKey> second = await keys.RefreshAsync(first, default);
        Assert.Equal(2, second.Count);
        Assert.Same(second, await keys.GetAsync(default));
        Assert.Same(second, await keys.RefreshAsync(first, default)); // who tried the old ones meanwhile
        Assert.Equal(2, _reads);
    }

    [Fact]
    public async Task Who_comes_while_the_keys_are_read_waits_for_them()
    {
        var issuer = new TaskCompletionSource<string>();
        using var keys = new TokenKeys(_ => issuer.Task, "test", NullLogger.Instance, _clock);
        Task<IReadOnlyList<SecurityKey>>[] callers = [.. Enumerable.Range(0, 3).Select(_ => keys.GetAsync(default))];

        Assert.DoesNotContain(callers, each => each.IsCompleted);
        issuer.SetResult(Set("one"));

        foreach (Task<IReadOnlyList<SecurityKey>> each in callers)
            Assert.Single(await each);
    }

    [Fact]
    public async Task Old_keys_stay_while_the_issuer_is_away_and_go_when_it_withdraws_them()
    {
        using TokenKeys keys = Create();
        await keys.GetAsync(default);

        _set = null;
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Single(await keys.GetAsync(default));
        _set = Set();
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await keys.GetAsync(default));
    }

    [Fact]
    public async Task A_secret_that_both_sides_know_is_no_key()
    {
        _set = """{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","kid":"mac"}]}""";
        using TokenKeys keys = Create();

        Assert.Empty(await keys.GetAsync(default));
    }

    private TokenKeys Create() => new(
        _ =>
        {
            _reads++;
            return Task.FromResult(_set ?? throw new UpstreamException("away"));
        },
        "test", NullLogger.Instance, _clock);

    private static string Set(params string[] ids)
    {
        using RSA key = RSA.Create(2048);
        RSAParameters parameters = key.ExportParameters(false);
        string modulus = Base64Url.EncodeToString(parameters.Modulus);
        return $$"""{"keys":[{{string.Join(',', ids.Select(id => $$"""{"kty":"RSA","kid":"{{id}}","n":"{{modulus}}","e":"AQAB"}"""))}}]}""";
    }

    private sealed class SettableClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        internal void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
