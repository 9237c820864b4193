using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Patchbay.Policy.CloudFoundry;

/// <summary>A service that answers with JSON, under one base address.</summary>
internal sealed class JsonApi : IDisposable
{
    private const int LargestAnswer = 64 << 20;
    private readonly HttpClient _http;
    private readonly string _name;

    /// <param name="name">What it is, for errors.</param>
    /// <param name="url">Where it is.</param>
    /// <param name="caFile">Whom to trust besides nobody else; empty for the system's list.</param>
    /// <param name="skipValidation">Whether to trust anyone.</param>
    [SuppressMessage("Security", "CA5359", Justification = "skip_ssl_validation asks for it, by the name that Cloud Foundry gives this.")]
    internal JsonApi(string name, string url, string caFile, bool skipValidation)
    {
        _name = name;
        var tls = new SslClientAuthenticationOptions();
        if (caFile.Length > 0)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(caFile);
            tls.CertificateChainPolicy = policy;
        }

        if (skipValidation)
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        var handler = new SocketsHttpHandler
        {
            SslOptions = tls,
            AllowAutoRedirect = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri(url.TrimEnd('/') + "/"), Timeout = TimeSpan.FromSeconds(15), MaxResponseContentBufferSize = LargestAnswer };
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Sends a request.</summary>
    /// <param name="request">Its address is relative to the base.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The answer's text.</returns>
    /// <exception cref="UpstreamException">No answer, or not status 200.</exception>
    internal async Task<string> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        string what = $"{_name}: {request.Method} {request.RequestUri}";
        if (what.Length > 200)
            what = $"{what[..200]}…";
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, cancel);
            string text = await response.Content.ReadAsStringAsync(cancel);
            return response.IsSuccessStatusCode ? text : throw new UpstreamException($"{what}: status {(int)response.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new UpstreamException($"{what}: {e.Message}", e);
        }
    }

    /// <summary>Sends a request and reads what is wanted from the JSON of the answer.</summary>
    internal async Task<T> SendAsync<T>(HttpRequestMessage request, Func<JsonElement, T> read, CancellationToken cancel)
    {
        string text = await SendAsync(request, cancel);
        try
        {
            using var document = JsonDocument.Parse(text);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // The last three: a key that is not there, or of another type (System.Text.Json).
            throw new UpstreamException($"{_name}: {request.Method} {request.RequestUri}: an answer that is not understood: {e.Message}", e);
        }
    }
}
