using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Patchbay.Policy.Agent.Upstream;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Asks the controller over mutual TLS: ours, or Cloud Foundry's silk-controller.</summary>
internal sealed class ControllerClient(string url, ClientTls tls, TimeSpan timeout) : ILeaseSource
{
    private const int LargestAnswer = 64 << 20;
    private readonly MutualTlsClient _http = new(tls, timeout, LargestAnswer);
    private readonly Uri _root = new($"{url.TrimEnd('/')}/");

    public string Description => url;

    public void Dispose() => _http.Dispose();

    public async Task<Lease> AcquireAsync(IPAddress underlay, bool single, CancellationToken cancel)
    {
        byte[] answer = await PutAsync("leases/acquire", new LeaseRequest { UnderlayIp = underlay.ToString(), SingleOverlayIp = single }, LeaseJson.Default.LeaseRequest, cancel);
        try
        {
            Lease lease = Read("leases/acquire", answer, LeaseJson.Default.LeaseEntry).ToLease();
            return lease.Underlay.Equals(underlay) ? lease : throw new FormatException($"it is the lease of another host: {lease}");
        }
        catch (FormatException e)
        {
            throw new UpstreamException($"{_root}leases/acquire: an answer that is not understood: {e.Message}", e);
        }
    }

    public Task RenewAsync(Lease lease, CancellationToken cancel) => PutAsync("leases/renew", LeaseEntry.Of(lease), LeaseJson.Default.LeaseEntry, cancel);

    public async Task<IReadOnlyList<Lease>> ActiveAsync(List<string> problems, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_root, "leases"));
        return Read("leases", await SendAsync(request, cancel), LeaseJson.Default.LeaseList).ToLeases(problems);
    }

    public Task ReleaseAsync(IPAddress underlay, CancellationToken cancel) =>
        PutAsync("leases/release", new LeaseRequest { UnderlayIp = underlay.ToString() }, LeaseJson.Default.LeaseRequest, cancel);

    private async Task<byte[]> PutAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(_root, path)) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return await SendAsync(request, cancel);
    }

    private async Task<byte[]> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using HttpResponseMessage answer = await _http.SendAsync(request, timeout, cancel);
        byte[] body = await answer.Content.ReadAsByteArrayAsync(cancel);
        if (answer.StatusCode == HttpStatusCode.Conflict)
            throw new LeaseConflictException($"the controller says: {ErrorOf(body)}");
        return answer.IsSuccessStatusCode ? body : throw new UpstreamException($"{request.Method} {request.RequestUri}: status {(int)answer.StatusCode} {ErrorOf(body)}");
    }

    private static string ErrorOf(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, LeaseJson.Default.LeaseError)?.Error ?? "";
        }
        catch (JsonException)
        {
            return ""; // the status alone has to do
        }
    }

    private T Read<T>(string path, byte[] body, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new UpstreamException($"{_root}{path}: an answer that is not understood: {e.Message}", e);
        }
    }
}
