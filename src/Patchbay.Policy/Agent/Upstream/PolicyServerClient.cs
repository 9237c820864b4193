using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>Asks the policy server's internal API over mutual TLS. Works with Cloud Foundry's server and with ours, which also answers when something changes.</summary>
internal sealed class PolicyServerClient : IDisposable
{
    private const int LargestAnswer = 256 << 20;
    private const int PageSize = 5000;

    // Cloud Foundry's server has no such header, and does not tell of changes.
    private const string NumberHeader = "Policies-Last-Updated";

    private readonly Uri _root;
    private readonly TimeSpan _timeout;
    private readonly MutualTlsClient _http;

    internal PolicyServerClient(string url, ClientTls tls, TimeSpan timeout)
    {
        _root = new Uri($"{url.TrimEnd('/')}/networking/v1/internal/");
        _timeout = timeout;
        _http = new MutualTlsClient(tls, timeout, LargestAnswer);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The policies that name one of these apps on either side, if they changed.</summary>
    /// <param name="ids">The apps.</param>
    /// <param name="known">The state that is known, by the name that the server gave it; null for none.</param>
    /// <param name="problems">Is told of policies that make no sense.</param>
    /// <returns>The policies, their state's name, and its number from a server that tells of changes since; no policies when those that are known are the newest.</returns>
    internal async Task<(List<AppPolicy>? Policies, string? State, long? Number)> PoliciesAsync(IEnumerable<string> ids, string? known, List<string> problems, CancellationToken cancel)
    {
        string path = $"policies?id={List(ids)}";
        using HttpResponseMessage? answer = await GetAsync(path, known, TimeSpan.Zero, cancel);
        if (answer is null)
            return (null, known, null);
        long? number = answer.Headers.TryGetValues(NumberHeader, out IEnumerable<string>? values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out long parsed) ? parsed : null;
        return (await ReadAsync(path, answer, text => PolicyDocument.Parse(text.Span, problems), cancel), answer.Headers.ETag?.ToString(), number);
    }

    /// <summary>What became of the policies of some apps since a state.</summary>
    /// <returns>Null when the server does not remember the state.</returns>
    internal async Task<PolicyChanges?> ChangesAsync(IEnumerable<string> ids, long since, List<string> problems, CancellationToken cancel)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"policies_changes?since={since}&id={List(ids)}");
        using HttpResponseMessage? answer = await GetAsync(path, null, TimeSpan.Zero, cancel, HttpStatusCode.Gone);
        return answer!.StatusCode == HttpStatusCode.Gone ? null : await ReadAsync(path, answer, text => PolicyDocument.ParseChanges(text.Span, problems), cancel);
    }

    /// <summary>The number of the policies' state.</summary>
    internal async Task<long> LastUpdatedAsync(CancellationToken cancel)
    {
        using HttpResponseMessage? answer = await GetAsync("policies_last_updated", null, TimeSpan.Zero, cancel);
        return await ReadAsync("policies_last_updated", answer!, Number, cancel);
    }

    /// <summary>Waits until the policies' state has another name than the one known.</summary>
    /// <returns>The name; null from a server that does not name its states, and so cannot wait.</returns>
    internal async Task<string?> NextStateAsync(string? known, TimeSpan wait, CancellationToken cancel)
    {
        using HttpResponseMessage? answer = await GetAsync("policies_last_updated", known, wait, cancel);
        return answer is null ? known : answer.Headers.ETag?.ToString();
    }

    /// <summary>The security groups of some spaces, and those of all.</summary>
    internal async Task<List<SecurityGroupRules>> SecurityGroupsAsync(IEnumerable<string> spaces, List<string> problems, CancellationToken cancel)
    {
        var all = new List<SecurityGroupRules>();
        string list = List(spaces);
        for (long from = 0; ;)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"security_groups?space_guids={list}&from={from}&limit={PageSize}&per_page={PageSize}");
            using HttpResponseMessage? answer = await GetAsync(path, null, TimeSpan.Zero, cancel);
            (List<SecurityGroupRules> groups, long next) = await ReadAsync(path, answer!, text => SecurityGroupDocument.Parse(text, problems), cancel);
            all.AddRange(groups);
            if (next <= from)
                return all;
            from = next;
        }
    }

    /// <summary>The tag of the router, which gets one by being asked for.</summary>
    internal async Task<ushort> RouterTagAsync(CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(_root, "tags"))
        {
            Content = new StringContent($"{{\"id\":\"{Planner.Router}\",\"type\":\"router\"}}", Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage answer = await SendAsync(request, _timeout, cancel);
        return await ReadAsync("tags", answer, Tag, cancel);

        static ushort Tag(ReadOnlyMemory<byte> text)
        {
            using var document = JsonDocument.Parse(text);
            string? tag = document.RootElement.GetProperty("tag").GetString();
            return PolicyReader.Tag(tag) ?? throw new JsonException($"the router's tag is \"{tag}\", which is none of 16 bits");
        }
    }

    // Null: nothing changed.
    private async Task<HttpResponseMessage?> GetAsync(string path, string? known, TimeSpan wait, CancellationToken cancel, HttpStatusCode alsoGood = HttpStatusCode.OK)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_root, path));
        if (known is not null && EntityTagHeaderValue.TryParse(known, out EntityTagHeaderValue? tag))
            request.Headers.IfNoneMatch.Add(tag);
        if (wait > TimeSpan.Zero)
            request.Headers.Add("Prefer", string.Create(CultureInfo.InvariantCulture, $"wait={(int)wait.TotalSeconds}")); // RFC 7240, 4.3
        HttpResponseMessage answer = await SendAsync(request, wait + _timeout, cancel, alsoGood);
        if (answer.StatusCode != HttpStatusCode.NotModified)
            return answer;
        answer.Dispose();
        return null;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, TimeSpan timeout, CancellationToken cancel, HttpStatusCode alsoGood = HttpStatusCode.OK)
    {
        HttpResponseMessage answer = await _http.SendAsync(request, timeout, cancel);
        if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotModified || answer.StatusCode == alsoGood)
            return answer;
        using (answer)
            throw new UpstreamException($"{MutualTlsClient.What(request)}: status {(int)answer.StatusCode}");
    }

    private static async Task<T> ReadAsync<T>(string path, HttpResponseMessage answer, Func<ReadOnlyMemory<byte>, T> read, CancellationToken cancel)
    {
        try
        {
            return read(await answer.Content.ReadAsByteArrayAsync(cancel));
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            throw new UpstreamException($"{MutualTlsClient.Shorten(path)}: an answer that is not understood: {e.Message}", e);
        }
    }

    private static string List(IEnumerable<string> ids) => string.Join(',', ids.Select(Uri.EscapeDataString));

    private static long Number(ReadOnlyMemory<byte> text) => long.Parse(Encoding.ASCII.GetString(text.Span).Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
